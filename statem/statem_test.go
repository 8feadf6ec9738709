// SPDX-License-Identifier: Apache-2.0

package statem_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/statem"
	"github.com/banyan-go/banyan/supervisor"
)

// A postponed call is answered when it is handled at last; its caller notices nothing but the time.
func TestPostponedCallKeepsItsReply(t *testing.T) {
	bubble(t, "busy", func(r *rig) {
		a, b := r.async(work("a")), r.async(work("b"))
		r.open(a)
		r.cast(to("busy")) // no change
		r.open(a)
		r.cast(to("free"))
		if o := get(r, a); o.err != nil || o.v != 7 {
			t.Error(o)
		}
		if o := get(r, b); o.err != nil || o.v != 8 {
			t.Error(o)
		}
		r.trace("busy/enter:busy busy/a busy/b busy/to:busy busy/to:free free/enter:busy free/a free/b")
	})
}

func TestPostponeTwice(t *testing.T) {
	bubble(t, "busy", func(r *rig) {
		o := r.async(ask{"p", func(l *lab, _ *banyan.Self) (int, error) {
			if l.State() != "free" {
				_ = l.Postpone()
				return 0, l.Postpone() // saying it twice is saying it once
			}
			return 7, nil
		}})
		r.cast(to("still"))
		r.open(o)
		r.cast(to("free"))
		if o := get(r, o); o.v != 7 || o.err != nil {
			t.Error(o)
		}
	})
}

// A call that waits when its machine ends is a call in which the server died, with its reason; it may have had effects.
func TestPostponedCallWhenTheMachineEnds(t *testing.T) {
	for name, end := range map[string]func(r *rig) error{
		"error": func(r *rig) error {
			r.cast(do{"fail", func(*lab, *banyan.Self) error { return errBoom }})
			return errBoom
		},
		"stop": func(r *rig) error {
			r.cast(do{"stop", func(l *lab, self *banyan.Self) error { self.Stop(errBoom); l.Next("never"); return nil }})
			return errBoom
		},
		"exit signal": func(r *rig) error { _ = banyan.SendExit(r.ctx, r.ref.PID(), errBoom); return errBoom },
		"kill": func(r *rig) error {
			_ = banyan.SendExit(r.ctx, r.ref.PID(), banyan.ErrKill)
			return banyan.ErrKilled
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, "busy", func(r *rig) {
				o := r.async(work("a"))
				reason := end(r)
				if o := get(r, o); !errors.Is(o.err, banyan.ErrDied) || !errors.Is(o.err, reason) {
					t.Error(o.err)
				}
			})
		})
	}
}

// The caller gave up while its call was postponed: nobody handles it any more.
func TestPostponedCallWhoseCallerGaveUp(t *testing.T) {
	bubble(t, "busy", func(r *rig) {
		o := r.async(work("a"), banyan.Timeout(time.Second))
		if o := get(r, o); !errors.Is(o.err, banyan.ErrTimeout) {
			t.Error(o.err)
		}
		r.cast(to("free"))
		r.trace("busy/enter:busy busy/a busy/to:free free/enter:busy")
	})
}

func TestPostponeAndDefer(t *testing.T) {
	bubble(t, "busy", func(r *rig) {
		o := r.async(ask{"p", func(l *lab, self *banyan.Self) (int, error) {
			banyan.Defer[int](self)
			return 0, l.Postpone()
		}})
		if o := get(r, o); !errors.Is(o.err, banyan.ErrWrongTicket) {
			t.Error(o)
		}
		// An error with it is the answer.
		o = r.async(ask{"p", func(l *lab, _ *banyan.Self) (int, error) { _ = l.Postpone(); return 0, errBoom }})
		if o := get(r, o); o.err != errBoom {
			t.Error(o)
		}
	})
}

func TestPostponedPlainMessage(t *testing.T) {
	bubble(t, "busy", func(r *rig) {
		if err := banyan.Send(r.ctx, r.ref.PID(), "m"); err != nil {
			t.Fatal(err)
		}
		r.cast(to("free"))
		r.trace("busy/enter:busy busy/info:m busy/to:free free/enter:busy free/info:m")
	})
}

