// SPDX-License-Identifier: Apache-2.0

package global_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/global"
)

func TestLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim", "b@sim")
		c.link("a@sim", "b@sim")
		pass(30 * time.Second)
		a, b := c.ctx["a@sim"], c.ctx["b@sim"]
		id := global.ID{Resource: atom("db")}
		l, err := global.SetLock(a, id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := global.SetLock(b, id, global.Retries(0)); !errors.Is(err, global.ErrLocked) {
			t.Error(err)
		}
		if _, err := global.SetLock(b, id, global.Retries(3)); !errors.Is(err, global.ErrLocked) {
			t.Error(err)
		}
		if _, err := global.SetLock(banyan.Within(b, 20*time.Second), id); !errors.Is(err, global.ErrLocked) && !errors.Is(err, banyan.ErrTimeout) {
			t.Error(err)
		}
		if err := l.Release(); err != nil {
			t.Error(err)
		}
		if err := l.Release(); err != nil { // no more than once
			t.Error(err)
		}
		pass(time.Minute) // who waited too long has given up, and does not hold it
		l, err = global.SetLock(b, id, global.Retries(0))
		if err != nil {
			t.Fatal(err)
		}
		// With one requester several may hold it; elsewhere it is another lock.
		one, err1 := global.SetLock(a, global.ID{Resource: "r", Requester: atom("us")}, global.Retries(0))
		two, err2 := global.SetLock(b, global.ID{Resource: "r", Requester: atom("us")}, global.Retries(0))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if err := one.Release(); err != nil {
			t.Error(err)
		}
		if _, err := global.SetLock(a, global.ID{Resource: "r"}, global.Retries(0)); !errors.Is(err, global.ErrLocked) {
			t.Error("the other one has it still:", err)
		}
		if err := two.Release(); err != nil {
			t.Error(err)
		}
		only, err := global.SetLock(a, id, global.On("a@sim"), global.Retries(0))
		if !errors.Is(err, global.ErrLocked) {
			t.Error("b's lock is on a too:", only, err)
		}
		if err := l.Release(); err != nil {
			t.Error(err)
		}
		// A lock ends with the process that took it, and with its node.
		p := banyantest.NewProbe(t, c.Node("a@sim"))
		p.Do(func(self *banyan.Self) {
			if _, err := global.SetLock(self, id, global.Retries(0)); err != nil {
				t.Error(err)
			}
		})
		if _, err := global.SetLock(b, id, global.Retries(0)); !errors.Is(err, global.ErrLocked) {
			t.Error(err)
		}
		p.Exit(nil)
		pass(time.Second)
		if _, err := global.SetLock(a, id, global.Retries(0)); err != nil {
			t.Error(err)
		}
		c.Kill("a@sim")
		if _, err := global.SetLock(b, id, global.Retries(0)); err != nil {
			t.Error(err)
		}
	})
}

// Transactions of many processes on all nodes exclude each other, and all get their turn.
func TestTransExcludes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim", "b@sim", "c@sim")
		c.Connect()
		pass(30 * time.Second)
		var inside, most, done atomic.Int32
		for i := range 9 {
			n := c.names[i%3]
			if _, err := banyan.Go(c.Node(n), func(self *banyan.Self) error {
				for range 3 {
					err := global.Trans(banyan.Within(self, time.Hour), global.ID{Resource: "counter"}, func() error {
						most.Store(max(most.Load(), inside.Add(1)))
						pass(100 * time.Millisecond)
						inside.Add(-1)
						return nil
					})
					if err != nil {
						return err
					}
				}
				done.Add(1)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		pass(2 * time.Hour)
		if most.Load() != 1 || done.Load() != 9 {
			t.Errorf("%d at once, %d of 9 are done", most.Load(), done.Load())
		}
		boom := errors.New("boom")
		if err := global.Trans(c.ctx["a@sim"], global.ID{Resource: 1}, func() error { return boom }); !errors.Is(err, boom) {
			t.Error(err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = global.Trans(c.ctx["a@sim"], global.ID{Resource: 1}, func() error { panic("oh") })
		}()
		if _, err := global.SetLock(c.ctx["b@sim"], global.ID{Resource: 1}, global.Retries(0)); err != nil {
			t.Error("the lock stayed:", err)
		}
	})
}

// Many registrations of one name at once: one succeeds.
func TestOneOfManyRegisters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim", "b@sim", "c@sim")
		c.Connect()
		pass(30 * time.Second)
		var won, lost atomic.Int32
		for i := range 12 {
			n := c.names[i%3]
			p := banyantest.NewProbe(t, c.Node(n))
			go func() {
				err := global.Register(banyan.Within(c.ctx[n], time.Hour), "x", p.PID())
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, global.ErrTaken):
					lost.Add(1)
				default:
					t.Error(err)
				}
			}()
		}
		pass(2 * time.Hour)
		if won.Load() != 1 || lost.Load() != 11 {
			t.Errorf("%d have it, %d were refused", won.Load(), lost.Load())
		}
		c.agree()
	})
}

// Who gives a lock back that somebody else is just giving back waits for nothing: neither for a holder that has ended.
func TestReleasesMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim")
		for range 200 {
			l, err := global.SetLock(c.ctx["a@sim"], global.ID{Resource: "r"}, global.Retries(0))
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := errors.Join(l.Release(), l.Release()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if took := time.Since(begun); took > time.Second {
				t.Fatalf("they were given back after %v", took)
			}
		}
	})
}
