// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// held is a lab that is in a handler until release is called; then its mailbox is read.
func held(t *testing.T, n *banyan.Node, opts ...banyan.SpawnOption) (l *lab, ref labRef, release func()) {
	t.Helper()
	l, ref = spawnLab(t, n, opts...)
	hold := make(chan struct{})
	later(t, n, ref, func(*banyan.Self) error { <-hold; return nil })
	synctest.Wait()
	return l, ref, func() { close(hold); synctest.Wait() }
}

func TestMailboxBoundsCount(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a, release := held(t, n, banyan.Mailbox(banyan.Limits{Messages: 10}))
		for i := range 10 {
			sendAll(t, n, a.PID(), i)
		}
		full := func(err error) {
			t.Helper()
			errorIs(t, err, banyan.ErrMailboxFull, banyan.ErrNotDelivered)
		}
		_, err := banyan.Call(outside(n), a, ask{func(*banyan.Self) (int, error) { return 0, nil }})
		full(err)
		full(banyan.Cast(outside(n), a, bump{1}))
		full(banyan.Send(outside(n), a.PID(), 1))
		for r := range banyan.CallAll(outside(n), banyan.Refs(a), ask{func(*banyan.Self) (int, error) { return 0, nil }}) {
			full(r.Err)
		}
		if n.Stats().Overflows != 4 {
			t.Errorf("%d overflows", n.Stats().Overflows)
		}
		release()
		for i := range 10 {
			if got := nextOf[int](t, l.infos); got != i {
				t.Fatalf("got %d", got)
			}
		}
		none(t, l.infos)
		in(t, n, a, func(*banyan.Self) {}) // open again
	})
}

// An idle server has room for as many as it says, no more, also when the first of them wakes it.
func TestMailboxBoundFromIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := quietNode(t, banyan.WithWorkers(1))
		_, busy := spawnLab(t, n)
		_, a := spawnLab(t, n, banyan.Mailbox(banyan.Limits{Messages: 3}))
		sent := 0
		in(t, n, busy, func(self *banyan.Self) { // the only worker: nobody takes the messages meanwhile
			for sent < 10 && banyan.Send(self, a.PID(), sent) == nil {
				sent++
			}
		})
		if sent != 3 {
			t.Errorf("took %d messages, the bound is 3", sent)
		}
	})
}

func TestMailboxBoundsBytes(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a, release := held(t, n, banyan.Mailbox(banyan.Limits{Bytes: 10_000}))
		big := strings.Repeat("x", 4000)
		sendAll(t, n, a.PID(), big, big)
		errorIs(t, banyan.Send(outside(n), a.PID(), big), banyan.ErrMailboxFull, banyan.ErrNotDelivered)
		sendAll(t, n, a.PID(), "small")
		if i, _ := n.Info(a.PID()); i.Bytes < 8000 || i.Bytes > 10_000 {
			t.Errorf("%d bytes", i.Bytes)
		}
		errorIs(t, banyan.Send(outside(n), a.PID(), strings.Repeat("x", 11_000)), banyan.ErrMailboxFull)
		release()
		sendAll(t, n, a.PID(), big) // there is room again
	})
}

func TestMailboxWithoutBounds(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a, release := held(t, n, banyan.Mailbox(banyan.Limits{Messages: -1, Bytes: -1}))
		defer release()
		for range 1000 {
			sendAll(t, n, a.PID(), strings.Repeat("x", 1000))
		}
	}, banyan.WithMailbox(banyan.Limits{Messages: 1, Bytes: 1}))
}

// Signals, replies and timers pass a full mailbox.
func TestSignalsPassAFullMailbox(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, b := spawnLab(t, n)
		l, a := spawnLab(t, n, banyan.TrapExits())
		hold := make(chan struct{})
		later(t, n, a, func(self *banyan.Self) error {
			self.Monitor(b.PID())
			_ = self.Link(b.PID())
			v, err := banyan.Call(self, b, ask{func(*banyan.Self) (int, error) { <-hold; return 4, nil }}) // its reply, too
			if v != 4 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
			_ = banyan.SendExit(self, b.PID(), errBoom)
			<-time.After(time.Second)
			return nil
		})
		synctest.Wait()
		for banyan.Send(outside(n), a.PID(), 0) == nil {
		}
		close(hold)
		<-time.After(2 * time.Second)
		got := map[string]int{}
		for len(l.infos) > 0 {
			switch (<-l.infos).(type) {
			case banyan.Down:
				got["down"]++
			case banyan.Exit:
				got["exit"]++
			}
		}
		if got["down"] != 1 || got["exit"] != 1 {
			t.Errorf("got %v", got)
		}
	}, banyan.WithMailbox(banyan.Limits{Messages: 5}))
}

func TestExitSignalPassesAFullMailbox(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a, release := held(t, n, banyan.Mailbox(banyan.Limits{Messages: 1}))
		for banyan.Send(outside(n), a.PID(), 0) == nil {
		}
		_ = banyan.SendExit(outside(n), a.PID(), errBoom)
		release()
		if err := next(t, l.ended); err != errBoom {
			t.Fatal(err)
		}
		if got := n.Stats().DeadLetters; got == 0 {
			t.Error("lost messages are not counted")
		}
	})
}

