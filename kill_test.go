// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// deafHandler is where a killed process is stuck in these tests; the name must show in its stack.
func deafHandler(hold chan struct{}) { <-hold }

// A process in a handler that does not return is dead for everybody else as soon as it is killed.
func TestKillOfAHandlerThatDoesNotReturn(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ctx := outside(n)
		l, a := spawnLab(t, n, banyan.Name("a"))
		lb, b := spawnLab(t, n)
		w, watcher := spawnLab(t, n, banyan.TrapExits())
		in(t, n, watcher, func(self *banyan.Self) { self.Monitor(a.PID()); _ = self.Link(a.PID()) })
		hold := make(chan struct{})
		after := make(chan struct{})
		started := make(chan struct{})
		var ticket banyan.Later[int]
		deferred := calling(n, a, ask{func(self *banyan.Self) (int, error) { ticket = banyan.Defer[int](self); return 0, nil }})
		synctest.Wait()
		serving := calling(n, a, ask{func(self *banyan.Self) (int, error) {
			close(started)
			deafHandler(hold)
			defer close(after)
			// What it still does is refused.
			refused := func(what string, err error) {
				if err == nil {
					t.Errorf("%s of a killed process was taken", what)
				}
			}
			refused("cast", banyan.Cast(self, b, bump{1}))
			refused("send", banyan.Send(self, b.PID(), 1))
			_, err := banyan.Call(self, b, sleepFor(0))
			refused("call", err)
			for r := range banyan.CallAll(self, banyan.Refs(b), sleepFor(0)) {
				refused("CallAll", r.Err)
			}
			_, err = banyan.SpawnState(self, newLab(), banyan.Linked())
			refused("spawn", err)
			refused("exit signal", banyan.SendExit(self, b.PID(), errBoom))
			refused("link", self.Link(b.PID()))
			self.Monitor(b.PID())
			self.SendAfter(0, 1)
			self.Every(1, 1)
			self.TrapExits(true)
			_ = self.Alias()
			if self.Err() == nil {
				t.Error("its context is not over")
			}
			if self.Context().Err() == nil {
				t.Error("its lifetime is not over")
			}
			return 1, nil
		}})
		<-started
		behind := calling(n, a, sleepFor(0))
		synctest.Wait()

		start := time.Now()
		if err := banyan.SendExit(ctx, a.PID(), banyan.ErrKill); err != nil {
			t.Fatal(err)
		}
		if _, ok := n.Whereis("a"); ok {
			t.Error("the name is still taken")
		}
		if _, err := banyan.SpawnState(n, newLab(), banyan.Name("a")); err != nil {
			t.Error(err)
		}
		heard := 0
		for range 2 {
			switch m := next(t, w.infos).(type) {
			case banyan.Down:
				if m.Reason == banyan.ErrKilled {
					heard++
				}
			case banyan.Exit:
				if m.Reason == banyan.ErrKilled {
					heard++
				}
			}
		}
		if heard != 2 {
			t.Error("links and monitors have not heard of it")
		}
		diedWith(t, next(t, serving).err, banyan.ErrKilled, true)
		diedWith(t, next(t, deferred).err, banyan.ErrKilled, true)
		diedWith(t, next(t, behind).err, banyan.ErrKilled, false)
		errorIs(t, ticket.Reply(1), banyan.ErrTimeout)
		errorIs(t, banyan.Cast(ctx, a, bump{1}), banyan.ErrNoProcess)
		if time.Since(start) > 0 {
			t.Errorf("took %v", time.Since(start))
		}
		_ = banyan.SendExit(ctx, a.PID(), banyan.ErrKill) // again: nothing happens

		stuck := n.Stuck()
		if len(stuck) != 1 || stuck[0].PID != a.PID() || !strings.Contains(stuck[0].Stack, "deafHandler") ||
			stuck[0].Kind != "*banyan_test.lab" || n.Stats().Stuck != 1 {
			t.Errorf("stuck: %+v", stuck)
		}
		close(hold)
		<-after
		synctest.Wait()
		if len(n.Stuck()) != 0 || n.Stats().Stuck != 0 {
			t.Errorf("stuck: %v", n.Stuck())
		}
		none(t, lb.infos)
		none(t, l.ended) // no Terminate
		alive(t, n, b.PID())
		if i, _ := n.Info(b.PID()); len(i.Links) != 0 || i.Watched != 0 {
			t.Errorf("a dead process is tied to b: %+v", i)
		}
	})
}