func TestPostponedIsBounded(t *testing.T) {
	bubble(t, "busy", func(r *rig) {
		postponed := do{"c", func(l *lab, _ *banyan.Self) error {
			if l.State() == "busy" {
				return l.Postpone()
			}
			return nil
		}}
		a := r.async(work("a"))
		r.cast(postponed)
		if o := get(r, r.async(work("b"))); !errors.Is(o.err, statem.ErrTooManyPostponed) || !errors.Is(o.err, banyan.ErrMailboxFull) {
			t.Error(o.err)
		}
		before := r.n.Stats().DeadLetters
		r.cast(postponed)
		r.cast(postponed)
		synctest.Wait()
		if got := r.n.Stats().DeadLetters - before; got != 2 {
			t.Error(got, "dead letters")
		}
		if got := r.out.count("too many are postponed"); got != 1 {
			t.Error(got, "log records")
		}
		r.cast(to("free"))
		if o := get(r, a); o.err != nil {
			t.Error(o)
		}
		r.cast(to("busy"))
		b := r.async(work("d")) // there is room again
		r.open(b)
		r.cast(to("free"))
		get(r, b)
	}, statem.Postponed(banyan.Limits{Messages: 2}))
}

func TestPostponedIsBoundedInBytes(t *testing.T) {
	bubble(t, "busy", func(r *rig) {
		a := r.async(work("a")) // one of any size may wait
		if o := get(r, r.async(work("b"))); !errors.Is(o.err, statem.ErrTooManyPostponed) {
			t.Error(o.err)
		}
		r.cast(to("free"))
		get(r, a)
	}, statem.Postponed(banyan.Limits{Bytes: 1}))
}

// beep is what the time-outs of these tests bring.
func beep(name string) do { return do{name: name} }

func TestTimeouts(t *testing.T) {
	for _, c := range []struct {
		rule string
		set  func(l *lab)
		then func(r *rig)
		want string // after the first two entries
	}{
		{"a state time-out comes", func(l *lab) { statem.StateTimeout(l, time.Second, beep("late")) }, nil, "a/late"},
		{"not after a change of state", func(l *lab) { statem.StateTimeout(l, time.Second, beep("late")) },
			func(r *rig) { r.cast(to("b")) }, "a/to:b b/enter:a"},
		{"nor after a cancel", func(l *lab) { statem.StateTimeout(l, time.Second, beep("late")) },
			func(r *rig) {
				r.cast(do{"cancel", func(l *lab, _ *banyan.Self) error { l.CancelStateTimeout(); return nil }})
			}, "a/cancel"},
		{"an event time-out is cancelled by an event", func(l *lab) { statem.EventTimeout(l, time.Second, beep("late")) },
			func(r *rig) { r.cast(do{name: "x"}) }, "a/x"},
		{"or by its handler", func(l *lab) { statem.EventTimeout(l, time.Second, beep("late")); l.CancelEventTimeout() }, nil, ""},
		{"a named one stays, whatever the state", func(l *lab) { statem.Timeout(l, "n", time.Second, beep("late")) },
			func(r *rig) { r.cast(to("b")) }, "a/to:b b/enter:a b/late"},
		{"until it is cancelled", func(l *lab) { statem.Timeout(l, "n", time.Second, beep("late")) },
			func(r *rig) {
				r.cast(do{"cancel", func(l *lab, _ *banyan.Self) error { l.CancelTimeout("n"); return nil }})
			}, "a/cancel"},
		{"or updated", func(l *lab) {
			statem.Timeout(l, "n", time.Second, beep("old"))
			statem.StateTimeout(l, 2*time.Second, beep("old"))
		}, func(r *rig) {
			r.cast(do{"update", func(l *lab, _ *banyan.Self) error {
				statem.UpdateTimeout(l, "n", beep("new"))
				statem.UpdateStateTimeout(l, beep("newer"))
				return nil
			}})
		}, "a/update a/new a/newer"},
		{"no time is at once, behind what was inserted", func(l *lab) {
			statem.StateTimeout(l, 0, beep("now"))
			statem.Insert(l, do{name: "first"})
		}, nil, "a/first a/now"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			bubble(t, "a", func(r *rig) {
				r.cast(do{"set", func(l *lab, _ *banyan.Self) error { c.set(l); return nil }})
				synctest.Wait()
				if c.then != nil {
					<-time.After(time.Millisecond) // virtual
					c.then(r)
				}
				<-time.After(time.Minute) // virtual
				r.trace(strings.TrimSpace("a/enter:a a/set " + c.want))
			})
		})
	}
}

