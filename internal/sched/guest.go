// SPDX-License-Identifier: Apache-2.0

package sched

import "sync/atomic"

// Guest is a goroutine with a duty of its own, such as reading from a link, that runs a turn itself when its duty has just
// made a task ready and a token is idle: no other goroutine, and no thread, has to wake up for it. Its methods are for that
// one goroutine.
//
// A turn may last, and the duty must not wait for it: after two ticks of the monitor late is called, once, by the monitor.
// Somebody else must do the duty from then on, with a Guest of his own; the goroutine learns it from Run, or End.
type Guest struct {
	w     worker // its coroutines, and the token while it runs turns
	co    Coro   // what Ready knows it by; no turn runs on it
	task  *Task  // made ready by the duty; owned by the goroutine
	late  func()
	state atomic.Int32 // see below
	ticks atomic.Int32 // of the monitor, while it runs turns
}

const (
	onDuty    = iota
	inTurn    // set by Run, taken back by Run
	dismissed // set by the monitor, for good
)

// maxGuestTurns is how many turns a guest runs in a row: the one that its duty made ready, and what that one wakes.
const maxGuestTurns = 4

// NewGuest makes one.
func (s *Scheduler) NewGuest(late func()) *Guest {
	g := &Guest{late: late}
	g.w.s, g.w.guest = s, g
	g.co.w = &g.w
	return g
}

// Coro is what to give to Ready so that the task becomes the guest's.
func (g *Guest) Coro() *Coro { return &g.co }

// accept takes a task to be run by Run; false if it is not for a guest: there is one, its turns run long, or it only asks
// for a token.
func (g *Guest) accept(t *Task) bool {
	if g.task != nil || t.class == long || t.plain {
		return false
	}
	g.task = t
	return true
}

// Run gives the task that was made ready its turn, or leaves it to a worker if no token is idle. False: the goroutine has been
// relieved of its duty meanwhile, and should end.
func (g *Guest) Run() (onDuty bool) {
	t := g.task
	if t == nil {
		return true
	}
	g.task = nil
	if !g.take(t) {
		g.w.s.push(t)
		return true
	}
	returned := false
	defer func() {
		if !returned { // a handler called runtime.Goexit, which ends this goroutine
			g.w.noteLoss()
			g.giveBack()
			if g.state.CompareAndSwap(inTurn, dismissed) {
				g.late()
			}
			g.ended()
		}
	}()
	g.turns()
	returned = true
	return g.ended()
}

// take takes an idle token with t in its slot.
func (g *Guest) take(t *Task) bool {
	s, w := g.w.s, &g.w
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
	w.startClock()
	w.picks = 0
	g.ticks.Store(0)
	g.state.Store(inTurn)
	k.flagged.Store(false)
	k.shares.Store(true) // a guest runs nothing of the queue
	old := k.slot.Swap(t)
	if old != nil {
		s.pushLocked(old)
	}
	w.hold(k)
	s.live++
	s.mu.Unlock()
	if old != nil {
		s.wakeOne()
	}
	if s.asleep.Load() {
		s.kickMonitor()
	}
	return true
}

// turns is a worker's life as long as it has a token and there is something in its slot.
func (g *Guest) turns() {
	w := &g.w
	for w.tok.Load() != nil || w.resume != nil {
		c := w.resume
		w.resume = nil
		if c == nil {
			c = w.coro()
		}
		c.w = w
		c.next()
		w.noteLoss()
		if c.why == whyParked && g.state.Load() == dismissed {
			c.task.class = long // what it does next may take as long: not on a guest again
		}
		w.came(c)
	}
	w.noteLoss() // if the monitor took the token before its slot was looked at
}

// Begin opens a series of Plains that the guest's goroutine runs itself, each after TakeIdle; End closes it. As in Run the
// monitor relieves the goroutine if that lasts.
func (g *Guest) Begin() {
	g.ticks.Store(0)
	g.state.Store(inTurn)
}

// End is false if the goroutine has been relieved meanwhile, and should end.
func (g *Guest) End() (stillOnDuty bool) {
	if g.state.CompareAndSwap(inTurn, onDuty) {
		return true
	}
	g.Close()
	return false
}

// OnDuty reports whether the goroutine has not been relieved.
func (g *Guest) OnDuty() bool { return g.state.Load() != dismissed }

// Dismiss relieves the goroutine by its own will, before it blocks, if it has not been relieved.
func (g *Guest) Dismiss() {
	if g.state.CompareAndSwap(inTurn, dismissed) {
		g.late()
	}
}

// giveBack releases a token that it still has.
func (g *Guest) giveBack() {
	w := &g.w
	if k := w.tok.Load(); k != nil && w.tok.CompareAndSwap(k, nil) {
		w.holding = false
		w.s.release(k)
	}
}

// ended settles the accounts of a run.
func (g *Guest) ended() (stillOnDuty bool) {
	s := g.w.s
	s.mu.Lock()
	s.endedLocked(1)
	s.mu.Unlock()
	if g.state.CompareAndSwap(inTurn, onDuty) {
		return true
	}
	g.Close()
	return false
}

// tick is the monitor's word that a tick has passed while the guest held a token.
func (g *Guest) tick() {
	if g.ticks.Add(1) >= 2 && g.state.CompareAndSwap(inTurn, dismissed) {
		g.late()
	}
}

// Close lets go of what the guest keeps. It is called at the end of the duty, by its goroutine; Run does it by itself when it
// returns false.
func (g *Guest) Close() {
	if t := g.task; t != nil {
		g.task = nil
		g.w.s.push(t)
	}
	for _, c := range g.w.idle {
		c.stop()
	}
	g.w.idle = nil
}
