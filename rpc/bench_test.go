// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/internal/erltest"
)

// tcpPair is two nodes over TCP on loopback.
func tcpPair(b *testing.B) (x, y *banyan.Node) {
	names := &dist.EPMD{Port: erltest.FreePort(b)}
	for _, name := range []string{"bench1@127.0.0.1", "bench2@127.0.0.1"} {
		n, err := banyan.Start(name, banyan.WithTransport(dist.New(dist.Config{Cookie: "bench", Names: names})))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = n.Stop(ctx)
		})
		x, y = y, n
	}
	return x, y
}

func benchCall(b *testing.B, ctx context.Context, node banyan.Atom) {
	b.ReportAllocs()
	for b.Loop() {
		if v, err := Call[int](ctx, node, "t", "add", 1, 2); v != 3 || err != nil {
			b.Fatal(v, err)
		}
	}
}

func BenchmarkCallLocal(b *testing.B) {
	n, err := banyan.Start("bench@local")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = n.Stop(context.Background()) })
	start(b, n)
	benchCall(b, n.Context(b.Context()), "")
}

func BenchmarkCallTCP(b *testing.B) {
	x, y := tcpPair(b)
	start(b, y)
	benchCall(b, x.Context(b.Context()), y.Name())
}

func BenchmarkCallTCPParallel(b *testing.B) {
	x, y := tcpPair(b)
	start(b, y)
	ctx := x.Context(b.Context())
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if v, err := Call[int](ctx, y.Name(), "t", "add", 1, 2); v != 3 || err != nil {
				b.Error(v, err)
			}
		}
	})
}

func BenchmarkCallTCP64K(b *testing.B) {
	x, y := tcpPair(b)
	start(b, y)
	ctx := x.Context(b.Context())
	data := make([]byte, 64<<10)
	b.SetBytes(int64(2 * len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if v, err := Call[[]byte](ctx, y.Name(), "t", "echo", data); len(v) != len(data) || err != nil {
			b.Fatal(len(v), err)
		}
	}
}
