// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"iter"
	"runtime"
	"sync/atomic"

	"github.com/banyan-go/banyan/internal/goid"
)

const (
	slotTurns   = 32      // the slot is passed over every so many picks, so that two chatting tasks cannot keep a worker
	longTurn    = 1e6     // ns: a turn that lasts this long ends, and goes behind the others next time
	slowMessage = 4_000   // ns: where messages take longer than this, the clock is read after each
	maxUnread   = 64      // messages between two readings, where they take less
	shareAfter  = 100_000 // ns that short tasks wait in a worker's queue before another worker is woken for them
	yieldEvery  = 200_000 // ns after which a worker lets other goroutines run
	maxIdleCoro = 32      // coroutines a worker keeps for later
	maxSpare    = 64      // workers kept without a token
)

// worker is a goroutine that runs turns while it holds a token.
type worker struct {
	_       apart
	s       *Scheduler
	guest   *Guest                // nil for a worker proper
	tok     atomic.Pointer[token] // nil: none, or lost to the monitor
	wake    chan struct{}
	resume  *Coro   // go on with this one next; own goroutine and its coroutines only
	idle    []*Coro // likewise
	holding bool    // it was given a token and has not given it back; with tok nil: the monitor took it
	picks   uint32
	yielded int64 // when other goroutines were last let run
	yield   bool  // it is time to do so again
	rested  bool  // they were let run since the last turn
	begun   int64 // when the running turn began
	last    int64 // when the clock was read last
	every   int   // messages from one reading to the next
	left    int   // of them
	pops    int   // from the token's queue
	mark    int   // pops when all that was in the queue at markAt has been taken
	markAt  int64
	_       apart
}

func (w *worker) hold(k *token) {
	w.holding = true
	w.tok.Store(k)
	k.worker.Store(true)
	if k.guest.Load() != w.guest {
		k.guest.Store(w.guest)
	}
	k.holder.Store(&w.tok)
	w.s.setLong(k, false)
}

// why a coroutine came back to its worker.
const (
	whyParked   = iota // its turn waits; commit decides whether it really does
	whyHandover        // it found a parked turn to go on with: w.resume
	whyNothing         // nothing to do, or no token
)

// Coro is a coroutine on which turns run.
type Coro struct {
	_      apart
	w      *worker // who runs it now; set by the worker before each switch
	g      uintptr // its goroutine
	task   *Task   // whose turn it runs; own goroutine only
	why    int
	ticked bool // this turn has lasted long; own goroutine only
	commit Parker
	next   func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool

	// Label is free for the owner of the tasks: what the coroutine's goroutine is labelled with. Turn only.
	Label any
	_     apart
}

// Parker is what a parked turn waits for.
type Parker interface {
	// CommitPark is called once the turn has been suspended, when others may make its task ready. False: what it waits for
	// has happened, go on at once. True: somebody calls Ready for the task.
	CommitPark() bool
}

// Mine reports whether the caller is the very goroutine that runs this coroutine. Where goroutines cannot be told apart
// it is false.
func (c *Coro) Mine() bool { return goid.Supported && c.g == goid.ID() }

// Runs reports whether the coroutine is in a turn of t. Only if Mine.
func (c *Coro) Runs(t *Task) bool { return c.task == t }

// Park suspends the turn that runs on c until its task is made ready, and lets the worker do other things. Only if Mine.
func (c *Coro) Park(p Parker) {
	t := c.task
	t.parked = c
	c.commit = p
	c.why = whyParked
	c.yield(struct{}{})
	c.task = t
	c.w.begun = c.w.last
}

// Progress tells the monitor that a long batch is not one long handler, and reports whether the turn has lasted long
// enough: a tick has passed, or a millisecond, so that others should get theirs. To be called after every message.
func (c *Coro) Progress() (enough bool) {
	w := c.w
	if k := w.tok.Load(); k != nil && k.flagged.Load() {
		k.flagged.Store(false)
		w.left = 0 // a tick has passed: for how long has it really run?
	}
	if w.left--; w.left <= 0 {
		w.readClock()
		if w.last-w.begun > longTurn {
			c.ticked = true
		}
	}
	return c.ticked
}