func TestEnterMaySetTimeoutsButNotMove(t *testing.T) {
	bubble(t, "a", func(r *rig) {
		r.cast(do{"set", func(l *lab, _ *banyan.Self) error {
			l.onEnt = func(l *lab, _ *banyan.Self) error { statem.StateTimeout(l, time.Second, beep("late")); return nil }
			l.Next("b")
			return nil
		}})
		synctest.Wait()
		<-time.After(time.Second) // virtual
		r.trace("a/enter:a a/set b/enter:a b/late")
	})
	for name, wrong := range map[string]func(*lab){
		"next": func(l *lab) { l.Next("c") }, "repeat": func(l *lab) { l.Repeat() }, "postpone": func(l *lab) { _ = l.Postpone() },
		"insert": func(l *lab) { statem.Insert(l, do{}) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, "a", func(r *rig) {
				r.cast(do{"set", func(l *lab, _ *banyan.Self) error {
					l.onEnt = func(l *lab, _ *banyan.Self) error { wrong(l); return nil }
					l.Next("b")
					return nil
				}})
				if reason := get(r, r.l.ended); !errors.Is(reason, statem.ErrMisplaced) {
					t.Error(reason)
				}
			})
		})
	}
}

// How a machine ends: by an error or Stop anywhere. What was inserted is then not handled.
func TestEnds(t *testing.T) {
	inserting := func(f func(*lab, *banyan.Self) error) do {
		return do{"x", func(l *lab, self *banyan.Self) error {
			statem.Insert(l, do{name: "never"})
			return f(l, self)
		}}
	}
	for name, c := range map[string]struct {
		m    do
		want error
	}{
		"an error of a note": {inserting(func(*lab, *banyan.Self) error { return errBoom }), errBoom},
		"stop":               {inserting(func(_ *lab, self *banyan.Self) error { self.Stop(nil); return nil }), banyan.ErrNormal},
		"a panic":            {inserting(func(*lab, *banyan.Self) error { panic(errBoom) }), errBoom},
		"an error of enter": {inserting(func(l *lab, _ *banyan.Self) error {
			l.onEnt = func(*lab, *banyan.Self) error { return errBoom }
			l.Next("b")
			return nil
		}), errBoom},
		"stop in enter": {inserting(func(l *lab, _ *banyan.Self) error {
			l.onEnt = func(_ *lab, s *banyan.Self) error { s.Stop(errBoom); return nil }
			l.Next("b")
			return nil
		}), errBoom},
		"an inserted note": {do{"x", func(l *lab, _ *banyan.Self) error {
			statem.Insert(l, do{"i", func(*lab, *banyan.Self) error { return errBoom }})
			statem.Insert(l, do{name: "never"})
			return nil
		}}, errBoom},
		"what cannot be copied": {do{"x", func(l *lab, _ *banyan.Self) error { statem.Insert(l, uncopied{make(chan int)}); return nil }}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, "a", func(r *rig) {
				r.cast(c.m)
				reason := get(r, r.l.ended)
				if c.want != nil && !errors.Is(reason, c.want) || reason == nil {
					t.Error(reason)
				}
				synctest.Wait()
				if s := strings.Join(*r.l.log, " "); strings.Contains(s, "never") {
					t.Error(s)
				}
			})
		})
	}
}

type uncopied struct{ c chan int }

func (uncopied) Cast(*lab, *banyan.Self) error { return nil }

// The record of a crash names the event that was handled, not the one that the mailbox gave.
func TestCrashNamesTheEvent(t *testing.T) {
	bubble(t, "busy", func(r *rig) {
		o := r.async(ask{"a", func(l *lab, _ *banyan.Self) (int, error) {
			if l.State() == "busy" {
				return 0, l.Postpone()
			}
			panic("burnt")
		}})
		r.cast(to("free"))
		if o := get(r, o); !errors.Is(o.err, banyan.ErrDied) {
			t.Error(o.err)
		}
		synctest.Wait()
		if r.out.count("last_message=statem_test.ask") != 1 || r.out.count("process crashed") != 1 {
			t.Error(r.out.b.String())
		}
	})
}

// An error that a call gives is its answer; what the handler said holds all the same.
func TestErrorOfACallIsAnAnswer(t *testing.T) {
	bubble(t, "a", func(r *rig) {
		o := r.async(ask{"x", func(l *lab, _ *banyan.Self) (int, error) { l.Next("b"); return 0, errBoom }})
		if o := get(r, o); o.err != errBoom {
			t.Error(o.err)
		}
		r.trace("a/enter:a a/x b/enter:a")
	})
}

