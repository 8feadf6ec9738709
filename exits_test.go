// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/banyan-go/banyan"
)

// Exit signals sent by SendExit, as exit/2 has it.
func TestExitSignals(t *testing.T) {
	for _, c := range []struct {
		name    string
		trap    bool
		reason  error
		dies    error // nil: it lives
		message error // nil: none
	}{
		{"normal is ignored", false, banyan.ErrNormal, nil, nil},
		{"nil is normal", false, nil, nil, nil},
		{"normal to one that traps is a message", true, banyan.ErrNormal, nil, banyan.ErrNormal},
		{"shutdown ends it", false, banyan.ErrShutdown, banyan.ErrShutdown, nil},
		{"shutdown is trapped", true, banyan.ErrShutdown, nil, banyan.ErrShutdown},
		{"an error ends it", false, errBoom, errBoom, nil},
		{"an error is trapped", true, errBoom, nil, errBoom},
		{"kill becomes killed", false, banyan.ErrKill, banyan.ErrKilled, nil},
		{"kill is not trapped", true, banyan.ErrKill, banyan.ErrKilled, nil},
		{"killed is an ordinary reason", true, banyan.ErrKilled, nil, banyan.ErrKilled},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				l, a := spawnLab(t, n)
				w, watcher := spawnLab(t, n)
				in(t, n, a, func(self *banyan.Self) { self.TrapExits(c.trap) })
				in(t, n, watcher, func(self *banyan.Self) { self.Monitor(a.PID()) })
				in(t, n, watcher, func(self *banyan.Self) {
					if err := banyan.SendExit(self, a.PID(), c.reason); err != nil {
						t.Error(err)
					}
				})
				if c.dies != nil {
					if d := nextOf[banyan.Down](t, w.infos); d.Reason != c.dies {
						t.Fatalf("died of %v", d.Reason)
					}
					return
				}
				alive(t, n, a.PID())
				if c.message == nil {
					none(t, l.infos)
				} else if x := nextOf[banyan.Exit](t, l.infos); x.Reason != c.message || x.From != watcher.PID() {
					t.Fatalf("got %v", x)
				}
			})
		})
	}
}

func TestExitSignalToOneself(t *testing.T) {
	for _, c := range []struct {
		trap   bool
		reason error
		dies   error
	}{
		{false, banyan.ErrNormal, banyan.ErrNormal}, // the one case in which normal ends a process
		{true, banyan.ErrNormal, nil},
		{false, errBoom, errBoom},
		{true, errBoom, nil},
		{true, banyan.ErrKill, banyan.ErrKilled},
	} {
		t.Run(fmt.Sprintf("%v trap %v", c.reason, c.trap), func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				l, a := spawnLab(t, n)
				w, watcher := spawnLab(t, n)
				in(t, n, watcher, func(self *banyan.Self) { self.Monitor(a.PID()) })
				later(t, n, a, func(self *banyan.Self) error {
					self.TrapExits(c.trap)
					return banyan.SendExit(self, self.PID(), c.reason)
				})
				if c.dies != nil {
					if d := nextOf[banyan.Down](t, w.infos); d.Reason != c.dies {
						t.Fatalf("died of %v", d.Reason)
					}
				} else if x := nextOf[banyan.Exit](t, l.infos); x.Reason != c.reason {
					t.Fatalf("got %v", x)
				}
			})
		})
	}
}

// kill reaches the processes linked with its victim as killed, which they can trap, and which spreads as killed.
func TestKillSpreadsAsKilled(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.TrapExits())
		_, b := spawnLab(t, n)
		c, cref := spawnLab(t, n, banyan.TrapExits())
		in(t, n, b, func(self *banyan.Self) { _ = self.Link(a.PID()) })
		in(t, n, cref, func(self *banyan.Self) { _ = self.Link(b.PID()) })
		_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrKill)
		if x := nextOf[banyan.Exit](t, c.infos); x.From != b.PID() || x.Reason != banyan.ErrKilled {
			t.Fatalf("got %v", x)
		}
	})
}

func TestExitSignalNeedsANode(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		errorIs(t, banyan.SendExit(context.Background(), a.PID(), errBoom), banyan.ErrNoNode)
		alive(t, n, a.PID())
		if err := banyan.SendExit(outside(n), banyan.PID{Node: n.Name(), ID: 1 << 20}, errBoom); err != nil {
			t.Fatal(err) // to nobody: swallowed, as in Erlang
		}
	})
}

