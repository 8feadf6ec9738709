// SPDX-License-Identifier: Apache-2.0

package restart

import (
	"errors"
	"fmt"
	"iter"
	"time"
)

// What is asked of a child that is in no state for it.
var (
	ErrNotFound   = errors.New("no such child")
	ErrExists     = errors.New("a child with this id exists")
	ErrRunning    = errors.New("the child is running")
	ErrRestarting = errors.New("the child is being restarted")
)

// Status is where a child stands.
type Status uint8

// The statuses of a child.
const (
	Stopped    Status = iota // in the list, but not running
	Running                  // started
	Restarting               // its start failed and is to be tried again
)

// String is for logs.
func (s Status) String() string { return name(s, "stopped", "running", "restarting") }

// Core is the list of a supervisor's children and the rules about it. K names a child: a name, or a number for dynamic
// children.
type Core[K comparable] struct {
	opts   Options
	window window
	byID   map[K]*child[K]
	// The children in order, as a list: a dynamic child out of a million leaves in O(1), and who stands behind a child is
	// known without a search.
	first, last *child[K]
	running     int

	stop, start, drop []K // memory of the last decision
}

type child[K comparable] struct {
	id         K
	spec       Spec
	status     Status
	prev, next *child[K]
}

// New makes an empty list. It fails if the options do not hold together.
func New[K comparable](o Options) (*Core[K], error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Core[K]{opts: o, window: window{n: o.Intensity, period: o.Period}, byID: make(map[K]*child[K])}, nil
}

// Options returns what New was given.
func (c *Core[K]) Options() Options { return c.opts }

// Add puts a child at the end of the list, stopped. ErrExists: there is one with this id.
func (c *Core[K]) Add(id K, s Spec) error {
	if err := s.check(c.opts); err != nil {
		return fmt.Errorf("child %v: %w", id, err)
	}
	if c.byID[id] != nil {
		return fmt.Errorf("child %v: %w", id, ErrExists)
	}
	ch := &child[K]{id: id, spec: s, prev: c.last}
	if c.last == nil {
		c.first = ch
	} else {
		c.last.next = ch
	}
	c.last = ch
	c.byID[id] = ch
	return nil
}

// Started says that a child runs. One that has left the list meanwhile is not counted; false says so, and the caller must
// stop it.
func (c *Core[K]) Started(id K) bool {
	ch := c.byID[id]
	if ch == nil {
		return false
	}
	c.set(ch, Running)
	return true
}

// Ignored says that a child chose not to run when it was started: it stays in the list, stopped, or leaves it if it is
// temporary or dynamic, which gone reports.
func (c *Core[K]) Ignored(id K) (gone bool) { return c.Terminated(id) }

// Terminated says that somebody stopped a child, or that a try to restart it was called off. Reports whether the child
// has left the list, as temporary and dynamic ones do.
func (c *Core[K]) Terminated(id K) (gone bool) {
	ch := c.byID[id]
	if ch == nil {
		return true
	}
	c.set(ch, Stopped)
	if ch.spec.Type == Temporary || c.opts.Strategy == Dynamic {
		c.remove(ch)
		return true
	}
	return false
}

// StartFailed says that the start of a child failed when it was restarted. It is to be tried again: see [Core.Retry].
func (c *Core[K]) StartFailed(id K) {
	if ch := c.byID[id]; ch != nil {
		c.set(ch, Restarting)
	}
}

// CanStart says whether somebody may start a child that is in the list: only a stopped one.
func (c *Core[K]) CanStart(id K) error {
	ch := c.byID[id]
	switch {
	case ch == nil:
		return ErrNotFound
	case ch.status == Running:
		return ErrRunning
	case ch.status == Restarting:
		return ErrRestarting
	}
	return nil
}

// Delete takes a stopped child out of the list.
func (c *Core[K]) Delete(id K) error {
	if err := c.CanStart(id); err != nil {
		return err
	}
	c.remove(c.byID[id])
	return nil
}

// Status returns where a child stands; false if it is not in the list.
func (c *Core[K]) Status(id K) (Status, bool) {
	ch := c.byID[id]
	if ch == nil {
		return Stopped, false
	}
	return ch.status, true
}

// Len is the number of children in the list, Running of those that run.
func (c *Core[K]) Len() int { return len(c.byID) }

// Running is the number of children that run.
func (c *Core[K]) Running() int { return c.running }

// Restarts is the number of restarts in the period that ends now, at most the intensity.
func (c *Core[K]) Restarts(now time.Duration) int { return c.window.count(now) }

// All gives the children in the order of the list. The list must not be changed meanwhile.
func (c *Core[K]) All() iter.Seq2[K, Status] {
	return func(yield func(K, Status) bool) {
		for ch := c.first; ch != nil; ch = ch.next {
			if !yield(ch.id, ch.status) {
				return
			}
		}
	}
}

func (c *Core[K]) set(ch *child[K], s Status) {
	if ch.status == Running {
		c.running--
	}
	if s == Running {
		c.running++
	}
	ch.status = s
}

// remove takes a child out of the list; it keeps its own next and prev, so that a loop over the list goes on.
func (c *Core[K]) remove(ch *child[K]) {
	c.set(ch, Stopped)
	delete(c.byID, ch.id)
	if ch.prev == nil {
		c.first = ch.next
	} else {
		ch.prev.next = ch.next
	}
	if ch.next == nil {
		c.last = ch.prev
	} else {
		ch.next.prev = ch.prev
	}
}
