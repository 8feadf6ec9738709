// SPDX-License-Identifier: Apache-2.0

package restart

import "time"

// Outcome is the heart of a decision.
type Outcome uint8

// The outcomes.
const (
	Nothing  Outcome = iota // not a child, or not one that runs: old news
	Stays                   // the child stays in the list, stopped
	Removed                 // the child has left the list
	Restart                 // stop some, then start some
	GiveUp                  // too many restarts: stop all and end with shutdown
	ShutDown                // auto-shutdown: stop all and end with shutdown
)

// String is for logs.
func (o Outcome) String() string {
	return name(o, "nothing", "stays", "removed", "restart", "give up", "shut down")
}

// Decision is what to do next: stop the children of Stop one after the other in this order, then start those of Start in
// this order, telling the core of each ([Core.Started], [Core.Ignored], or [Core.StartFailed], which ends the list).
// The core counts the children of Stop as stopped from now on. Those of Drop have left the list.
// The slices are valid until the next decision.
type Decision[K comparable] struct {
	Outcome Outcome
	Stop    []K
	Start   []K
	Drop    []K
}

// Exited decides what follows when a child ended by itself, or by anybody but its supervisor.
func (c *Core[K]) Exited(id K, class Class, now time.Duration) Decision[K] {
	ch := c.byID[id]
	if ch == nil || ch.status != Running {
		return Decision[K]{}
	}
	c.set(ch, Stopped)
	if ch.spec.Type == Permanent || ch.spec.Type == Transient && class == Crash {
		return c.restart(ch, now)
	}
	d := Decision[K]{Outcome: Stays}
	if ch.spec.Type == Temporary || c.opts.Strategy == Dynamic {
		c.remove(ch)
		d.Outcome = Removed
		d.Drop = append(c.drop[:0], id)
		c.drop = d.Drop
	}
	if ch.spec.Significant && c.endsWithout(ch) {
		d.Outcome, d.Stop = ShutDown, c.StopAll()
	}
	return d
}

// Retry decides about a child whose restart failed to start. It counts as one more restart.
func (c *Core[K]) Retry(id K, now time.Duration) Decision[K] {
	ch := c.byID[id]
	if ch == nil || ch.status != Restarting {
		return Decision[K]{}
	}
	return c.restart(ch, now)
}

// StopAll returns the running children in reverse order and counts them as stopped. It is the order for the end of a
// supervisor and for the rollback of a start that failed. Valid until the next decision.
func (c *Core[K]) StopAll() []K {
	c.stop = c.stop[:0]
	for ch := c.last; ch != nil; ch = ch.prev {
		c.halt(ch)
	}
	return c.stop
}

// halt enters a child into the list of those to stop, if it runs. Whoever waits for a retry waits no more.
func (c *Core[K]) halt(ch *child[K]) {
	if ch.status == Running {
		c.stop = append(c.stop, ch.id)
	}
	c.set(ch, Stopped)
}

// endsWithout reports whether the end of the significant child ch is the supervisor's.
func (c *Core[K]) endsWithout(ch *child[K]) bool {
	if c.opts.AutoShutdown == AnySignificant {
		return true
	}
	for o := c.first; o != nil; o = o.next {
		if o != ch && o.spec.Significant && o.status != Stopped {
			return false
		}
	}
	return true
}

// restart enters a restart and says who has part in it. ch does not run.
func (c *Core[K]) restart(ch *child[K], now time.Duration) Decision[K] {
	if !c.window.add(now) {
		c.set(ch, Stopped)
		return Decision[K]{Outcome: GiveUp, Stop: c.StopAll()}
	}
	from := ch
	switch c.opts.Strategy {
	case OneForOne, Dynamic:
		c.set(ch, Stopped)
		c.start = append(c.start[:0], ch.id)
		return Decision[K]{Outcome: Restart, Start: c.start}
	case OneForAll:
		from = c.first
	}
	c.stop, c.start, c.drop = c.stop[:0], c.start[:0], c.drop[:0]
	for o := c.last; o != from.prev; o = o.prev {
		c.halt(o)
		if o.spec.Type == Temporary {
			c.remove(o)
			c.drop = append(c.drop, o.id)
		}
	}
	// A temporary child at the head of the group has left the list, and kept its way to the next.
	for o := from; o != nil; o = o.next {
		if o.spec.Type != Temporary {
			c.start = append(c.start, o.id)
		}
	}
	return Decision[K]{Restart, c.stop, c.start, c.drop}
}