func TestKillOfAPlainProcessThatDoesNotReturn(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		hold := make(chan struct{})
		_, b := spawnLab(t, n)
		pid, ended := plain(t, n, func(self *banyan.Self) error {
			deafHandler(hold)
			_, err := self.Receive(self)
			errorIs(t, err, banyan.ErrKilled)
			if err := banyan.Send(self, b.PID(), 1); err == nil {
				t.Error("a killed process may send")
			}
			return nil
		}, banyan.Name("p"))
		synctest.Wait()
		_ = banyan.SendExit(outside(n), pid, banyan.ErrKill)
		if _, ok := n.Whereis("p"); ok {
			t.Error("the name is still taken")
		}
		if s := n.Stuck(); len(s) != 1 || !strings.Contains(s[0].Stack, "deafHandler") {
			t.Errorf("stuck: %+v", s)
		}
		close(hold)
		<-ended
		synctest.Wait()
		if s := n.Stuck(); len(s) != 0 {
			t.Errorf("stuck: %+v", s)
		}
	})
}

// kill reaches a process wherever it waits in the runtime, and then it is not stuck.
func TestKillOfAWaitingProcess(t *testing.T) {
	for name, wait := range map[string]func(self *banyan.Self, slow labRef) error{
		"call": func(self *banyan.Self, slow labRef) error {
			_, err := banyan.Call(self, slow, sleepFor(time.Minute))
			return err
		},
		"CallAll": func(self *banyan.Self, slow labRef) error {
			for r := range banyan.CallAll(self, banyan.Refs(slow), sleepFor(time.Minute)) {
				return r.Err
			}
			return banyan.ErrKilled
		},
		"receive": func(self *banyan.Self, _ labRef) error { _, err := self.Receive(self); return err },
		"receive with time-out": func(self *banyan.Self, _ labRef) error {
			_, err := self.Receive(banyan.Within(self, time.Minute))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				_, slow := spawnLab(t, n)
				errs := make(chan error, 1)
				pid, _ := plain(t, n, func(self *banyan.Self) error {
					err := wait(self, slow)
					errs <- err
					return err
				})
				synctest.Wait()
				_ = banyan.SendExit(outside(n), pid, banyan.ErrKill)
				errorIs(t, next(t, errs), banyan.ErrKilled)
				if strings.HasPrefix(name, "receive") {
					return
				}
				_, a := spawnLab(t, n)
				later(t, n, a, func(self *banyan.Self) error {
					err := wait(self, slow)
					errs <- err
					return err
				})
				synctest.Wait()
				_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrKill)
				errorIs(t, next(t, errs), banyan.ErrKilled)
				synctest.Wait()
				if s := n.Stuck(); len(s) != 0 {
					t.Errorf("stuck: %v", s)
				}
			})
		})
	}
}

func TestKillWhileStarting(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		hold := make(chan struct{})
		errs := make(chan error, 1)
		go func() {
			_, err := banyan.Spawn(n, func(context.Context, *banyan.Self) (*lab, error) { <-hold; return newLab(), nil }, banyan.Name("a"))
			errs <- err
		}()
		synctest.Wait()
		pid, _ := n.Whereis("a")
		_ = banyan.SendExit(outside(n), pid, banyan.ErrKill)
		synctest.Wait()
		close(hold)
		errorIs(t, next(t, errs), banyan.ErrKilled)
		synctest.Wait()
		if n.Stats().Processes != 0 || n.Stats().Stuck != 0 {
			t.Errorf("stats: %+v", n.Stats())
		}
	})
}
