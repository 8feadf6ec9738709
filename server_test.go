// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

func TestCallToWhatIsNotThere(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ctx := outside(n)
		_, dead := spawnLab(t, n)
		fail(t, n, dead, nil)
		gone(t, n, dead.PID())
		never, err := banyan.RefOf[*lab](n, banyan.PID{Node: n.Name(), ID: 77777, Serial: 1, Creation: n.Creation()})
		if err != nil {
			t.Fatal(err)
		}
		old := dead.PID()
		old.Creation++
		before, err := banyan.RefOf[*lab](n, old)
		if err != nil {
			t.Fatal(err)
		}
		f := ask{func(*banyan.Self) (int, error) { return 1, nil }}
		g := do{func(*banyan.Self) error { return nil }}
		for name, to := range map[string]banyan.Dest[*lab]{
			"dead": dead, "never was": never, "earlier incarnation": before, "zero": labRef{},
			"no such name": banyan.At[*lab]("nobody", ""), "nil": nil,
		} {
			start := time.Now()
			if _, err := banyan.Call(ctx, to, f); !errors.Is(err, banyan.ErrNoProcess) || !errors.Is(err, banyan.ErrNotDelivered) {
				t.Errorf("%s: call: %v", name, err)
			}
			if err := banyan.Cast(ctx, to, g); !errors.Is(err, banyan.ErrNoProcess) || !errors.Is(err, banyan.ErrNotDelivered) {
				t.Errorf("%s: cast: %v", name, err)
			}
			if time.Since(start) != 0 {
				t.Errorf("%s: took %v", name, time.Since(start))
			}
		}
	})
}

// However a server ends in a call, its caller hears of it at once, with reason and stack.
func TestCrashInACall(t *testing.T) {
	var nilMap map[string]int
	var nilLab *lab
	for name, c := range map[string]struct {
		f     func(*banyan.Self) (int, error)
		is    error
		text  string
		panic bool
	}{
		"panic with an error": {func(*banyan.Self) (int, error) { panic(errBoom) }, errBoom, "boom", true},
		"panic with a value":  {func(*banyan.Self) (int, error) { panic(42) }, nil, "42", true},
		"nil dereference":     {func(*banyan.Self) (int, error) { return len(nilLab.infos), nil }, nil, "nil pointer", true},
		"out of range":        {func(*banyan.Self) (int, error) { return []int{1}[len(nilMap)+3], nil }, nil, "index out of range", true},
		"write to a nil map":  {func(*banyan.Self) (int, error) { nilMap["a"] = 1; return 0, nil }, nil, "nil map", true},
		"panic(nil)":          {func(*banyan.Self) (int, error) { panic(nil) }, nil, "nil", true},
		"runtime.Goexit":      {func(*banyan.Self) (int, error) { runtime.Goexit(); return 0, nil }, banyan.ErrGoexit, "Goexit", true},
		"killed by itself":    {func(s *banyan.Self) (int, error) { _ = banyan.SendExit(s, s.PID(), banyan.ErrKill); return 1, nil }, banyan.ErrKilled, "killed", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				l, a := spawnLab(t, n)
				start := time.Now()
				_, err := banyan.Call(outside(n), a, ask{c.f})
				if err == nil {
					t.Fatal("no error")
				}
				var pr *banyan.ProcessError
				if !errors.As(err, &pr) || pr.PID != a.PID() {
					t.Fatalf("the error is not about the server: %v", err)
				}
				if c.is == nil {
					c.is = pr.Reason
				}
				diedWith(t, err, c.is, true)
				if !strings.Contains(err.Error(), c.text) || time.Since(start) > 0 {
					t.Errorf("got %q after %v", err, time.Since(start))
				}
				var pe *banyan.PanicError
				if errors.As(err, &pe) != c.panic || c.panic && !strings.Contains(pe.Stack, "TestCrashInACall") {
					t.Errorf("no stack: %v", pe)
				}
				if c.is != banyan.ErrKilled {
					errorIs(t, next(t, l.ended), c.is)
				}
				gone(t, n, a.PID())
				if _, other := spawnLab(t, n); other.PID() == a.PID() { // the node goes on
					t.Error("a pid was used again")
				}
			})
		})
	}
}

func TestErrorOfACallDoesNotEndTheServer(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		v, err := banyan.Call(outside(n), a, ask{func(*banyan.Self) (int, error) { return 7, errBoom }})
		if err != errBoom || v != 0 {
			t.Fatalf("got %d, %v", v, err)
		}
		alive(t, n, a.PID())
	})
}

// Calls that wait behind one that crashes the server were not delivered, whether in the same batch or behind it.
func TestCallsQueuedBehindACrash(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		hold := make(chan struct{})
		errs := make(chan error, 100)
		later(t, n, a, func(*banyan.Self) error { <-hold; return nil })
		synctest.Wait()
		crash := make(chan error, 1)
		go func() {
			_, err := banyan.Call(outside(n), a, ask{func(*banyan.Self) (int, error) { <-hold; panic(errBoom) }})
			crash <- err
		}()
		synctest.Wait()
		for range 50 {
			go func() {
				_, err := banyan.Call(outside(n), a, ask{func(*banyan.Self) (int, error) { return 0, nil }})
				errs <- err
			}()
		}
		synctest.Wait()
		close(hold)
		diedWith(t, next(t, crash), errBoom, true)
		for range 50 {
			diedWith(t, next(t, errs), errBoom, false)
		}
	})
}

