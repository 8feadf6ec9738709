// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/route"
)

// quick is a server that answers at once.
type quick struct{}

type echo struct{ N int }

func (m echo) Call(*quick, *banyan.Self) (int, error) { return m.N, nil }

func init() { banyan.RegisterCall[echo]("echo") }

// quicks are eight servers on the caller's own node, or on another one over loopback TCP.
func quicks(tb testing.TB, remote bool) (*banyan.Node, []banyan.Ref[*quick]) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	start := func(name string) *banyan.Node {
		n, err := banyan.Start(name, banyan.WithLogger(slog.New(slog.DiscardHandler)),
			banyan.WithTransport(dist.New(dist.Config{Cookie: "c", Names: &dist.EPMD{Port: port}})))
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = n.Stop(context.Background()) })
		return n
	}
	a := start("bencha@127.0.0.1")
	at := a
	if remote {
		at = start("benchb@127.0.0.1")
	}
	var refs []banyan.Ref[*quick]
	for range 8 {
		server, err := banyan.SpawnState(at, &quick{})
		if err != nil {
			tb.Fatal(err)
		}
		ref, err := banyan.RefOf[*quick](a, server.PID())
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := banyan.Call(outside(a), ref, echo{1}); err != nil {
			tb.Fatal(err)
		}
		refs = append(refs, ref)
	}
	return a, refs
}

func call(tb testing.TB, ctx context.Context, to banyan.Dest[*quick]) {
	if n, err := banyan.Call(ctx, to, echo{7}); n != 7 || err != nil {
		tb.Fatal(n, err)
	}
}

// BenchmarkCall is a plain call, and one through a router, to servers of this node and of another one.
func BenchmarkCall(b *testing.B) {
	for _, remote := range []bool{false, true} {
		where := "here"
		if remote {
			where = "elsewhere"
		}
		b.Run(where, func(b *testing.B) {
			n, refs := quicks(b, remote)
			ctx := outside(n)
			all := banyan.Refs(refs...)
			b.Run("plain", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					call(b, ctx, refs[0])
				}
			})
			for _, p := range policies {
				r := route.New(n, all, p)
				b.Run(p.String(), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						call(b, ctx, r)
					}
				})
			}
			r := route.New(n, all)
			b.Run("key", func(b *testing.B) {
				b.ReportAllocs()
				key := r.Key("user-42")
				for b.Loop() {
					call(b, ctx, key)
				}
			})
		})
	}
}

// A call through a router allocates no more than a plain one: nothing to a server of this node. The list of targets is looked up in
// between, which does.
func TestRoutedCallsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, remote := range []bool{false, true} {
		n, refs := quicks(t, remote)
		ctx := outside(n)
		allocs := func(to banyan.Dest[*quick]) float64 {
			call(t, ctx, to)
			best := 1e9
			for range 5 { // others of the nodes allocate now and then
				best = min(best, testing.AllocsPerRun(500, func() { call(t, ctx, to) }))
			}
			return best
		}
		plain := allocs(refs[0])
		if !remote && plain != 0 {
			t.Errorf("a plain call allocates %v times", plain)
		}
		for _, p := range policies {
			if routed := allocs(route.New(n, banyan.Refs(refs...), p)); routed > plain {
				t.Errorf("remote is %v: a call by %v allocates %v times, a plain one %v times", remote, p, routed, plain)
			}
		}
		if keyed := allocs(route.New(n, banyan.Refs(refs...)).Key("user-42")); keyed > plain {
			t.Errorf("remote is %v: a call by key allocates %v times, a plain one %v times", remote, keyed, plain)
		}
	}
}
