// SPDX-License-Identifier: Apache-2.0

package statem

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// act is one thing that a handler of a story says. It has a text form that Erlang reads as well.
type act struct {
	do    string // next, repeat, postpone, insert, set, update, cancel
	key   string // of a time-out: state, event, or a name
	after int    // of set: 0, or anything else for one that does not come by itself
	arg   string // the state to go to, or the event
}

func (a act) timer() timerKey {
	switch a.key {
	case "state":
		return timerKey{kind: stateTimer}
	case "event":
		return timerKey{kind: eventTimer}
	}
	return timerKey{namedTimer, a.key}
}

func (a act) say(s *said[string, string], ev string) {
	switch a.do {
	case "next":
		s.next, s.moves = a.arg, true
	case "repeat":
		s.repeat = true
	case "postpone":
		s.postpone, s.event = true, ev
	case "insert":
		s.inserts = append(s.inserts, a.arg)
	case "set":
		s.orders = append(s.orders, order[string]{a.timer(), setTimer, time.Duration(a.after) * time.Hour, a.arg})
	case "update":
		s.orders = append(s.orders, order[string]{a.timer(), updateTimer, 0, a.arg})
	case "cancel":
		s.orders = append(s.orders, order[string]{key: a.timer(), op: cancelTimer})
	default:
		panic("unknown act " + a.do)
	}
}

// program says what is done on an event in a state: by "state event", or "state enter".
type program map[string][]act

// world drives a core as the engine does, with events that are words.
type world struct {
	core[string, string]
	prog  program
	trace []string
	steps int
	real  map[timerKey]alarm
}

func (w *world) ring() {
	for _, a := range w.alarms {
		if delete(w.real, a.key); a.start {
			w.real[a.key] = a
		}
	}
	w.alarms = nil
}

func newWorld(initial string, p program) *world {
	w := &world{core: core[string, string]{state: initial}, prog: p, real: map[timerKey]alarm{}}
	w.settleAll(&said[string, string]{repeat: true})
	w.drain()
	return w
}

const mostSteps = 40 // after which nobody says anything any more, so that each story ends

func (w *world) settleAll(s *said[string, string]) {
	old, changed, entered := w.move(s)
	if entered {
		w.trace = append(w.trace, w.state+"/enter:"+old)
		if w.steps++; w.steps < mostSteps {
			for _, a := range w.prog[w.state+" enter"] {
				a.say(s, "")
			}
		}
	}
	w.settle(s, changed)
	w.ring()
}

func (w *world) step(ev string) {
	w.trace = append(w.trace, w.state+"/"+ev)
	var s said[string, string]
	if w.steps++; w.steps < mostSteps {
		for _, a := range w.prog[w.state+" "+ev] {
			a.say(&s, ev)
		}
	}
	w.settleAll(&s)
}

func (w *world) drain() {
	for {
		ev, ok := w.next()
		if !ok {
			return
		}
		w.step(ev)
	}
}

// send is an event from the mailbox.
func (w *world) send(ev string) {
	w.arrive()
	w.step(ev)
	w.drain()
}

// fire lets the real timer of a key go off.
func (w *world) fire(k timerKey) bool {
	a, ok := w.real[k]
	if !ok {
		return false
	}
	delete(w.real, k)
	ev, ok := w.expired(k, a.seq)
	if ok {
		w.send(ev)
	}
	return ok
}

// parse reads a program: "closed push: next open, set state 1 slam; open slam: next closed".
func parse(t testing.TB, text string) program {
	t.Helper()
	p := program{}
	for rule := range strings.SplitSeq(text, ";") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		head, body, ok := strings.Cut(rule, ":")
		if !ok {
			t.Fatal("no colon in ", rule)
		}
		for part := range strings.SplitSeq(body, ",") {
			var a act
			switch f := strings.Fields(part); f[0] {
			case "repeat", "postpone":
				a = act{do: f[0]}
			case "next", "insert":
				a = act{do: f[0], arg: f[1]}
			case "set":
				a = act{do: f[0], key: f[1], arg: f[3]}
				fmt.Sscan(f[2], &a.after)
			case "update":
				a = act{do: f[0], key: f[1], arg: f[2]}
			case "cancel":
				a = act{do: f[0], key: f[1]}
			default:
				t.Fatal("unknown ", part)
			}
			p[head] = append(p[head], a)
		}
	}
	return p
}