func TestNodeBudget(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		big := strings.Repeat("x", 100_000)
		var release []func()
		var refs []labRef
		sent := 0
		var err error
		for range 20 {
			_, a, r := held(t, n)
			refs, release = append(refs, a), append(release, r)
			if err = banyan.Send(outside(n), a.PID(), big); err != nil {
				break
			}
			sent++
		}
		errorIs(t, err, banyan.ErrNodeBusy, banyan.ErrNotDelivered)
		if sent < 6 || sent > 10 {
			t.Errorf("took %d messages of 100 kB, the budget is 1 MB", sent)
		}
		if q := n.Stats().QueuedBytes; q < int64(sent)*80_000 || q > 1_000_000 {
			t.Errorf("%d bytes queued", q)
		}
		for _, a := range refs { // small ones still pass: each mailbox has a little of its own
			if a != refs[0] {
				continue
			}
			sendAll(t, n, refs[len(refs)-1].PID(), 1)
		}
		for _, r := range release {
			r()
		}
		if q := n.Stats().QueuedBytes; q != 0 {
			t.Errorf("%d bytes queued, but nothing is", q)
		}
		sendAll(t, n, refs[0].PID(), big)
	}, banyan.WithQueueBudget(1_000_000))
}

// A process that once got a big message and handled it does not keep the budget.
func TestBudgetComesBackFromIdleProcesses(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		big := strings.Repeat("x", 300_000)
		for i := range 10 {
			l, a := spawnLab(t, n)
			if err := banyan.Send(outside(n), a.PID(), big); err != nil {
				t.Fatalf("message %d: %v; queued: %d bytes", i, err, n.Stats().QueuedBytes)
			}
			next(t, l.infos)
			synctest.Wait()
			if q := n.Stats().QueuedBytes; q != 0 {
				t.Errorf("%d bytes queued, but nothing is", q)
			}
		}
	}, banyan.WithQueueBudget(1_000_000))
}

func TestBudgetComesBackFromDeadProcesses(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		for range 5 {
			_, a, release := held(t, n)
			sendAll(t, n, a.PID(), strings.Repeat("x", 200_000), strings.Repeat("x", 200_000))
			_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrKill)
			if q := n.Stats().QueuedBytes; q != 0 {
				t.Errorf("%d bytes queued", q)
			}
			release()
		}
		pid, _ := plain(t, n, func(self *banyan.Self) error {
			_, err := self.Receive(self, banyan.OfType[int]())
			return err
		})
		sendAll(t, n, pid, strings.Repeat("x", 200_000), strings.Repeat("x", 200_000))
		synctest.Wait()
		sendAll(t, n, pid, 1)
		synctest.Wait()
		if q := n.Stats().QueuedBytes; q != 0 {
			t.Errorf("%d bytes queued", q)
		}
	}, banyan.WithQueueBudget(500_000))
}

func TestMaxProcesses(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, first := spawnLab(t, n)
		spawnLab(t, n)
		spawnLab(t, n)
		_, err := banyan.SpawnState(n, newLab())
		errorIs(t, err, banyan.ErrTooManyProcesses)
		_, err = banyan.Spawn(n, func(context.Context, *banyan.Self) (*lab, error) { return newLab(), nil })
		errorIs(t, err, banyan.ErrTooManyProcesses)
		_, err = banyan.Go(n, func(*banyan.Self) error { return nil })
		errorIs(t, err, banyan.ErrTooManyProcesses)
		fail(t, n, first, nil)
		gone(t, n, first.PID())
		spawnLab(t, n)
	}, banyan.WithMaxProcesses(3))
}

func TestNodeNames(t *testing.T) {
	for _, name := range []string{"", "a", "@", "a@", "@b", "a@b@c", strings.Repeat("a", 250) + "@host1"} {
		if n, err := banyan.Start(name); err == nil {
			t.Errorf("%q is accepted", name)
			_ = n.Stop(context.Background())
		}
	}
}

// A sender that is much faster is held back, but never for long, and never by itself or in a circle.
func TestFastSenderIsHeldBack(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a, release := held(t, n)
		start := time.Now()
		for range 600 {
			_ = banyan.Cast(outside(n), a, bump{1})
		}
		if d := time.Since(start); d < 10*time.Millisecond || d > 2*time.Second {
			t.Errorf("held back for %v", d)
		}
		release()
		_, b := spawnLab(t, n)
		start = time.Now()
		in(t, n, b, func(self *banyan.Self) {
			for range 1000 {
				_ = banyan.Cast(self, b, bump{1})
			}
		})
		if d := time.Since(start); d != 0 {
			t.Errorf("it waited for itself, %v", d)
		}
	})
}

func TestHeldBackSenderIsFreedByDeath(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a, release := held(t, n)
		defer release()
		_, b := spawnLab(t, n)
		got := make(chan error, 1)
		later(t, n, b, func(self *banyan.Self) error {
			for {
				if err := banyan.Cast(self, a, bump{1}); err != nil {
					got <- err
					return nil
				}
			}
		})
		<-time.After(time.Second)
		_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrKill)
		if err := next(t, got); !errors.Is(err, banyan.ErrNoProcess) {
			t.Fatal(err)
		}
	})
}

// A message larger than the whole bound is taken by an empty mailbox, and by no other: else it could never be delivered.
func TestLargeMessageIntoAnEmptyMailbox(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Mailbox(banyan.Limits{Bytes: 1000}))
		hold := make(chan struct{})
		later(t, n, a, func(*banyan.Self) error { <-hold; return nil })
		synctest.Wait()
		large := string(make([]byte, 5000))
		if err := banyan.Send(outside(n), a.PID(), large); err != nil {
			t.Error("into an empty mailbox:", err)
		}
		errorIs(t, banyan.Send(outside(n), a.PID(), large), banyan.ErrMailboxFull)
		close(hold)
	})
}
