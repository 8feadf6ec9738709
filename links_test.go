// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"testing"

	"github.com/banyan-go/banyan"
)

// endings are the ways in which one end of a link can end, and what becomes of the other.
var endings = []struct {
	name   string
	end    func(self *banyan.Self) error // run as a cast in the process that ends
	reason error
	deadly bool // for a linked process that does not trap exits
}{
	{"returns nothing and stops normally", func(s *banyan.Self) error { s.Stop(nil); return nil }, banyan.ErrNormal, false},
	{"stops with normal", func(s *banyan.Self) error { s.Stop(banyan.ErrNormal); return nil }, banyan.ErrNormal, false},
	{"returns normal", func(*banyan.Self) error { return banyan.ErrNormal }, banyan.ErrNormal, false},
	{"shutdown", func(s *banyan.Self) error { s.Stop(banyan.ErrShutdown); return nil }, banyan.ErrShutdown, true},
	{"shutdown with a reason", func(*banyan.Self) error { return banyan.Shutdown(errBoom) }, banyan.ErrShutdown, true},
	{"returns an error", func(*banyan.Self) error { return errBoom }, errBoom, true},
	{"panics", func(*banyan.Self) error { panic(errBoom) }, errBoom, true},
	{"is killed", func(s *banyan.Self) error { return banyan.SendExit(s, s.PID(), banyan.ErrKill) }, banyan.ErrKilled, true},
	// exit(kill) by the process itself is an ordinary reason that others may trap, as in OTP.
	{"ends with kill as a mere reason", func(*banyan.Self) error { return banyan.ErrKill }, banyan.ErrKill, true},
}

func TestLinkEnds(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name+", the other does not trap", func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				_, a := spawnLab(t, n)
				b, bref := spawnLab(t, n)
				in(t, n, bref, func(self *banyan.Self) { _ = self.Link(a.PID()) })
				later(t, n, a, e.end)
				if !e.deadly {
					alive(t, n, bref.PID())
					none(t, b.infos)
					return
				}
				gone(t, n, bref.PID())
				if err := next(t, b.ended); !errors.Is(err, e.reason) {
					t.Fatalf("Terminate got %v, want %v", err, e.reason)
				}
			})
		})
		t.Run(e.name+", the other traps", func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				_, a := spawnLab(t, n)
				b, bref := spawnLab(t, n, banyan.TrapExits())
				in(t, n, bref, func(self *banyan.Self) { _ = self.Link(a.PID()) })
				later(t, n, a, e.end)
				x := nextOf[banyan.Exit](t, b.infos)
				if x.From != a.PID() || !errors.Is(x.Reason, e.reason) {
					t.Fatalf("got %v", x)
				}
				none(t, b.infos)
				alive(t, n, bref.PID())
			})
		})
	}
}

func TestLinkWorksBothWays(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, b := spawnLab(t, n)
		in(t, n, b, func(self *banyan.Self) { _ = self.Link(a.PID()) })
		fail(t, n, b, errBoom) // the one that asked for the link ends
		gone(t, n, a.PID())
	})
}

func TestLinkChainTakesAll(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		var refs []labRef
		for i := range 50 {
			_, r := spawnLab(t, n)
			if i > 0 {
				in(t, n, r, func(self *banyan.Self) { _ = self.Link(refs[i-1].PID()) })
			}
			refs = append(refs, r)
		}
		l, last := spawnLab(t, n, banyan.TrapExits())
		in(t, n, last, func(self *banyan.Self) { _ = self.Link(refs[49].PID()) })
		fail(t, n, refs[0], errBoom)
		if x := nextOf[banyan.Exit](t, l.infos); x.Reason != errBoom || x.From != refs[49].PID() {
			t.Fatalf("got %v", x)
		}
		if got := n.Stats().Processes; got != 1 {
			t.Fatalf("%d processes live, want 1", got)
		}
	})
}

func TestLinkToDeadProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, dead := spawnLab(t, n)
		fail(t, n, dead, nil)
		gone(t, n, dead.PID())

		b, bref := spawnLab(t, n, banyan.TrapExits())
		in(t, n, bref, func(self *banyan.Self) {
			if err := self.Link(dead.PID()); err != nil {
				t.Error(err)
			}
		})
		if x := nextOf[banyan.Exit](t, b.infos); x.Reason != banyan.ErrNoProcess || x.From != dead.PID() {
			t.Fatalf("got %v", x)
		}
		c, cref := spawnLab(t, n)
		in(t, n, cref, func(self *banyan.Self) { _ = self.Link(dead.PID()) })
		if err := next(t, c.ended); err != banyan.ErrNoProcess {
			t.Fatalf("ended with %v", err)
		}
	})
}

