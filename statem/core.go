// SPDX-License-Identifier: Apache-2.0

package statem

import (
	"slices"
	"time"
)

// timerKind tells the three families of time-outs apart.
type timerKind uint8

const (
	eventTimer timerKind = iota // any event cancels it
	stateTimer                  // a change of state cancels it
	namedTimer                  // nothing cancels it but an order: gen_statem's generic time-out
)

// timerKey names one time-out; name is for namedTimer only.
type timerKey struct {
	kind timerKind
	name string
}

// order is one thing that a handler says about a time-out.
type order[E any] struct {
	key   timerKey
	op    orderOp
	after time.Duration // of set
	event E             // of set and update
}

type orderOp uint8

const (
	setTimer orderOp = iota
	updateTimer
	cancelTimer
)

// said is what a handler says about what comes after it. The core reads it once, when the handler has returned.
type said[St comparable, E any] struct {
	next     St
	moves    bool // next holds
	repeat   bool
	postpone bool
	event    E // of postpone: what is kept of the event
	inserts  []E
	orders   []order[E]
}

func (s *said[St, E]) reset() {
	clear(s.inserts)
	clear(s.orders)
	*s = said[St, E]{inserts: s.inserts[:0], orders: s.orders[:0]}
}

// alarm is what is to be done with a real timer: start one that calls expired(key, seq) after the time, or stop it.
type alarm struct {
	key   timerKey
	start bool
	after time.Duration
	seq   uint64
}

// running is a time-out that has not come yet. With zero set it has no real timer: it waits in core.zero.
type running[E any] struct {
	event E
	seq   uint64
	zero  bool
}

// core decides which event comes next: gen_statem's engine without process and clock. Events are of any type E; whoever
// drives it handles them, and keeps the real timers.
//
// One step is: arrive or next gives an event; its handler fills a said; move says whether the state is entered, and then
// the enter handler may add orders; settle does the rest. Then next again, until there is none; then the mailbox.
type core[St comparable, E any] struct {
	state St
	// queue is what comes before anything in the mailbox: inserted events and postponed ones to be tried again. The last is
	// the next, so that putting events before all others costs no copying.
	queue []E
	// postponed waits for a change of state, oldest first.
	postponed []E
	// zero are the time-outs without a time, in the order in which they were set. They come when queue is empty, and before
	// the mailbox. Invariant: timers[k].zero for each of them, and for no others.
	zero   []timerKey
	timers map[timerKey]running[E]
	seq    uint64
	alarms []alarm // for the driver, from the last arrive, next or settle
}

// arrive is told that an event from the mailbox is about to be handled.
func (c *core[St, E]) arrive() { c.cancel(timerKey{kind: eventTimer}) }

// expired is told that a real timer has fired. ok is false if it was cancelled meanwhile: then nothing has happened. Else
// its event is to be handled, after arrive.
func (c *core[St, E]) expired(k timerKey, seq uint64) (ev E, ok bool) {
	t, ok := c.timers[k]
	if !ok || t.zero || t.seq != seq {
		return ev, false
	}
	delete(c.timers, k)
	return t.event, true
}

// next gives the event that comes before the mailbox, if there is one.
func (c *core[St, E]) next() (ev E, ok bool) {
	if n := len(c.queue); n > 0 {
		var none E
		ev, c.queue[n-1] = c.queue[n-1], none
		if c.queue = c.queue[:n-1]; n == 1 && cap(c.queue) > keepQueue {
			c.queue = nil
		}
	} else if len(c.zero) > 0 {
		k := c.zero[0]
		ev = c.timers[k].event
		c.drop(k)
	} else {
		return ev, false
	}
	c.arrive()
	return ev, true
}

// move takes the next state. entered says that the enter handler is to be called, with old.
func (c *core[St, E]) move(s *said[St, E]) (old St, changed, entered bool) {
	old = c.state
	if s.moves {
		c.state = s.next
	}
	changed = old != c.state
	return old, changed, changed || s.repeat
}

// settle ends a step: the order of what follows is gen_statem's.
func (c *core[St, E]) settle(s *said[St, E], changed bool) {
	if s.postpone {
		c.postponed = append(c.postponed, s.event)
	}
	if changed {
		c.cancel(timerKey{kind: stateTimer})
		c.prepend(c.postponed)
		clear(c.postponed)
		if c.postponed = c.postponed[:0]; cap(c.postponed) > keepQueue {
			c.postponed = nil
		}
	}
	c.prepend(s.inserts)
	for i := range s.orders { // of several about one time-out the last counts alone: an update behind a set finds nothing to update
		o := &s.orders[i]
		if !slices.ContainsFunc(s.orders[i+1:], func(later order[E]) bool { return later.key == o.key }) {
			c.obey(o)
		}
	}
}

// keepQueue is how large a queue may be to be kept while it is empty.
const keepQueue = 64

// prepend puts events before all that are in the queue.
func (c *core[St, E]) prepend(events []E) {
	for _, e := range slices.Backward(events) {
		c.queue = append(c.queue, e)
	}
}

func (c *core[St, E]) obey(o *order[E]) {
	switch t, ok := c.timers[o.key]; {
	case o.op == cancelTimer:
		c.cancel(o.key)
	case o.op == updateTimer && ok:
		t.event = o.event
		c.timers[o.key] = t
	case o.op == updateTimer:
		c.set(o.key, 0, o.event)
	default:
		c.set(o.key, o.after, o.event)
	}
}

// set starts a time-out; one of that key that runs is forgotten.
func (c *core[St, E]) set(k timerKey, after time.Duration, ev E) {
	c.cancel(k)
	if c.timers == nil {
		c.timers = map[timerKey]running[E]{}
	}
	c.seq++
	c.timers[k] = running[E]{event: ev, seq: c.seq, zero: after <= 0}
	if after <= 0 {
		c.zero = append(c.zero, k)
		return
	}
	c.alarms = append(c.alarms, alarm{key: k, start: true, after: after, seq: c.seq})
}

// cancel forgets a time-out, if there is one.
func (c *core[St, E]) cancel(k timerKey) {
	t, ok := c.timers[k]
	if !ok {
		return
	}
	if t.zero {
		c.drop(k)
		return
	}
	delete(c.timers, k)
	c.alarms = append(c.alarms, alarm{key: k})
}

// drop takes a time-out without a time out of its queue.
func (c *core[St, E]) drop(k timerKey) {
	delete(c.timers, k)
	for i, z := range c.zero {
		if z == k {
			c.zero = append(c.zero[:i], c.zero[i+1:]...)
			return
		}
	}
}
