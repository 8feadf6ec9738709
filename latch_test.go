// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

func TestLatch(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		var l banyan.Latch
		start := time.Now()
		if err := l.Wait(banyan.Within(ctx, time.Second)); !errors.Is(err, banyan.ErrTimeout) || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
		cctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		if err := l.Wait(cctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		time.AfterFunc(time.Second, l.Open)
		for range 2 {
			if err := l.Wait(ctx); err != nil {
				t.Error(err)
			}
		}
		if !l.IsOpen() || time.Since(start) != 3*time.Second {
			t.Error(l.IsOpen(), time.Since(start))
		}
	})
}

func TestLatchAndExitSignals(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		var l banyan.Latch
		pid, ended := plain(t, n, func(self *banyan.Self) error { return l.Wait(self) })
		synctest.Wait()
		if err := banyan.SendExit(outside(n), pid, errBoom); err != nil {
			t.Fatal(err)
		}
		if err := next(t, ended); err != errBoom {
			t.Error(err)
		}
		l.Open()
	})
}

func TestRunAtOnThisNode(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		n.Export("jobs", "answer", 1, func(self *banyan.Self, args []any) error {
			if p := self.Parent(); p.IsZero() || p.Node != n.Name() {
				t.Error("parent", p)
			}
			return &banyan.TermError{Term: args[0], Answer: true}
		})
		n.Export("jobs", "sleep", 0, func(self *banyan.Self, _ []any) error {
			<-self.Done()
			return self.Err()
		})
		n.Export("jobs", "die", 0, func(self *banyan.Self, _ []any) error {
			return banyan.SendExit(self, self.PID(), banyan.ErrKill)
		})
		reason, err := banyan.RunAt(ctx, n.Name(), "jobs", "answer", []any{42})
		if term := (*banyan.TermError)(nil); err != nil || !errors.As(reason, &term) || term.Term != 42 {
			t.Error(reason, err)
		}
		var undef *banyan.UndefinedError
		if reason, err := banyan.RunAt(ctx, "", "jobs", "answer", nil); err != nil || !errors.As(reason, &undef) || undef.Function != "answer" {
			t.Error(reason, err)
		}
		if reason, err := banyan.RunAt(ctx, "", "jobs", "die", nil); err != nil || reason != banyan.ErrKilled {
			t.Error(reason, err)
		}
		start := time.Now()
		if _, err := banyan.RunAt(banyan.Within(ctx, time.Second), "", "jobs", "sleep", nil); !errors.Is(err, banyan.ErrTimeout) || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
	})
}
