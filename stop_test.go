// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// unstopped is a node that the test stops itself.
func unstopped(t *testing.T, opts ...banyan.Option) *banyan.Node {
	t.Helper()
	n, err := banyan.Start("test@127.0.0.1", append(opts, banyan.WithLogger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// settled waits until there are no more goroutines than before.
func settled(t *testing.T, before int) {
	t.Helper()
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i == 300 {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestNoGoroutineIsLeftAfterStop(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		n := unstopped(t)
		ctx := outside(n)
		_, a := spawnLab(t, n)
		for range 100 {
			_, b := spawnLab(t, n)
			in(t, n, b, func(self *banyan.Self) {
				self.Every(time.Hour, 1)
				self.SendAfter(time.Hour, 1)
				self.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
				c, cancel := context.WithTimeout(self, time.Hour)
				defer cancel()
				_, _ = banyan.Call(c, a, ask{func(*banyan.Self) (int, error) { return 0, nil }})
			})
			later(t, n, b, func(self *banyan.Self) error { // waits when Stop comes
				_, err := banyan.Call(self, a, ask{func(self *banyan.Self) (int, error) { banyan.Defer[int](self); return 0, nil }})
				return err
			})
			plain(t, n, func(self *banyan.Self) error { _, err := self.Receive(self); return err })
		}
		if err := n.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if n.Stats().Processes != 0 {
			t.Errorf("%d processes", n.Stats().Processes)
		}
	}
	settled(t, before)
}

func TestStopLetsProcessesCleanUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := unstopped(t)
		var labs []*lab
		for range 10 {
			l, _ := spawnLab(t, n, banyan.TrapExits())
			labs = append(labs, l)
		}
		if err := n.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, l := range labs {
			if err := next(t, l.ended); err != banyan.ErrShutdown {
				t.Errorf("ended with %v", err)
			}
		}
		select {
		case <-n.Done():
		default:
			t.Error("Done is open")
		}
		if err := n.Stop(context.Background()); err != nil { // again: the same answer
			t.Error(err)
		}
		_, err := banyan.SpawnState(n, newLab())
		errorIs(t, err, banyan.ErrNodeStopped)
		_, err = banyan.Go(n, func(*banyan.Self) error { return nil })
		errorIs(t, err, banyan.ErrNodeStopped)
	})
}

func TestStopNamesWhatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := unstopped(t)
		hold := make(chan struct{})
		_, a := spawnLab(t, n)
		later(t, n, a, func(*banyan.Self) error { deafHandler(hold); return nil })
		pid, _ := plain(t, n, func(*banyan.Self) error { deafHandler(hold); return nil })
		synctest.Wait()
		start := time.Now()
		err := n.Stop(context.Background())
		errorIs(t, err, banyan.ErrStuck)
		for _, s := range []string{a.PID().String(), pid.String(), "lab"} {
			if !contains(err, s) {
				t.Errorf("%q does not name %s", err, s)
			}
		}
		if d := time.Since(start); d < 5*time.Second || d > 6*time.Second {
			t.Errorf("took %v", d)
		}
		stuck := n.Stuck()
		if len(stuck) != 2 || !strings.Contains(stuck[0].Stack, "deafHandler") || !strings.Contains(stuck[1].Stack, "deafHandler") {
			t.Errorf("stuck: %+v", stuck)
		}
		close(hold) // they end all the same
		synctest.Wait()
		if got := n.Stuck(); len(got) != 0 {
			t.Errorf("stuck: %+v", got)
		}
	})
}

// A goroutine of Self.Go that does not end is named as well: no goroutine runs on unmentioned.
func TestStopTellsOfAStuckGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := unstopped(t)
		hold := make(chan struct{})
		_, a := spawnLab(t, n)
		in(t, n, a, func(self *banyan.Self) {
			self.Go(func(context.Context) error { deafHandler(hold); return nil })
		})
		if err := n.Stop(context.Background()); !errors.Is(err, banyan.ErrStuck) {
			t.Errorf("got %v", err)
		}
		close(hold)
	})
}

// With a context that is over, everything is killed at once; that is no reason to call what ends at once stuck.
func TestStopAtOnce(t *testing.T) {
	for range 20 {
		n := unstopped(t)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 20 {
			_, a := spawnLab(t, n)
			later(t, n, a, func(self *banyan.Self) error {
				_, err := banyan.Call(self, a, sleepFor(0))
				<-self.Done()
				return err
			})
			plain(t, n, func(self *banyan.Self) error { _, err := self.Receive(self); return err })
		}
		if err := n.Stop(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStopInAHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := unstopped(t)
		_, a := spawnLab(t, n)
		got := make(chan error, 1)
		later(t, n, a, func(*banyan.Self) error { got <- n.Stop(context.Background()); return nil })
		errorIs(t, next(t, got), banyan.ErrStuck) // it waits for itself, but not for ever
	})
}

func TestStopOfNodeWithManyServers(t *testing.T) {
	n := unstopped(t)
	for range 20_000 {
		spawnDeaf(t, n)
	}
	if err := n.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func spawnDeaf(t testing.TB, n *banyan.Node) banyan.Ref[*deaf] {
	t.Helper()
	ref, err := banyan.SpawnState(n, &deaf{})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// What was registered last is stopped first, and all of it before any process is told to end.
func TestAtStopRunsInReverseBeforeTheProcesses(t *testing.T) {
	n, err := banyan.Start("atstop@127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	_, a := spawnLab(t, n)
	var order []int
	for i := range 3 {
		n.AtStop(func(context.Context) {
			if _, alive := n.Info(a.PID()); !alive {
				t.Error("a process ended before the hooks had run")
			}
			order = append(order, i)
		})
	}
	if err := n.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(order) != 3 || order[0] != 2 || order[2] != 0 {
		t.Errorf("hooks ran as %v", order)
	}
}