// Lost reports that the turn goes on without a token: it should end soon.
func (c *Coro) Lost() bool { return c.w.tok.Load() == nil }

// Settle notes for the next queueing whether this turn ran long. Turn calls it while its task cannot be made ready yet.
func (c *Coro) Settle() {
	long := c.ticked
	c.ticked = false
	if k := c.w.tok.Load(); k == nil {
		long = true
	} else if k.ranLong.Load() {
		k.ranLong.Store(false)
		long = long || c.w.s.refresh()-c.w.begun > longTurn // it may have been told of the turn before
	}
	c.task.ended(long)
}

// readClock is called when it is time to look at the clock again: after each message where they take long, after many
// where they are short, so that the reading costs little. The monitor would tell too that a turn is long, but where all
// processors compute it is itself late.
func (w *worker) readClock() {
	now := w.s.refresh()
	each := (now - w.last) / int64(w.every)
	w.last = now
	switch {
	case each > slowMessage:
		w.every = 1
		w.share(true)
	case w.every < maxUnread:
		w.every *= 2
	}
	w.left = w.every
	if d := now - w.yielded; d > yieldEvery && (d > 5*yieldEvery || w.s.nidle.Load() == 0) {
		w.yield = true // less often where a processor is free: Gosched wakes it, and it may take this goroutine
	}
}

// startClock begins anew after a pause that is not to be counted.
func (w *worker) startClock() {
	w.last = w.s.refresh()
	w.every, w.left = 1, 1
	w.mark, w.markAt = w.pops, w.last
}

// popped is called for each task taken from the token's queue, or nil if that was empty: it measures how long tasks wait
// there. While they wait for less than it takes to wake a worker, they stay: another processor would spend more on
// fetching what they share than it could help.
func (w *worker) popped(k *token, t *Task) {
	if t == nil {
		w.mark, w.markAt = w.pops, w.last
		return
	}
	if w.pops++; w.pops >= w.mark {
		w.share(w.every < maxUnread/2 || w.last-w.markAt > shareAfter)
		w.mark, w.markAt = w.pops+int(k.qlen.Load()), w.last
	} else if w.last-w.markAt > shareAfter {
		w.share(true)
	}
}

// share says whether others may have tasks from the queue, and wakes one for them.
func (w *worker) share(yes bool) {
	k := w.tok.Load()
	if k == nil {
		return
	}
	if k.shares.Load() != yes {
		k.shares.Store(yes)
	}
	if yes && k.qlen.Load() > 0 && w.s.nidle.Load() > 0 {
		w.s.wakeOne()
	}
}

func (w *worker) coro() *Coro {
	if n := len(w.idle); n > 0 {
		c := w.idle[n-1]
		w.idle = w.idle[:n-1]
		return c
	}
	c := &Coro{}
	c.next, c.stop = iter.Pull(c.body)
	return c
}

func (w *worker) keep(c *Coro) {
	if len(w.idle) < maxIdleCoro {
		w.idle = append(w.idle, c)
		return
	}
	c.stop()
}

// main is the worker's goroutine. It never runs a turn itself, its coroutines do.
func (w *worker) main() {
	ended := false
	defer func() {
		if !ended { // a handler called runtime.Goexit, and iter.Pull passed it on: go on in a new goroutine
			w.noteLoss()
			go w.main()
			return
		}
		w.s.mu.Lock()
		w.s.endedLocked(1)
		w.s.mu.Unlock()
	}()
	for {
		k := w.tok.Load()
		if k == nil && w.resume == nil {
			if !w.wait() {
				break
			}
			w.startClock()
			continue
		}
		c := w.resume
		w.resume = nil
		if c == nil {
			c = w.coro()
		}
		c.w = w
		c.next()
		w.noteLoss()
		w.came(c)
	}
	for _, c := range w.idle {
		c.stop()
	}
	ended = true
}

// came sees to a coroutine that has come back.
func (w *worker) came(c *Coro) {
	switch c.why {
	case whyParked:
		if t := c.task; !c.commit.CommitPark() {
			t.parked = nil // or its next turn would be taken for the rest of this one
			w.resume = c
		} // else it may already run elsewhere: do not touch it
	case whyHandover:
		w.keep(c)
	case whyNothing:
		w.keep(c)
		if k := w.tok.Load(); k != nil && w.tok.CompareAndSwap(k, nil) {
			w.holding = false
			w.s.release(k)
		}
	}
}

