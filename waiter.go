// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"sync/atomic"

	"github.com/banyan-go/banyan/internal/sched"
)

// caller is who sends, calls or waits: a process on its own turn, or an outside goroutine.
type caller struct {
	node *Node       // nil: unknown
	self *Self       // nil: an outside goroutine, or a stray one with somebody's self
	co   *sched.Coro // of a server in its turn; nil for a plain process
}

type callerKey struct{}

// callerOf finds out who calls. Only the goroutine that really runs the process's turn is taken for the process.
func callerOf(ctx context.Context) caller {
	if c, ok := ctx.(*nodeCtx); ok {
		return caller{node: c.n}
	}
	self, ok := ctx.(*Self)
	if !ok {
		switch v := ctx.Value(callerKey{}).(type) {
		case *Self:
			self = v
		case *Node:
			return caller{node: v}
		default:
			return caller{}
		}
	}
	if co, ok := self.mine(); ok {
		return caller{self.node, self, co}
	}
	return caller{node: self.node}
}

// waiter is one wait for one event. It is used once.
type waiter struct {
	state atomic.Uint32
	self  *Self // a server in a turn, parked on its coroutine
	ch    chan struct{}
	why   error   // of interrupt; guarded by the mu of self
	next  *waiter // in a list of waiters
}

const (
	waiterOpen = iota
	waiterParked
	waiterWoken
)

func newWaiter(c caller) *waiter {
	w := &waiter{}
	if c.co != nil {
		w.self = c.self
	} else {
		w.ch = make(chan struct{}, 1)
	}
	return w
}

// CommitPark is the scheduler's question whether the wait is on.
func (w *waiter) CommitPark() bool { return w.state.CompareAndSwap(waiterOpen, waiterParked) }

// wake ends the wait; any number of times, from anywhere.
func (w *waiter) wake(from *sched.Coro) {
	if w.state.Swap(waiterWoken) == waiterParked {
		if w.self != nil {
			w.self.node.sched.Ready(&w.self.Task, from)
		} else {
			w.ch <- struct{}{}
		}
	}
}

// wakeAll wakes a whole list.
func (w *waiter) wakeAll(from *sched.Coro) {
	for w != nil {
		next := w.next
		w.wake(from)
		w = next
	}
}

// wait blocks until wake; the caller's worker does other things meanwhile.
func (w *waiter) wait(c caller) {
	switch {
	case c.co != nil:
		c.co.Park(w)
	case !w.CommitPark():
	case c.self != nil:
		c.self.plain.pause()
		<-w.ch
		c.self.plain.resume()
	default:
		<-w.ch
	}
}

// interrupt is called with the mu of the waiting process held.
func (w *waiter) interrupt(reason error) {
	w.why = reason
	w.wake(nil)
}

// waitInterruptibly is wait for something that may take long: an exit signal ends it, with its reason.
func (w *waiter) waitInterruptibly(c caller) error {
	if c.self == nil {
		w.wait(c)
		return nil
	}
	if err := c.self.block(w); err != nil {
		return err
	}
	w.wait(c)
	c.self.unblock()
	return w.why
}

// block notes what the process waits for, unless it is to die already.
func (p *Self) block(i interrupter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() {
		return ErrKilled
	}
	if p.exit != nil && !p.ending { // Terminate may wait, and call
		return p.exit
	}
	p.waiting = i
	return nil
}

func (p *Self) unblock() {
	p.mu.Lock()
	p.waiting = nil
	p.mu.Unlock()
}
