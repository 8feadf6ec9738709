// SPDX-License-Identifier: Apache-2.0

package statem_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/statem"
)

type lamp struct {
	statem.Machine[bool]
	changes int
}

func (l *lamp) Enter(*banyan.Self, bool) error { l.changes++; return nil }

// press changes the state each time, with a time-out that never comes if Timed.
type press struct{ Timed bool }

func (m press) Cast(l *lamp, _ *banyan.Self) error {
	l.Next(!l.State())
	if m.Timed {
		statem.StateTimeout(l, time.Hour, press{})
	}
	return nil
}

type look struct{}

func (look) Call(l *lamp, _ *banyan.Self) (int, error) { return l.changes, nil }

// plainLamp is the same as an ordinary server, to compare with.
type plainLamp struct {
	on      bool
	changes int
}

type pressPlain struct{}

func (pressPlain) Cast(l *plainLamp, _ *banyan.Self) error { l.on = !l.on; l.changes++; return nil }

type lookPlain struct{}

func (lookPlain) Call(l *plainLamp, _ *banyan.Self) (int, error) { return l.changes, nil }

func benchNode(b *testing.B) (*banyan.Node, context.Context) {
	b.Helper()
	n, err := banyan.Start("bench@localhost", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = n.Stop(context.Background()) })
	return n, n.Context(context.Background())
}

// run sends b.N casts to a server, and waits for them every so often; all must have been handled.
func run[S any, C banyan.Note[S], Q banyan.Query[S, int]](b *testing.B, state S, c C, q Q, base int) {
	n, ctx := benchNode(b)
	ref, err := banyan.SpawnState(n, state)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	got := 0
	for i := 0; b.Loop(); i++ {
		if err := banyan.Cast(ctx, ref, c); err != nil {
			b.Fatal(err)
		}
		if i%512 == 511 {
			if got, err = banyan.Call[S, int](ctx, ref, q); err != nil || got != i+1+base {
				b.Fatal(got, i, err)
			}
		}
	}
	if got, err = banyan.Call[S, int](ctx, ref, q); err != nil || got != b.N+base {
		b.Fatal(got, b.N, err)
	}
}

func BenchmarkPlainServer(b *testing.B) { run(b, &plainLamp{}, pressPlain{}, lookPlain{}, 0) }

func BenchmarkTransition(b *testing.B) {
	run(b, &lamp{Machine: statem.In(false)}, press{}, look{}, 1)
}

func BenchmarkTransitionWithTimeout(b *testing.B) {
	run(b, &lamp{Machine: statem.In(false)}, press{Timed: true}, look{}, 1)
}