// wait keeps the worker as a spare until it is given a token; false: it should end.
func (w *worker) wait() bool {
	s := w.s
	s.mu.Lock()
	if s.closed || len(s.spare) >= maxSpare {
		s.mu.Unlock()
		return false // a parked coroutine lives on without it
	}
	s.spare = append(s.spare, w)
	s.mu.Unlock()
	<-w.wake
	if w.tok.Load() != nil {
		return true
	}
	return w.noteLoss() // given a token, and robbed of it before it woke; else closed
}

// noteLoss notes that the turn for which the monitor took the token is over. False: there was no such turn.
func (w *worker) noteLoss() bool {
	if !w.holding || w.tok.Load() != nil {
		return false
	}
	w.holding = false
	w.s.returned()
	return true
}

// body is a coroutine's life: take a task, run its turn.
func (c *Coro) body(yield func(struct{}) bool) {
	c.g = goid.ID()
	c.yield = yield
	for {
		t := c.w.find(c)
		if t == nil {
			if !yield(struct{}{}) {
				return
			}
			continue
		}
		c.task = t
		again := c.w.s.turn(t, c)
		c.task = nil
		if again {
			c.w.s.requeue(t, c.w.tok.Load())
		}
	}
}

// find gives the next task to run on c, or nil with c.why set.
func (w *worker) find(c *Coro) *Task {
	s := w.s
	k := w.tok.Load()
	if k == nil {
		c.why = whyNothing
		return nil
	}
	if k.long.Load() {
		s.setLong(k, false)
	}
	w.picks++
	if w.yield && w.guest == nil { // a guest goes back to wait for more at once
		w.rest()
	}
	w.begun = w.last
	if k.flagged.Load() { // after the others have run: the monitor among them
		k.flagged.Store(false)
	}
	if s.withholds(k) {
		c.why = whyNothing // withheld in release
		return nil
	}
	var t *Task
	if w.guest == nil {
		t = w.pick(k)
	} else if w.picks <= maxGuestTurns {
		t = k.takeSlot()
	}
	if t != nil && t.class == long {
		s.setLong(k, true)
		if !w.restBeforeLong(k) {
			s.push(t)
			c.why = whyNothing
			return nil
		}
	}
	w.rested = false
	if t == nil {
		c.why = whyNothing
		return nil
	}
	if t.parked == nil && t.class != quick { // this may take long
		w.share(true)
	}
	if t.plain {
		c.why = whyNothing
		if w.tok.CompareAndSwap(k, nil) {
			w.holding = false
			plainOf(t).grant(k)
		} else {
			s.push(t) // the monitor took the token meanwhile
		}
		return nil
	}
	if t.parked != nil {
		w.resume, t.parked = t.parked, nil
		c.why = whyHandover
		return nil
	}
	return t
}

// rest lets other goroutines run.
func (w *worker) rest() {
	w.yield = false
	runtime.Gosched()
	w.last = w.s.refresh()
	w.yielded = w.last
	w.rested = true
}

// restBeforeLong lets others run before a long turn. A quick turn before it may have woken goroutines, a link's writer
// perhaps: it is not enough to rest after long turns. False: the monitor took the token meanwhile.
func (w *worker) restBeforeLong(k *token) bool {
	if !w.rested {
		w.rest()
	}
	w.begun = w.last
	if k.flagged.Load() {
		k.flagged.Store(false)
	}
	return w.tok.Load() == k
}

// pick takes the task to run next.
func (w *worker) pick(k *token) *Task {
	s := w.s
	if k == s.extra {
		return s.nextQuick()
	}
	t := k.takeSlot()
	if t != nil && w.picks%slotTurns == 0 {
		k.push(t)
		t = s.popShared()
	}
	if t == nil {
		t = k.pop()
		w.popped(k, t)
	}
	if t == nil {
		t = s.popShared()
	}
	for i := 1; t == nil && i < len(s.tokens); i++ {
		if other := s.tokens[(k.id+i)%len(s.tokens)]; other.stealable() {
			t = other.steal(k)
		}
	}
	return t
}
