// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

func TestSendAfter(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		start := time.Now()
		var tm *banyan.Timer
		in(t, n, a, func(self *banyan.Self) {
			tm = self.SendAfter(3*time.Second, "third")
			self.SendAfter(time.Second, "first")
			self.SendAfter(2*time.Second, "second")
			self.SendAfter(0, "now")
		})
		for i, want := range []string{"now", "first", "second", "third"} {
			if got := nextOf[string](t, l.infos); got != want || time.Since(start) != time.Duration(i)*time.Second {
				t.Fatalf("got %q after %v", got, time.Since(start))
			}
		}
		if tm.Stop() {
			t.Error("it has fired")
		}
		none(t, l.infos)
	})
}

func TestTimerStop(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		in(t, n, a, func(self *banyan.Self) {
			tm := self.SendAfter(time.Second, 1)
			if !tm.Stop() || tm.Stop() {
				t.Error("Stop tells lies")
			}
			every := self.Every(time.Second, 2)
			if !every.Stop() || every.Stop() {
				t.Error("Stop tells lies")
			}
		})
		<-time.After(time.Minute)
		none(t, l.infos)
	})
}

func TestEvery(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		start := time.Now()
		var tm *banyan.Timer
		in(t, n, a, func(self *banyan.Self) { tm = self.Every(time.Second, "tick") })
		for i := 1; i <= 5; i++ {
			if got := nextOf[string](t, l.infos); got != "tick" || time.Since(start) != time.Duration(i)*time.Second {
				t.Fatalf("tick %d: %q after %v", i, got, time.Since(start))
			}
		}
		tm.Stop()
		<-time.After(time.Minute)
		none(t, l.infos)
	})
}

func TestEveryDoesNotPileUp(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		hold := make(chan struct{})
		later(t, n, a, func(self *banyan.Self) error {
			self.Every(time.Second, "tick")
			<-hold
			return nil
		})
		<-time.After(20 * time.Second)
		if i, _ := n.Info(a.PID()); i.Queue != 1 {
			t.Errorf("%d messages queued", i.Queue)
		}
		close(hold)
		synctest.Wait()
		if got := len(l.infos); got != 1 {
			t.Fatalf("%d ticks", got)
		}
		<-time.After(3500 * time.Millisecond)
		if got := len(l.infos); got != 4 {
			t.Fatalf("%d ticks, want 4", got)
		}
	})
}

func TestEveryInAPlainProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		done := make(chan int)
		_, err := banyan.Go(n, func(self *banyan.Self) error {
			tm := self.Every(time.Second, "tick")
			count := 0
			for range 3 {
				if _, err := self.Receive(self, banyan.OfType[string]()); err != nil {
					return err
				}
				count++
			}
			<-time.After(10 * time.Second) // one more is queued meanwhile
			tm.Stop()
			for {
				if _, err := self.Receive(banyan.Within(self, 2*time.Second)); err != nil {
					break
				}
				count++
			}
			done <- count
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := next(t, done); got != 4 {
			t.Fatalf("%d ticks", got)
		}
	})
}

type bump struct{ by int }

func (m bump) Cast(l *lab, _ *banyan.Self) error { l.infos <- m.by; return nil }

func TestCastAfter(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		start := time.Now()
		in(t, n, a, func(self *banyan.Self) {
			banyan.CastAfter(self, time.Second, bump{1})
			banyan.CastAfter(self, 2*time.Second, bump{2}).Stop()
			banyan.CastAfter(self, time.Second, refill{"wrong server", 1}) // lost, and nothing worse
		})
		if got := nextOf[int](t, l.infos); got != 1 || time.Since(start) != time.Second {
			t.Fatalf("got %d after %v", got, time.Since(start))
		}
		<-time.After(time.Minute)
		none(t, l.infos)
		alive(t, n, a.PID())
	})
}

func TestTimersDieWithTheProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		var self *banyan.Self
		in(t, n, a, func(s *banyan.Self) {
			self = s
			s.SendAfter(time.Second, 1)
			s.Every(time.Second, 2)
			banyan.CastAfter(s, time.Second, bump{3})
		})
		fail(t, n, a, nil)
		gone(t, n, a.PID())
		if tm := self.SendAfter(time.Second, 4); tm.Stop() {
			t.Error("a dead process has a timer")
		}
		<-time.After(time.Minute)
		none(t, l.infos)
		if d := n.Stats().DeadLetters; d != 0 {
			t.Errorf("%d dead letters", d)
		}
	})
}

// Timers pass the bounds of the mailbox: who overloads a process does not stop its clock.
func TestTimersPassAFullMailbox(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n, banyan.Mailbox(banyan.Limits{Messages: 2}))
		hold := make(chan struct{})
		later(t, n, a, func(self *banyan.Self) error {
			self.SendAfter(time.Second, "after")
			self.Every(time.Second, "every")
			banyan.CastAfter(self, time.Second, bump{3})
			<-hold
			return nil
		})
		synctest.Wait()
		for banyan.Send(outside(n), a.PID(), 0) == nil {
		}
		<-time.After(2 * time.Second)
		close(hold)
		got := map[any]int{}
		synctest.Wait()
		for len(l.infos) > 0 {
			got[<-l.infos]++
		}
		if got["after"] != 1 || got["every"] != 1 || got[3] != 1 || got[0] < 2 {
			t.Fatalf("got %v", got)
		}
	})
}