// The first deadly signal gives the reason.
func TestFirstExitSignalCounts(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		hold := make(chan struct{})
		later(t, n, a, func(*banyan.Self) error { <-hold; return nil })
		synctest.Wait()
		_ = banyan.SendExit(outside(n), a.PID(), errBoom)
		_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrShutdown)
		close(hold)
		if err := next(t, l.ended); err != errBoom {
			t.Fatalf("ended with %v", err)
		}
	})
}

// Signals and messages from one process to another keep their order: what was sent before the exit signal is no guarantee
// to be handled, but what was sent after it never is.
func TestNothingIsHandledAfterAnExitSignal(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, s := spawnLab(t, n)
		ran := false
		in(t, n, s, func(self *banyan.Self) {
			_ = banyan.SendExit(self, a.PID(), errBoom)
			_ = banyan.Cast(self, a, do{func(*banyan.Self) error { ran = true; return nil }})
		})
		gone(t, n, a.PID())
		if ran {
			t.Fatal("a message behind the exit signal was handled")
		}
	})
}

func TestExitMessagesKeepTheirPlace(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n, banyan.TrapExits())
		_, s := spawnLab(t, n)
		in(t, n, s, func(self *banyan.Self) {
			for i := range 100 {
				_ = banyan.Send(self, a.PID(), i)
				_ = banyan.SendExit(self, a.PID(), errBoom)
			}
		})
		for i := range 100 {
			if got := nextOf[int](t, l.infos); got != i {
				t.Fatalf("got %d, want %d", got, i)
			}
			nextOf[banyan.Exit](t, l.infos)
		}
	})
}

// An exit signal breaks off what a handler waits for, unless the process traps it.
func TestExitSignalBreaksOffACall(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, slow := spawnLab(t, n)
		hold := make(chan struct{})
		defer close(hold)
		block := ask{func(*banyan.Self) (int, error) { <-hold; return 0, nil }}
		got := make(chan error, 1)
		l, a := spawnLab(t, n)
		later(t, n, a, func(self *banyan.Self) error {
			_, err := banyan.Call(self, slow, block)
			got <- err
			return nil
		})
		synctest.Wait()
		_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrShutdown)
		errorIs(t, next(t, got), banyan.ErrShutdown)
		if err := next(t, l.ended); err != banyan.ErrShutdown {
			t.Fatal(err)
		}
	})
}

func TestReasonsThatWrapOthers(t *testing.T) {
	for _, c := range []struct {
		reason   error
		abnormal bool
	}{
		{nil, false}, {banyan.ErrNormal, false}, {banyan.ErrShutdown, false}, {banyan.Shutdown(errBoom), false},
		{banyan.Shutdown(nil), false}, {banyan.ErrKilled, true}, {banyan.ErrKill, true}, {banyan.ErrNoProcess, true},
		{banyan.ErrNoConnection, true}, {errBoom, true}, {&banyan.PanicError{Value: "x"}, true},
		{&banyan.TermError{Term: 1}, true},
	} {
		if got := banyan.Abnormal(c.reason); got != c.abnormal {
			t.Errorf("Abnormal(%v) is %v", c.reason, got)
		}
	}
	s := banyan.Shutdown(errBoom)
	if r, ok := banyan.ShutdownReason(s); !ok || r != errBoom || !errors.Is(s, errBoom) || !errors.Is(s, banyan.ErrShutdown) {
		t.Errorf("got %v, %v", r, ok)
	}
	if _, ok := banyan.ShutdownReason(errBoom); ok {
		t.Error("no shutdown")
	}
	for err, want := range map[error]string{
		s: "shutdown: boom",
		&banyan.OpError{Op: "call", To: "x@y", What: "T", Err: errBoom}: "call x@y (T): boom",
		&banyan.OpError{Op: "stop", Err: errBoom}:                       "stop: boom",
		&banyan.ProcessError{Reason: errBoom, Delivered: true}:          "process died in the call: boom",
		&banyan.ProcessError{}:                                          "process died before the call: normal",
		&banyan.TermError{Term: banyan.Atom("x")}:                       "x",
		&banyan.RemoteError{Text: "far"}:                                "far",
		&banyan.PanicError{Value: "v"}:                                  "panic: v",
		banyan.ErrTimeout:                                               "timeout",
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err.Error(), want)
		}
	}
}

func TestShutdownWithoutReasonPrints(t *testing.T) {
	defer func() {
		if v := recover(); v != nil {
			t.Errorf("panic: %v", v)
		}
	}()
	if got := banyan.Shutdown(nil).Error(); got == "" {
		t.Errorf("got %q", got)
	}
}
