// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/banyan-go/banyan"
)

type heap struct{ n int }

type bundle struct {
	A, B int64
	S    string
	D    []byte
}

func (m bundle) Cast(s *heap, _ *banyan.Self) error { s.n++; return nil }

type heapSize struct{}

func (heapSize) Call(s *heap, _ *banyan.Self) (int, error) { return s.n, nil }

// BenchmarkCast sends notes of about 100 bytes from one node to another in the same program.
func BenchmarkCast(b *testing.B) {
	banyan.RegisterCast[bundle]("bundle")
	banyan.RegisterCall[heapSize]("heap_size")
	names := localNames{newMemory()}
	start := func(name string) *banyan.Node {
		n, err := banyan.Start(name, banyan.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
			banyan.WithTransport(New(Config{Cookie: "cookiecookiecookiecookie", Names: names})))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = n.Stop(context.Background()) })
		return n
	}
	x, y := start("x@127.0.0.1"), start("y@127.0.0.1")
	server, err := banyan.SpawnState(y, &heap{})
	if err != nil {
		b.Fatal(err)
	}
	to, err := banyan.RefOf[*heap](x, server.PID())
	if err != nil {
		b.Fatal(err)
	}
	ctx := x.Context(context.Background())
	if _, err := banyan.Call(ctx, to, heapSize{}); err != nil {
		b.Fatal(err)
	}
	m := bundle{1, 2, "hello there banyan", make([]byte, 60)}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := banyan.Cast(ctx, to, m); err != nil {
			b.Fatal(err)
		}
	}
	for n := 0; n < b.N; {
		if n, err = banyan.Call(ctx, to, heapSize{}); err != nil {
			b.Fatal(err)
		}
	}
}