// The rules of gen_statem, one story each. An event "fire KEY" lets a timer go off. The machine begins in state a.
func TestRules(t *testing.T) {
	for _, c := range []struct{ rule, program, events, want string }{
		{"the first state is entered, from itself", "", "", "a/enter:a"},
		{"a change of state enters the new one", "a x: next b", "x", "a/x b/enter:a"},
		{"going to the same state is no change", "a x: next a", "x y", "a/x a/y"},
		{"repeat enters again, and changes nothing else",
			"a p: postpone; a x: repeat; a s: set state 1 late", "s p x", "a/s a/p a/x a/enter:a"},
		{"repeat keeps the state time-out", "a x: set state 1 late; a y: repeat", "x y fire_state", "a/x a/y a/enter:a a/late"},
		{"a postponed event waits for a change of state", "a p: postpone; a x: next b", "p q x", "a/p a/q a/x b/enter:a b/p"},
		{"not for a state that is the same", "a p: postpone; a x: next a", "p x y", "a/p a/x a/y"},
		{"postponed events keep their order, and come before newer ones",
			"a p: postpone; a q: postpone; a r: postpone; a x: next b", "p q r x y", "a/p a/q a/r a/x b/enter:a b/p b/q b/r b/y"},
		{"an event may be postponed again and again",
			"a p: postpone; b p: postpone; a x: next b; b x: next c", "p x x", "a/p a/x b/enter:a b/p b/x c/enter:b c/p"},
		{"a change of state during the retries tries the rest in the new state",
			"a p: postpone; a q: postpone; a x: next b; b p: next c", "p q x", "a/p a/q a/x b/enter:a b/p c/enter:b c/q"},
		{"what was postponed again comes before what was not tried yet",
			"a p: postpone; a q: postpone; a r: postpone; a x: next b; b p: postpone; b q: next c", "p q r x",
			"a/p a/q a/r a/x b/enter:a b/p b/q c/enter:b c/p c/r"},
		{"an event that is postponed by the handler that changes the state is tried at once, after older ones",
			"a p: postpone; a x: postpone, next b", "p x", "a/p a/x b/enter:a b/p b/x"},
		{"inserted events come next, in their order", "a x: insert i, insert j", "x y", "a/x a/i a/j a/y"},
		{"newer inserted events come before older ones", "a x: insert i, insert j; a i: insert k", "x", "a/x a/i a/k a/j"},
		{"inserted events come before postponed ones",
			"a p: postpone; a x: insert i, next b", "p x y", "a/p a/x b/enter:a b/i b/p b/y"},
		{"an inserted event may be postponed", "a x: insert i; a i: postpone; a y: next b", "x y", "a/x a/i a/y b/enter:a b/i"},
		{"a state time-out comes in its state", "a x: set state 1 late", "x y fire_state", "a/x a/y a/late"},
		{"a change of state cancels the state time-out", "a x: set state 1 late; a y: next b", "x y fire_state", "a/x a/y b/enter:a"},
		{"one that is set with the change is the new state's",
			"a x: set state 1 old; a y: set state 1 new, next b", "x y fire_state", "a/x a/y b/enter:a b/new"},
		{"a new state time-out takes the place of the old one", "a x: set state 1 old; a y: set state 1 new", "x y fire_state fire_state", "a/x a/y a/new"},
		{"cancelled is cancelled", "a x: set state 1 late; a y: cancel state", "x y fire_state", "a/x a/y"},
		{"cancelling what does not run does nothing", "a x: cancel state, cancel n", "x", "a/x"},
		{"any event cancels the event time-out", "a x: set event 1 late", "x y fire_event", "a/x a/y"},
		{"it comes if there is none", "a x: set event 1 late", "x fire_event", "a/x a/late"},
		{"an inserted event cancels it too", "a x: set event 1 late, insert i", "x fire_event", "a/x a/i"},
		{"and so does a postponed one that is tried again",
			"a p: postpone; a x: next b, set event 1 late", "p x fire_event", "a/p a/x b/enter:a b/p"},
		{"and another time-out", "a x: set event 1 late, set state 1 s", "x fire_state fire_event", "a/x a/s"},
		{"a named time-out outlives events and states", "a x: set n 1 late; a y: next b", "x y z fire_n", "a/x a/y b/enter:a b/z b/late"},
		{"names are independent", "a x: set n 1 one, set m 1 two; a y: cancel n", "x y fire_n fire_m", "a/x a/y a/two"},
		{"no time is before the mailbox", "a x: set state 0 now", "x y", "a/x a/now a/y"},
		{"but after inserted events", "a x: set state 0 now, insert i", "x y", "a/x a/i a/now a/y"},
		{"and after postponed ones", "a p: postpone; a x: set state 0 now, next b", "p x y", "a/p a/x b/enter:a b/p b/now b/y"},
		{"several in the order in which they were set", "a x: set n 0 one, set state 0 two, set m 0 three", "x", "a/x a/one a/two a/three"},
		{"an event time-out of no time comes if nothing else is there", "a x: set event 0 now", "x y", "a/x a/now a/y"},
		{"and not if something is", "a x: set event 0 now, insert i", "x y", "a/x a/i a/y"},
		{"a state time-out of no time is cancelled by a change before it comes",
			"a x: set state 0 now, insert i; a i: next b", "x", "a/x a/i b/enter:a"},
		{"update changes what comes, not when", "a x: set state 1 old; a y: update state new", "x y fire_state", "a/x a/y a/new"},
		{"update of none comes at once", "a x: update n now", "x y", "a/x a/now a/y"},
		{"of several orders about one time-out the last counts alone", "a x: set state 1 old, update state now, set n 0 two", "x", "a/x a/now a/two"},
		{"and has its place", "a x: set n 0 old, set m 0 one, set n 0 two", "x", "a/x a/one a/two"},
		{"enter may set time-outs; they come behind the handler's", "b enter: set n 0 two; a x: next b, set m 0 one", "x", "a/x b/enter:a b/one b/two"},
		{"enter at the start, too", "a enter: set state 0 now", "x", "a/enter:a a/now a/x"},
	} {
		w := newWorld("a", parse(t, c.program))
		for ev := range strings.FieldsSeq(c.events) {
			if k, ok := strings.CutPrefix(ev, "fire_"); ok {
				w.fire(act{key: k}.timer())
			} else {
				w.send(ev)
			}
		}
		got := strings.Join(w.trace, " ")
		if got != c.want && got != "a/enter:a "+c.want {
			t.Errorf("%s\n program %s\n events  %s\n got     %s\n want    %s", c.rule, c.program, c.events, got, c.want)
		}
		w.check(t, c.rule)
	}
}