// A reply may be given later, in another state, as with any server.
func TestDeferredReply(t *testing.T) {
	bubble(t, "a", func(r *rig) {
		var later banyan.Later[int]
		o := r.async(ask{"x", func(l *lab, self *banyan.Self) (int, error) {
			later = banyan.Defer[int](self)
			l.Next("b")
			return 0, nil
		}})
		r.open(o)
		r.cast(do{"reply", func(*lab, *banyan.Self) error { return later.Reply(3) }})
		if o := get(r, o); o.v != 3 || o.err != nil {
			t.Error(o)
		}
	})
}

// System messages are no events: they cancel no event time-out, and are answered in any state.
func TestSystemMessagesAreNoEvents(t *testing.T) {
	bubble(t, "a", func(r *rig) {
		r.cast(do{"set", func(l *lab, _ *banyan.Self) error { statem.EventTimeout(l, time.Second, beep("idle")); return nil }})
		synctest.Wait()
		if v, err := banyan.Inspect(r.ctx, r.ref.PID()); err != nil || v == nil {
			t.Error(v, err)
		}
		if err := banyan.Suspend(r.ctx, r.ref.PID()); err != nil {
			t.Error(err)
		}
		r.cast(do{name: "x"})
		r.trace("a/enter:a a/set")
		if err := banyan.Resume(r.ctx, r.ref.PID()); err != nil {
			t.Error(err)
		}
		r.trace("a/enter:a a/set a/x")
		r.cast(do{"set", func(l *lab, _ *banyan.Self) error { statem.EventTimeout(l, time.Second, beep("idle")); return nil }})
		synctest.Wait()
		if _, err := banyan.Inspect(r.ctx, r.ref.PID()); err != nil {
			t.Error(err)
		}
		<-time.After(time.Minute) // virtual
		r.trace("a/enter:a a/set a/x a/set a/idle")
	})
}

// timed is a machine whose constructor says what is to happen.
type timed struct {
	statem.Machine[int]
	seen []string
}

func newTimed(context.Context, *banyan.Self) (*timed, error) {
	d := &timed{Machine: statem.In(1)}
	statem.Insert(d, tick{"inserted"})
	statem.StateTimeout(d, time.Second, tick{"late"})
	d.Next(2)
	return d, nil
}

type tick struct{ S string }

func (m tick) Cast(d *timed, _ *banyan.Self) error { d.seen = append(d.seen, m.S); return nil }

type seen struct{}

func (seen) Call(d *timed, _ *banyan.Self) (string, error) {
	return strings.Join(d.seen, " "), nil
}

func TestConstructorSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := banyan.Start("test@localhost")
		if err != nil {
			t.Fatal(err)
		}
		defer n.Stop(context.Background())
		ref, err := banyan.Spawn(n, newTimed)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute) // virtual
		if s, err := banyan.Call(n.Context(t.Context()), ref, seen{}); s != "inserted late" || err != nil {
			t.Error(s, err)
		}
	})
}

// clock is what clients of a machine may see of it: machines may be spawned as an interface, too.
type clock interface{ Time() int }

func (d *timed) Time() int { return d.State() }

type what struct{}

func (what) Call(c clock, _ *banyan.Self) (int, error) { return c.Time(), nil }

func TestMachineAsAnInterfaceUnderASupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := banyan.Start("test@localhost")
		if err != nil {
			t.Fatal(err)
		}
		defer n.Stop(context.Background())
		tree := supervisor.New("clocks", supervisor.OneForOne,
			supervisor.Worker("concrete", newTimed, supervisor.With(banyan.Name("concrete"))),
			supervisor.Worker("abstract", func(ctx context.Context, self *banyan.Self) (clock, error) { return newTimed(ctx, self) },
				supervisor.With(banyan.Name("abstract"))))
		if _, err := tree.Start(n); err != nil {
			t.Fatal(err)
		}
		ctx := n.Context(t.Context())
		<-time.After(2 * time.Second) // virtual: the time-outs work in both
		for _, name := range []banyan.Atom{"concrete", "abstract"} {
			if v, err := banyan.Call(ctx, banyan.At[clock](name, ""), what{}); v != 2 || err != nil {
				t.Error(name, v, err)
			}
		}
		if s, err := banyan.Call(ctx, banyan.At[*timed]("concrete", ""), seen{}); s != "inserted late" || err != nil {
			t.Error(s, err)
		}
		// It is restarted in its first state.
		pid, _ := n.Whereis("concrete")
		if err := banyan.SendExit(ctx, pid, errBoom); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s, err := banyan.Call(ctx, banyan.At[*timed]("concrete", ""), seen{}); s != "inserted" || err != nil {
			t.Error(s, err)
		}
	})
}
