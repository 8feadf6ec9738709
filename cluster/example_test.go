// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/dist"
)

// Two nodes of one program; usually each is a program of its own, and the seeds come from package discover.
func Example() {
	ctx := context.Background()
	var seeds static
	var last *cluster.Cluster
	names := &dist.EPMD{Port: 14369} // a port mapper of our own
	for _, name := range []string{"one@127.0.0.1", "two@127.0.0.1"} {
		node, err := banyan.Start(name, banyan.WithTransport(dist.New(dist.Config{Cookie: "secret", Names: names})))
		if err != nil {
			fmt.Println(err)
			return
		}
		defer node.Stop(ctx)
		if last, err = cluster.Start(ctx, node, cluster.Config{Secret: "secret", Discovery: []cluster.Discovery{seeds}}); err != nil {
			fmt.Println(err)
			return
		}
		seeds = append(seeds, last.Addr())
	}
	up := 0
	for e := range last.Events(ctx) {
		members := append(e.Members, e.Member) // of a snapshot, or of a change
		for _, m := range members {
			if m.State == cluster.Up && (e.Kind == cluster.Snapshot || e.Kind == cluster.StateChanged || e.Kind == cluster.Joined) {
				fmt.Println(m.Name, "is up")
				up++
			}
		}
		if up == 2 {
			break
		}
	}
	// Output:
	// one@127.0.0.1 is up
	// two@127.0.0.1 is up
}