func TestStopInACast(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		hold := make(chan struct{})
		later(t, n, a, func(self *banyan.Self) error { self.Stop(banyan.Shutdown(errBoom)); <-hold; return nil })
		errs := make(chan error, 1)
		go func() {
			_, err := banyan.Call(outside(n), a, ask{func(*banyan.Self) (int, error) { return 1, nil }})
			errs <- err
		}()
		synctest.Wait()
		alive(t, n, a.PID()) // the handler is not cut off
		close(hold)
		diedWith(t, next(t, errs), banyan.ErrShutdown, false)
		errorIs(t, next(t, l.ended), errBoom)
	})
}

func TestStopInACallStillReplies(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		v, err := banyan.Call(outside(n), a, ask{func(self *banyan.Self) (int, error) { self.Stop(nil); return 5, nil }})
		if v != 5 || err != nil {
			t.Fatalf("got %d, %v", v, err)
		}
		if err := next(t, l.ended); err != banyan.ErrNormal {
			t.Fatal(err)
		}
	})
}

func TestStopFromOutside(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n, banyan.TrapExits())
		var self *banyan.Self
		in(t, n, a, func(s *banyan.Self) { self = s })
		self.Stop(nil) // by a stray goroutine: neither trapped nor ignored
		if err := next(t, l.ended); err != banyan.ErrNormal {
			t.Fatal(err)
		}
	})
}

func TestTerminateIsCalled(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				l, a := spawnLab(t, n)
				later(t, n, a, e.end)
				gone(t, n, a.PID())
				if e.reason == banyan.ErrKilled {
					none(t, l.ended)
					return
				}
				errorIs(t, next(t, l.ended), e.reason)
				none(t, l.ended)
			})
		})
	}
}

func TestTerminateIsNotCalledWhenTheStartFails(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l := newLab()
		_, err := banyan.Spawn(n, func(_ context.Context, self *banyan.Self) (*lab, error) { return l, errBoom })
		errorIs(t, err, errBoom)
		none(t, l.ended)
	})
}

// curator is a server whose Terminate does what the test wants.
type curator struct {
	f func(self *banyan.Self, reason error)
}

func (c *curator) Terminate(self *banyan.Self, reason error) { c.f(self, reason) }

type leave struct{ Why error }

func (m leave) Cast(*curator, *banyan.Self) error {
	if errors.Is(m.Why, errPanic) {
		panic(m.Why)
	}
	return m.Why
}

var errPanic = errors.New("panic with this")

// Terminate may call, cast and receive replies however the process ends: it is there to clean up, with others if need be.
func TestTerminateMayCall(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, r banyan.Ref[*curator]) error{
		"after an error": func(ctx context.Context, r banyan.Ref[*curator]) error { return banyan.Cast(ctx, r, leave{errBoom}) },
		"after a panic":  func(ctx context.Context, r banyan.Ref[*curator]) error { return banyan.Cast(ctx, r, leave{errPanic}) },
		"after normal": func(ctx context.Context, r banyan.Ref[*curator]) error {
			return banyan.Cast(ctx, r, leave{banyan.ErrNormal})
		},
		"after a shutdown signal": func(ctx context.Context, r banyan.Ref[*curator]) error {
			return banyan.SendExit(ctx, r.PID(), banyan.ErrShutdown)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				_, store := spawnLab(t, n)
				saved := make(chan error, 1)
				c := &curator{func(self *banyan.Self, _ error) {
					v, err := banyan.Call(self, store, ask{func(*banyan.Self) (int, error) { return 1, nil }})
					if v != 1 && err == nil {
						err = errBoom
					}
					saved <- err
				}}
				ref, err := banyan.SpawnState(n, c)
				if err != nil {
					t.Fatal(err)
				}
				if err := end(outside(n), ref); err != nil {
					t.Fatal(err)
				}
				if err := next(t, saved); err != nil {
					t.Errorf("the call in Terminate failed: %v", err)
				}
			})
		})
	}
}

func TestTerminateThatFailsItself(t *testing.T) {
	for name, f := range map[string]func(*banyan.Self, error){
		"panics": func(*banyan.Self, error) { panic("at the end") },
		"Goexit": func(*banyan.Self, error) { runtime.Goexit() },
	} {
		for _, why := range []error{banyan.ErrNormal, errBoom, errPanic} {
			t.Run(name+" after "+why.Error(), func(t *testing.T) {
				bubble(t, func(t *testing.T, n *banyan.Node) {
					ref, err := banyan.SpawnState(n, &curator{f})
					if err != nil {
						t.Fatal(err)
					}
					w, watcher := spawnLab(t, n)
					in(t, n, watcher, func(self *banyan.Self) { self.Monitor(ref.PID()) })
					_ = banyan.Cast(outside(n), ref, leave{why})
					if d := nextOf[banyan.Down](t, w.infos); !banyan.Abnormal(d.Reason) {
						t.Fatalf("died of %v", d.Reason)
					}
					gone(t, n, ref.PID())
				})
			})
		}
	}
}

// A reason may be anything that has an Error method, even one that panics (the typed nil that Go programs know too well).
type brittle struct{ text string }

func (b *brittle) Error() string { return b.text }

func TestReasonWhoseErrorMethodPanics(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Name("a"))
		w, watcher := spawnLab(t, n)
		in(t, n, watcher, func(self *banyan.Self) { self.Monitor(a.PID()) })
		var typedNil *brittle
		later(t, n, a, func(*banyan.Self) error { return typedNil })
		nextOf[banyan.Down](t, w.infos)
		gone(t, n, a.PID())
		if _, ok := n.Whereis("a"); ok {
			t.Error("the name is still taken")
		}
	})
}
