// SPDX-License-Identifier: Apache-2.0

package supervisor_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// brief is a child that tells of its start.
type brief struct{}

type crashNow struct{}

func (crashNow) Cast(*brief, *banyan.Self) error { return errCrash }

// BenchmarkRestart: a child that crashes as soon as it has started, again and again, with all restarts in the window.
func BenchmarkRestart(b *testing.B) {
	node, err := banyan.Start("bench@127.0.0.1", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = node.Stop(context.Background()) }()
	b.ReportAllocs()
	left, done := b.N, make(chan struct{})
	_, err = supervisor.New("s", supervisor.OneForOne, supervisor.Intensity(100_000_000, time.Hour),
		supervisor.Worker("a", func(_ context.Context, self *banyan.Self) (*brief, error) {
			if left--; left == 0 {
				close(done)
			}
			if left <= 0 {
				return &brief{}, nil
			}
			ref, err := banyan.RefOf[*brief](self.Node(), self.PID())
			if err != nil {
				return nil, err
			}
			return &brief{}, banyan.Cast(self, ref, crashNow{})
		})).Start(node)
	if err != nil {
		b.Fatal(err)
	}
	<-done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "restarts/s")
}

// BenchmarkRestartGroup: ten children are stopped and started again.
func BenchmarkRestartGroup(b *testing.B) {
	node, err := banyan.Start("bench@127.0.0.1", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = node.Stop(context.Background()) }()
	started := make(chan banyan.Ref[*brief], 1)
	items := []supervisor.Item{supervisor.Intensity(100_000_000, time.Hour)}
	for i := range 10 {
		items = append(items, supervisor.Worker(string(rune('a'+i)), func(_ context.Context, self *banyan.Self) (*brief, error) {
			if i == 9 {
				ref, _ := banyan.RefOf[*brief](self.Node(), self.PID())
				started <- ref
			}
			return &brief{}, nil
		}))
	}
	if _, err = supervisor.New("s", supervisor.OneForAll, items...).Start(node); err != nil {
		b.Fatal(err)
	}
	ctx := node.Context(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		if err := banyan.Cast(ctx, <-started, crashNow{}); err != nil {
			b.Fatal(err)
		}
	}
}
