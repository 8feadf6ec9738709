// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/banyan-go/banyan"
)

func TestMonitorHearsOfEveryEnding(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				_, a := spawnLab(t, n)
				b, bref := spawnLab(t, n)
				var m banyan.Reference
				in(t, n, bref, func(self *banyan.Self) { m = self.Monitor(a.PID()) })
				later(t, n, a, e.end)
				d := nextOf[banyan.Down](t, b.infos)
				if d.Monitor != m || d.PID != a.PID() || d.Name != "" || d.Node != n.Name() || !errors.Is(d.Reason, e.reason) {
					t.Fatalf("got %+v", d)
				}
				none(t, b.infos)
				alive(t, n, bref.PID())
			})
		})
	}
}

func TestMonitorOfDeadProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, dead := spawnLab(t, n)
		fail(t, n, dead, errBoom)
		gone(t, n, dead.PID())
		b, bref := spawnLab(t, n)
		in(t, n, bref, func(self *banyan.Self) { self.Monitor(dead.PID()) })
		if d := nextOf[banyan.Down](t, b.infos); d.Reason != banyan.ErrNoProcess || d.PID != dead.PID() {
			t.Fatalf("got %+v", d)
		}
	})
}

func TestMonitorsOfOnePairAreIndependent(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		b, bref := spawnLab(t, n)
		var m [3]banyan.Reference
		in(t, n, bref, func(self *banyan.Self) {
			for i := range m {
				m[i] = self.Monitor(a.PID())
			}
			self.Demonitor(m[1])
		})
		if i, _ := n.Info(a.PID()); i.Watched != 2 {
			t.Fatalf("watched %d times", i.Watched)
		}
		fail(t, n, a, errBoom)
		got := map[banyan.Reference]bool{}
		for range 2 {
			got[nextOf[banyan.Down](t, b.infos).Monitor] = true
		}
		if !got[m[0]] || !got[m[2]] {
			t.Fatalf("got %v", got)
		}
		none(t, b.infos)
	})
}

func TestDemonitorTakesBackAQueuedDown(t *testing.T) {
	for _, before := range []int{0, 1, 3} { // messages queued in front of the Down
		bubble(t, func(t *testing.T, n *banyan.Node) {
			_, a := spawnLab(t, n)
			b, bref := spawnLab(t, n)
			in(t, n, bref, func(self *banyan.Self) {
				m := self.Monitor(a.PID())
				keep := self.Monitor(a.PID())
				for i := range before {
					_ = banyan.Send(self, self.PID(), i)
				}
				_ = banyan.SendExit(self, a.PID(), errBoom)
				for alive := true; alive; { // until its Down must be queued
					_, alive = n.Info(a.PID())
				}
				synctest.Wait()
				_ = banyan.Send(self, self.PID(), "last")
				self.Demonitor(m)
				self.Demonitor(m) // no monitor any more: nothing happens
				_ = keep
			})
			for i := range before {
				if got := nextOf[int](t, b.infos); got != i {
					t.Fatalf("got %v", got)
				}
			}
			nextOf[banyan.Down](t, b.infos)
			if got := nextOf[string](t, b.infos); got != "last" {
				t.Fatalf("got %v", got)
			}
			none(t, b.infos)
		})
	}
}

// The Down may also be in the part of the queue that the process has taken already.
func TestDemonitorTakesBackADownOfTheSameBatch(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		b, bref := spawnLab(t, n)
		hold := make(chan struct{})
		var m banyan.Reference
		in(t, n, bref, func(self *banyan.Self) { m = self.Monitor(a.PID()) })
		later(t, n, bref, func(*banyan.Self) error { <-hold; return nil })
		later(t, n, bref, func(self *banyan.Self) error { self.Demonitor(m); return nil })
		fail(t, n, a, errBoom)
		gone(t, n, a.PID())
		_ = banyan.Send(outside(n), bref.PID(), "last")
		close(hold)
		if got := nextOf[string](t, b.infos); got != "last" {
			t.Fatalf("got %v", got)
		}
	})
}

