// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"sync/atomic"
	"unsafe"
)

// Plain lets an ordinary goroutine take part: it holds a token while it runs its own code, and gives it up while it waits.
// Its methods, but for Wake, are for that one goroutine. To wait for something, it calls Release, then lets it be known
// that it waits, then receives from Woken once; who ends the wait calls Wake once. So it wakes with a token in its hand,
// and one channel does for both. The zero Plain must be given to Init.
type Plain struct {
	task  Task // first, so that it leads back to the Plain
	s     *Scheduler
	tok   atomic.Pointer[token] // nil: none, or lost to the monitor
	woken chan struct{}         // one slot: filled with the token granted
	guest *Guest                // on whose goroutine it runs, nil if that is its own; the goroutine's

	since   int64 // when it was granted a token for which it had waited, else 0
	holding bool  // was given a token and has not given it back; with tok nil: the monitor took it
}

// Init readies p; the goroutine calls Acquire before it starts and Release when it ends.
func (s *Scheduler) Init(p *Plain) {
	p.s, p.woken = s, make(chan struct{}, 1)
	p.task.plain = true
}

// Acquire waits for a token, in turn with all other tasks. It does nothing if the goroutine holds one.
func (p *Plain) Acquire() {
	if p.tok.Load() != nil || p.takeIdle() {
		return
	}
	p.s.push(&p.task)
	<-p.woken
}

// Long reports whether the goroutine keeps its tokens for long.
func (p *Plain) Long() bool { return Long(&p.task) }

// Woken is where a goroutine that has released its token waits for Wake.
func (p *Plain) Woken() <-chan struct{} { return p.woken }

// Wake gets a token for the goroutine, at once or in turn, and wakes it with that. From anywhere, once for each wait.
func (p *Plain) Wake() {
	if p.takeIdle() {
		p.woken <- struct{}{}
		return
	}
	p.s.push(&p.task)
}

// takeIdle takes a token that nobody holds, if there is one.
func (p *Plain) takeIdle() bool {
	s := p.s
	if s.nidle.Load() == 0 {
		return false
	}
	s.mu.Lock()
	n := len(s.idle)
	if n == 0 {
		s.mu.Unlock()
		return false
	}
	k := s.idle[n-1]
	s.idle = s.idle[:n-1]
	s.nidle.Store(int32(n - 1))
	p.hold(k)
	p.since = 0
	s.mu.Unlock()
	s.setLong(k, p.task.class == long)
	if s.asleep.Load() {
		s.kickMonitor()
	}
	return true
}

// TakeOn takes an idle token on the goroutine of a guest, between its Begin and End; false if there is none.
func (p *Plain) TakeOn(g *Guest) bool {
	p.guest = g
	if p.takeIdle() {
		return true
	}
	p.guest = nil
	return false
}

// Leave makes the goroutine the Plain's own: somebody else does the guest's duty from now on.
func (p *Plain) Leave() {
	if g := p.guest; g != nil {
		p.guest = nil
		g.Dismiss()
	}
}

// Release gives the token up; the goroutine may then block.
func (p *Plain) Release() {
	k := p.tok.Load()
	p.task.ended(k == nil || p.ranLong(k))
	if k == nil || !p.tok.CompareAndSwap(k, nil) {
		if p.holding {
			p.holding = false
			p.s.lost.Add(-1)
		}
		return
	}
	p.holding = false
	if k == p.s.extra || !k.hasWork() && p.s.glen.Load() == 0 {
		p.s.release(k)
		return
	}
	p.s.mu.Lock()
	k.holder.Store(nil)
	p.s.giveLocked(k)
}

// ranLong reports whether the goroutine has had the token for long. The monitor tells; where many wait it is itself late,
// and the clock is asked too.
func (p *Plain) ranLong(k *token) bool {
	if !k.ranLong.Load() && !k.flagged.Load() {
		return false
	}
	told := k.ranLong.Swap(false)
	if p.since == 0 {
		return told
	}
	return p.s.refresh()-p.since > longTurn
}

// Yield lets others have the token if this goroutine has had it for a tick and somebody waits. It costs a load otherwise.
func (p *Plain) Yield() {
	k := p.tok.Load()
	if k == nil {
		if p.holding { // taken by the monitor: queue up for another
			p.Release()
			p.Acquire()
		}
		return
	}
	if !k.flagged.Load() && !p.overdue() {
		return
	}
	if !p.s.wanted() {
		k.flagged.Store(false)
		return
	}
	p.Release()
	p.Acquire()
}

// overdue reports whether a goroutine that is known to run long has had its turn. The monitor would tell, but it is late
// itself where such goroutines wait for each other.
func (p *Plain) overdue() bool {
	return p.task.class == long && p.since != 0 && p.s.refresh()-p.since > longTurn
}

func (p *Plain) hold(k *token) {
	if k.flagged.Load() { // a load costs nothing beside a store
		k.flagged.Store(false)
	}
	if k.ranLong.Load() {
		k.ranLong.Store(false)
	}
	p.holding = true
	p.tok.Store(k)
	if k.worker.Load() {
		k.worker.Store(false)
	}
	if k.guest.Load() != p.guest {
		k.guest.Store(p.guest)
	}
	k.holder.Store(&p.tok)
}

// plainOf finds the Plain that a task belongs to.
func plainOf(t *Task) *Plain { return (*Plain)(unsafe.Pointer(t)) }

// grant is called by the worker that found the request; it gives its own token.
func (p *Plain) grant(k *token) {
	p.hold(k)
	p.s.setLong(k, p.task.class == long)
	p.since = p.s.refresh()
	p.woken <- struct{}{}
}
