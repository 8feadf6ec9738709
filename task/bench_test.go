// SPDX-License-Identifier: Apache-2.0

package task_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/task"
)

func benchNode(b *testing.B) *banyan.Node {
	b.Helper()
	n, err := banyan.Start("bench@localhost", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = n.Stop(context.Background()) })
	return n
}

// inServer runs f in a server, b.N times or as often as it wants.
func inServer(b *testing.B, f func(self *banyan.Self) error) {
	n := benchNode(b)
	ref, err := banyan.SpawnState(n, &owner{make(chan any, 100), make(chan error, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	if _, err := banyan.Call(n.Context(context.Background()), ref, do{f}, banyan.Timeout(time.Hour)); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkAsyncAwait(b *testing.B) {
	inServer(b, func(self *banyan.Self) error {
		for b.Loop() {
			tk, err := task.Async(self, seven)
			if err != nil {
				return err
			}
			if v, err := tk.Await(self); v != 7 || err != nil {
				return err
			}
		}
		return nil
	})
}

func BenchmarkStream(b *testing.B) {
	inServer(b, func(self *banyan.Self) error {
		want := 0
		for v, err := range task.Stream(self, self, func(yield func(int) bool) {
			for i := 0; b.Loop() && yield(i); i++ {
			}
		}, func(_ context.Context, i int) (int, error) { return i, nil }, task.MaxConcurrency(16)) {
			if err != nil || v != want {
				b.Error(v, want, err)
			}
			want++
		}
		return nil
	})
}

// A thousand functions that wait for 10 ms each take little longer than one.
func BenchmarkThousandThatWait(b *testing.B) {
	inServer(b, func(self *banyan.Self) error {
		for b.Loop() {
			n := 0
			for _, err := range task.Stream(self, self, upTo(1000), func(ctx context.Context, i int) (int, error) {
				<-time.After(10 * time.Millisecond)
				return i, nil
			}, task.MaxConcurrency(1000)) {
				if err != nil {
					return err
				}
				n++
			}
			if n != 1000 {
				b.Error(n)
			}
		}
		return nil
	})
}