func TestLinkTwiceIsOnce(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		b, bref := spawnLab(t, n, banyan.TrapExits())
		in(t, n, bref, func(self *banyan.Self) { _ = self.Link(a.PID()); _ = self.Link(a.PID()) })
		in(t, n, a, func(self *banyan.Self) { _ = self.Link(bref.PID()) })
		if i, _ := n.Info(bref.PID()); len(i.Links) != 1 {
			t.Fatalf("links: %v", i.Links)
		}
		fail(t, n, a, errBoom)
		nextOf[banyan.Exit](t, b.infos)
		none(t, b.infos)
	})
}

func TestOneUnlinkUndoesTwoLinks(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		b, bref := spawnLab(t, n, banyan.TrapExits())
		in(t, n, bref, func(self *banyan.Self) {
			_ = self.Link(a.PID())
			_ = self.Link(a.PID())
			self.Unlink(a.PID())
			self.Unlink(a.PID()) // of no link: nothing happens
		})
		fail(t, n, a, errBoom)
		gone(t, n, a.PID())
		none(t, b.infos)
	})
}

func TestUnlinkByTheOtherEnd(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, b := spawnLab(t, n)
		in(t, n, b, func(self *banyan.Self) { _ = self.Link(a.PID()) })
		in(t, n, a, func(self *banyan.Self) { self.Unlink(b.PID()) })
		fail(t, n, a, errBoom)
		gone(t, n, a.PID())
		alive(t, n, b.PID())
	})
}

func TestLinkAgainAfterUnlink(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, b := spawnLab(t, n)
		in(t, n, b, func(self *banyan.Self) {
			_ = self.Link(a.PID())
			self.Unlink(a.PID())
			_ = self.Link(a.PID())
		})
		fail(t, n, a, errBoom)
		gone(t, n, b.PID())
	})
}

func TestLinkToOneselfIsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n, banyan.TrapExits())
		in(t, n, a, func(self *banyan.Self) {
			if err := self.Link(self.PID()); err != nil {
				t.Error(err)
			}
		})
		none(t, l.infos)
		alive(t, n, a.PID())
	})
}

func TestSpawnLinked(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		p, parent := spawnLab(t, n, banyan.TrapExits())
		var child labRef
		in(t, n, parent, func(self *banyan.Self) { _, child = spawnLab(t, self, banyan.Linked()) })
		if i, _ := n.Info(child.PID()); i.Parent != parent.PID() || len(i.Links) != 1 || i.Links[0] != parent.PID() {
			t.Fatalf("child: %+v", i)
		}
		fail(t, n, child, errBoom)
		if x := nextOf[banyan.Exit](t, p.infos); x.From != child.PID() || x.Reason != errBoom {
			t.Fatalf("got %v", x)
		}
	})
}

func TestSpawnLinkedNeedsAProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		var m banyan.Reference
		for _, o := range []banyan.SpawnOption{banyan.Linked(), banyan.Monitored(&m)} {
			if _, err := banyan.SpawnState(n, newLab(), o); err == nil {
				t.Error("no error")
			}
			if _, err := banyan.Go(n, func(*banyan.Self) error { return nil }, o); err == nil {
				t.Error("no error")
			}
		}
		if got := n.Stats().Processes; got != 0 {
			t.Fatalf("%d processes left behind", got)
		}
	})
}

// A start that fails is an error for the spawner, not an exit signal too, and its number is gone from the links.
func TestFailedLinkedStartIsOnlyAnError(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		p, parent := spawnLab(t, n)
		in(t, n, parent, func(self *banyan.Self) {
			_, err := banyan.Spawn(self, func(context.Context, *banyan.Self) (*lab, error) { return nil, errBoom }, banyan.Linked())
			errorIs(t, err, errBoom)
		})
		none(t, p.infos)
		alive(t, n, parent.PID())
		if i, _ := n.Info(parent.PID()); len(i.Links) != 0 {
			t.Fatalf("links: %v", i.Links)
		}
	})
}

// A stray goroutine may keep a dead process's self: it cannot have linked children, and leaves none behind.
func TestSpawnLinkedByDeadProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		var self *banyan.Self
		in(t, n, a, func(s *banyan.Self) { self = s })
		fail(t, n, a, nil)
		gone(t, n, a.PID())
		if _, err := banyan.SpawnState(self, newLab(), banyan.Linked()); err == nil {
			t.Error("SpawnState: no error")
		}
		start := func(context.Context, *banyan.Self) (*lab, error) { return newLab(), nil }
		if _, err := banyan.Spawn(self, start, banyan.Linked(), banyan.Name("child")); err == nil {
			t.Error("Spawn: no error")
		}
		if _, err := banyan.Go(self, func(s *banyan.Self) error { _, err := s.Receive(s); return err }, banyan.Linked()); err == nil {
			t.Error("Go: no error")
		}
		if got := n.Stats().Processes; got != 0 {
			t.Errorf("%d processes left behind", got)
		}
		if _, ok := n.Whereis("child"); ok {
			t.Error("the name is still taken")
		}
	})
}
