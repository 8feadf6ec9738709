// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"sync"
	"sync/atomic"
	"time"
)

// Scheduler shares its tokens among the tasks that are ready.
type Scheduler struct {
	tokens []*token
	extra  *token // for quick tasks while all tokens are in long turns, see extra.go
	turn   Turn
	start  time.Time

	nidle  atomic.Int32 // len(idle), for a look without the lock; written under mu
	glen   atomic.Int32 // tasks in shared, likewise
	asleep atomic.Bool  // the monitor waits on kick, and now is stale
	late   atomic.Bool  // the node's own ticks run late: the last token is withheld
	nlong  atomic.Int32 // tokens that a long turn runs on, or that are withheld
	nquick atomic.Int32 // quick tasks in shared; written under mu
	lent   atomic.Bool  // extra is given out; written under mu

	_   apart
	now atomic.Int64 // coarse clock, see Now
	_   apart

	mu       sync.Mutex
	shared   [classes]list // ready, from outside or overflown
	picks    uint32
	idle     []*token  // nobody holds them
	withheld *token    // taken away while late
	spare    []*worker // waiting for a token
	closed   bool

	lost atomic.Int32  // turns that go on without a token
	live int           // workers that Close waits for: all but those; guarded by mu
	done chan struct{} // closed when closed and live is 0
	once sync.Once
	kick chan struct{}
	over chan struct{} // the monitor has ended
}

// New starts a scheduler with that many tokens, at least one. turn runs the tasks.
func New(tokens int, turn Turn) *Scheduler {
	s := &Scheduler{turn: turn, start: time.Now(), kick: make(chan struct{}, 1), done: make(chan struct{}), over: make(chan struct{})}
	for i := range max(tokens, 1) {
		k := &token{id: i}
		s.tokens = append(s.tokens, k)
		s.idle = append(s.idle, k)
	}
	s.extra = &token{id: len(s.tokens)}
	s.nidle.Store(int32(len(s.idle)))
	s.asleep.Store(true)
	go s.monitor()
	return s
}

// Close waits until running turns have ended, ends the workers and returns. Tasks that are ready still get their turns;
// none may become ready afterwards. Turns without a token (stuck in a handler) are not waited for.
func (s *Scheduler) Close() {
	s.mu.Lock()
	s.closed = true
	spare := s.spare
	s.spare = nil
	s.endedLocked(0)
	s.mu.Unlock()
	for _, w := range spare {
		w.wake <- struct{}{}
	}
	s.kickMonitor()
	<-s.over
	<-s.done
}

// endedLocked notes that n workers have ended, or run on without a token.
func (s *Scheduler) endedLocked(n int) {
	s.live -= n
	if s.closed && s.live == 0 {
		s.once.Do(func() { close(s.done) })
	}
}

func (s *Scheduler) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Now is a coarse monotonic clock in nanoseconds since the scheduler's start: within about a tick of the real one while
// anything runs, and exact when nothing does. It costs a load or two.
func (s *Scheduler) Now() int64 {
	if s.asleep.Load() {
		return int64(time.Since(s.start))
	}
	return s.now.Load()
}

// Exact reads the real clock, on the scale of Now.
func (s *Scheduler) Exact() int64 { return int64(time.Since(s.start)) }

// At puts a time on the scale of Now.
func (s *Scheduler) At(t time.Time) int64 { return int64(t.Sub(s.start)) }

// Time is the other way round.
func (s *Scheduler) Time(at int64) time.Time { return s.start.Add(time.Duration(at)) }

// refresh reads the real clock, and sets the coarse one where that has fallen behind: not each time, for every worker
// looks at it.
func (s *Scheduler) refresh() int64 {
	now := s.Exact()
	if now-s.now.Load() > int64(tick/16) {
		s.now.Store(now)
	}
	return now
}

// Ready queues a task for its turn, or for the rest of a turn that was parked. from is the coroutine on which the caller
// runs, nil if it runs on none.
func (s *Scheduler) Ready(t *Task, from *Coro) {
	if from != nil {
		if g := from.w.guest; g != nil && from == &g.co {
			if !g.accept(t) {
				s.push(t)
			}
			return
		}
		if k := from.w.tok.Load(); k != nil {
			if t.class != long && (k != s.extra || t.class.isQuick()) {
				t = k.slot.Swap(t)
				if from.w.tok.Load() != k { // taken away meanwhile: the token may be idle, with nobody to look at its slot
					if mine := k.takeSlot(); mine != nil {
						s.push(mine)
					}
					if t != nil {
						s.push(t)
					}
					return
				}
				if t == nil {
					return
				}
				k.push(t)
				if k.shares.Load() && s.nidle.Load() > 0 {
					s.wakeOne()
				}
				return
			}
		}
	}
	s.push(t)
}