func TestMonitorByName(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Name("a"))
		b, bref := spawnLab(t, n)
		var m banyan.Reference
		in(t, n, bref, func(self *banyan.Self) { m = self.MonitorName("a", "") })
		fail(t, n, a, errBoom)
		d := nextOf[banyan.Down](t, b.infos)
		if d.Monitor != m || d.Name != "a" || d.Node != n.Name() || d.Reason != errBoom {
			t.Fatalf("got %+v", d)
		}
		in(t, n, bref, func(self *banyan.Self) { m = self.MonitorName("a", n.Name()) })
		d = nextOf[banyan.Down](t, b.infos)
		if d.Monitor != m || d.Name != "a" || d.Node != n.Name() || !d.PID.IsZero() || d.Reason != banyan.ErrNoProcess {
			t.Fatalf("got %+v", d)
		}
	})
}

// The name only says whom to watch at that moment: the monitor stays with the process, and is undone there.
func TestMonitorByNameStaysWithTheProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Name("a"))
		b, bref := spawnLab(t, n)
		var m, m2 banyan.Reference
		in(t, n, bref, func(self *banyan.Self) { m, m2 = self.MonitorName("a", ""), self.MonitorName("a", "") })
		if !n.Unregister("a") {
			t.Fatal("not registered")
		}
		_, other := spawnLab(t, n, banyan.Name("a"))
		in(t, n, bref, func(self *banyan.Self) { self.Demonitor(m) })
		if i, _ := n.Info(a.PID()); i.Watched != 1 {
			t.Errorf("watched %d times after Demonitor, want 1: the watcher stays behind for ever", i.Watched)
		}
		fail(t, n, other, errBoom)
		gone(t, n, other.PID())
		none(t, b.infos)
		fail(t, n, a, errBoom)
		if d := nextOf[banyan.Down](t, b.infos); d.Monitor != m2 || d.Name != "a" {
			t.Fatalf("got %+v", d)
		}
	})
}

func TestWatcherThatEndsIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Name("a"))
		_, b := spawnLab(t, n)
		in(t, n, b, func(self *banyan.Self) { self.Monitor(a.PID()); self.MonitorName("a", "") })
		fail(t, n, b, nil)
		gone(t, n, b.PID())
		synctest.Wait()
		if i, _ := n.Info(a.PID()); i.Watched != 0 {
			t.Fatalf("watched %d times", i.Watched)
		}
	})
}

func TestMonitorOfOneself(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		in(t, n, a, func(self *banyan.Self) { self.Demonitor(self.Monitor(self.PID())); self.Monitor(self.PID()) })
		none(t, l.infos)
		fail(t, n, a, nil)
		gone(t, n, a.PID())
	})
}

func TestSpawnMonitored(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		p, parent := spawnLab(t, n)
		var m, m2 banyan.Reference
		var child labRef
		in(t, n, parent, func(self *banyan.Self) {
			_, child = spawnLab(t, self, banyan.Monitored(&m))
			_, err := banyan.Go(self, func(*banyan.Self) error { return nil }, banyan.Monitored(&m2))
			if err != nil {
				t.Error(err)
			}
		})
		if d := nextOf[banyan.Down](t, p.infos); d.Monitor != m2 || d.Reason != banyan.ErrNormal {
			t.Fatalf("got %+v", d)
		}
		fail(t, n, child, errBoom)
		if d := nextOf[banyan.Down](t, p.infos); d.Monitor != m || d.Reason != errBoom {
			t.Fatalf("got %+v", d)
		}
	})
}

func TestLinkAndMonitorFromAStartThatFails(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		x, other := spawnLab(t, n, banyan.TrapExits())
		_, err := banyan.Spawn(n, func(_ context.Context, self *banyan.Self) (*lab, error) {
			_ = self.Link(other.PID())
			return nil, errBoom
		})
		errorIs(t, err, errBoom)
		if e := nextOf[banyan.Exit](t, x.infos); e.Reason != errBoom { // others linked in the constructor do hear of it
			t.Fatalf("got %v", e)
		}
	})
}
