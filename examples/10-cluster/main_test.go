// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/cluster"
)

// seeds are fixed addresses.
type seeds []string

func (s seeds) Discover(_ context.Context, found func([]string)) error {
	found(s)
	return nil
}

// The same on a simulated network, in virtual time.
func TestStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"a@127.0.0.1", "b@127.0.0.1", "c@127.0.0.1"}
		sim := banyantest.Cluster(t, banyantest.Nodes(names...))
		first := net.JoinHostPort(sim.Host(names[0]).IP().String(), "7946")
		var nodes []*banyan.Node
		var last *cluster.Cluster
		for _, name := range names {
			c, err := join(t.Context(), sim.Node(name), cluster.Config{Network: sim.Host(name), Discovery: []cluster.Discovery{seeds{first}},
				Listen: net.JoinHostPort(sim.Host(name).IP().String(), "7946")})
			if err != nil {
				t.Fatal(err)
			}
			nodes, last = append(nodes, sim.Node(name)), c
		}
		var out strings.Builder
		if err := story(t.Context(), &out, nodes, last); err != nil {
			t.Fatal(err)
		}
		want := "30 people were served at 3 desks\nc@127.0.0.1 has left\n30 people were served at 2 desks\n"
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
	})
}
