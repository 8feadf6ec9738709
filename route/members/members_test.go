// SPDX-License-Identifier: Apache-2.0

package members_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/route"
	"github.com/banyan-go/banyan/route/members"
)

// The list follows the cluster: who is there with zone and weight, who drains, stays after all, is not heard, and has left.
func TestOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"a@sim", "b@sim", "c@sim"}
		sim := banyantest.Cluster(t, banyantest.Nodes(names...), banyantest.Seed(1))
		addr := func(name string) string { return net.JoinHostPort(sim.Host(name).IP().String(), "7946") }
		clusters := map[string]*cluster.Cluster{}
		for i, name := range names {
			c, err := cluster.Start(t.Context(), sim.Node(name), cluster.Config{Cluster: "shop", Secret: "a secret", Listen: addr(name),
				Network: sim.Host(name), Discovery: []cluster.Discovery{discover.Static(addr("a@sim"), addr("b@sim"))},
				Zone: "zone of " + name, Weight: float64(i + 1)})
			if err != nil {
				t.Fatal(err)
			}
			clusters[name] = c
		}
		nodes, err := members.Of(clusters["a@sim"])
		if err != nil {
			t.Fatal(err)
		}
		expect := func(within time.Duration, c ...route.State) {
			t.Helper()
			var list []route.NodeInfo
			for begin := time.Now(); time.Since(begin) <= within; <-time.After(time.Millisecond) {
				synctest.Wait()
				list = nodes.List()
				if len(list) != 2+len(c) || list[0].State != route.Up || list[1] != (route.NodeInfo{Name: "b@sim", Zone: "zone of b@sim", Weight: 2}) {
					continue
				}
				if len(c) == 0 || list[2] == (route.NodeInfo{Name: "c@sim", Zone: "zone of c@sim", Weight: 3, State: c[0]}) {
					return
				}
			}
			t.Fatalf("after %v they are %+v, wanted %v", within, list, c)
		}
		expect(10*time.Second, route.Up)
		c := clusters["c@sim"]
		hold := make(chan struct{})
		c.OnDrain(func(ctx context.Context) error {
			select {
			case <-hold:
			case <-ctx.Done():
			}
			return nil
		})
		done := make(chan error)
		go func() { done <- c.Drain(t.Context()) }()
		expect(20*time.Millisecond, route.Draining) // by the link, long before the gossip
		if err := c.Undrain(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-done
		expect(2*time.Second, route.Up)
		version := nodes.Version()
		sim.Isolate("c@sim")
		expect(30*time.Second, route.Suspect)
		if nodes.Version() == version {
			t.Error("the version is the same")
		}
		sim.HealAll()
		expect(60*time.Second, route.Up)
		close(hold)
		if err := c.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(5 * time.Second)
	})
}
