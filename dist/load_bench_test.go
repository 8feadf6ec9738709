// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"testing"

	"github.com/banyan-go/banyan"
)

// pair is two nodes linked over loopback TCP, and a shop on the second one.
func pair(b testing.TB) (*banyan.Node, banyan.Ref[*shop]) {
	names := localNames{newMemory()}
	x, _ := startNode(b, "x@127.0.0.1", Config{Cookie: "c", Names: names})
	y, _ := startNode(b, "y@127.0.0.1", Config{Cookie: "c", Names: names})
	server, err := banyan.Spawn(y, newShop)
	if err != nil {
		b.Fatal(err)
	}
	to, err := banyan.RefOf[*shop](x, server.PID())
	if err != nil {
		b.Fatal(err)
	}
	via := &one[*shop]{to: to}
	for !via.load.Known { // until the nodes have greeted each other
		if _, err := banyan.Call(x.Context(context.Background()), via, echoText{"x"}); err != nil {
			b.Fatal(err)
		}
	}
	return x, to
}

// BenchmarkCall is a call to another node, and one that asks for the load: what telling it costs.
func BenchmarkCall(b *testing.B) {
	x, to := pair(b)
	ctx := x.Context(context.Background())
	for name, dest := range map[string]banyan.Dest[*shop]{"plain": to, "load": &one[*shop]{to: to}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := banyan.Call(ctx, dest, takeTea{"tea", 0}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A call that asks for the load allocates no more than a plain one, on both nodes together.
func TestLoadAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	x, to := pair(t)
	ctx := x.Context(context.Background())
	allocs := func(dest banyan.Dest[*shop]) float64 {
		best := 1e9
		for range 5 { // others of the two nodes allocate now and then
			best = min(best, testing.AllocsPerRun(1000, func() {
				if _, err := banyan.Call(ctx, dest, takeTea{"tea", 0}); err != nil {
					t.Fatal(err)
				}
			}))
		}
		return best
	}
	plain, via := allocs(to), allocs(&one[*shop]{to: to})
	t.Log("allocations of a call:", plain, "and one with the load:", via)
	if via > plain {
		t.Errorf("a call that asks for the load allocates %v times, another %v times", via, plain)
	}
}