// ReadyBehind is Ready for a task that need not be next: if others wait at the caller's worker, it goes behind them.
func (s *Scheduler) ReadyBehind(t *Task, from *Coro) {
	if from != nil && t.class != long {
		if k := from.w.tok.Load(); k != nil && k.qlen.Load() > 0 {
			k.push(t)
			if s.nidle.Load() > 0 && (k.shares.Load() || from.w.tok.Load() != k) {
				s.wakeOne()
			}
			return
		}
	}
	s.Ready(t, from)
}

// push queues a task for any worker and sees to it that one is awake.
func (s *Scheduler) push(t *Task) {
	s.mu.Lock()
	s.pushLocked(t)
	s.mu.Unlock()
	if s.nidle.Load() > 0 {
		s.wakeOne()
		return
	}
	s.helpQuick()
}

func (s *Scheduler) pushLocked(t *Task) {
	s.shared[t.class].push(t)
	s.countLocked()
}

// countLocked brings the counters of what is in shared up to date.
func (s *Scheduler) countLocked() {
	n := 0
	for i := range s.shared {
		n += s.shared[i].n
	}
	s.glen.Store(int32(n))
	if n := int32(s.shared[quick].n + s.shared[lapsed].n); s.nquick.Load() != n {
		s.nquick.Store(n)
	}
}

// requeue puts a task whose quantum is over behind the others.
func (s *Scheduler) requeue(t *Task, k *token) {
	if k == nil || t.class == long || s.glen.Load() > 0 || k == s.extra && !t.class.isQuick() {
		s.push(t)
		return
	}
	k.push(t)
}

// popShared takes from the shared queues.
func (s *Scheduler) popShared() *Task {
	if s.glen.Load() == 0 {
		return nil
	}
	s.mu.Lock()
	s.picks++
	var t *Task
	for _, c := range order(s.picks) {
		if t = s.shared[c].pop(); t != nil {
			break
		}
	}
	if t != nil {
		s.countLocked()
	}
	s.mu.Unlock()
	return t
}

// hasWork reports whether anything waits for a token.
func (s *Scheduler) hasWork() bool {
	if s.glen.Load() > 0 {
		return true
	}
	for _, k := range s.tokens {
		if k.hasWork() {
			return true
		}
	}
	return s.extra.hasWork()
}

// wanted reports whether there is something that a worker with an empty token would take.
func (s *Scheduler) wanted() bool {
	if s.glen.Load() > 0 {
		return true
	}
	for _, k := range s.tokens {
		if k.stealable() {
			return true
		}
	}
	return false
}

// wakeOne gives an idle token to a worker, if there is one.
func (s *Scheduler) wakeOne() {
	s.mu.Lock()
	n := len(s.idle)
	if n == 0 {
		s.mu.Unlock()
		return
	}
	k := s.idle[n-1]
	s.idle = s.idle[:n-1]
	s.nidle.Store(int32(n - 1))
	s.giveLocked(k)
}

// giveLocked hands a token that nobody holds to a worker. It is called with mu held and returns without it.
func (s *Scheduler) giveLocked(k *token) {
	k.flagged.Store(false)
	k.shares.Store(true) // until its worker knows better
	if n := len(s.spare); n > 0 {
		w := s.spare[n-1]
		s.spare = s.spare[:n-1]
		w.hold(k)
		s.mu.Unlock()
		w.wake <- struct{}{}
	} else {
		w := &worker{s: s, wake: make(chan struct{}, 1)}
		w.startClock()
		w.hold(k)
		s.live++
		s.mu.Unlock()
		go w.main()
	}
	if s.asleep.Load() {
		s.kickMonitor()
	}
}

// withholds reports whether the token is the one that goes to nobody while ticks run late.
func (s *Scheduler) withholds(k *token) bool {
	return s.late.Load() && k.id > 0 && k.id == len(s.tokens)-1
}

// release takes back a token that its holder has given up (its tok field is nil already).
func (s *Scheduler) release(k *token) {
	if k == s.extra {
		s.releaseExtra()
		return
	}
	s.setLong(k, false)
	s.mu.Lock()
	k.holder.Store(nil)
	if k.guest.Load() != nil {
		k.guest.Store(nil)
	}
	if k.hasWork() { // a guest runs little of what is queued; nobody else would look there
		s.flushLocked(k)
	}
	if s.withholds(k) && s.withheld == nil {
		s.withheld = k
		s.flushLocked(k)
		s.mu.Unlock()
		s.setLong(k, true)
		if s.wanted() {
			s.wakeOne()
		}
		return
	}
	s.idle = append(s.idle, k)
	s.nidle.Store(int32(len(s.idle)))
	s.mu.Unlock()
	if s.wanted() { // who pushed before nidle rose woke nobody
		s.wakeOne()
	}
}

// flushLocked moves what is queued at a token to the shared queue.
func (s *Scheduler) flushLocked(k *token) {
	if t := k.takeSlot(); t != nil {
		s.pushLocked(t)
	}
	for t := k.pop(); t != nil; t = k.pop() {
		s.pushLocked(t)
	}
}