// check looks at the invariants.
func (w *world) check(t testing.TB, name string) {
	t.Helper()
	zeros := 0
	for k, r := range w.timers {
		if r.zero {
			zeros++
		} else if w.real[k].seq != r.seq {
			t.Errorf("%s: time-out %v has no real timer", name, k)
		}
	}
	if len(w.queue) != 0 || zeros != len(w.zero) || len(w.real)+zeros != len(w.timers) {
		t.Errorf("%s: queue %v, zero %v, timers %v, real %v", name, w.queue, w.zero, w.timers, w.real)
	}
	if !slices.IsSortedFunc(w.zero, func(a, b timerKey) int { return int(w.timers[a].seq) - int(w.timers[b].seq) }) {
		t.Errorf("%s: zero time-outs out of order: %v %v", name, w.zero, w.timers)
	}
}

// A stale timer, cancelled while it was about to fire, is no event.
func TestStaleTimerIsNoEvent(t *testing.T) {
	w := newWorld("a", parse(t, "a x: set state 1 old, set event 1 idle; a y: set state 1 new, set event 1 idle"))
	w.send("x")
	stale := w.real[timerKey{kind: stateTimer}]
	w.send("y")
	if _, ok := w.expired(stale.key, stale.seq); ok {
		t.Error("the old one came")
	}
	if !w.fire(timerKey{kind: eventTimer}) {
		t.Error("it cancelled the event time-out")
	}
}
