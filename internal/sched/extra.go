// SPDX-License-Identifier: Apache-2.0

package sched

// One token more than there are processors serves quick tasks while long turns run on all others. Go shares the processors
// among goroutines in slices of some 10 ms, so that a quick task then waits for one slice or two, not until a handler that
// computes for long, or for ever, comes back. What runs on it is short, so the crowd does not feel it; and there is
// one only, so what can be runnable stays bounded.

// setLong notes whether a long turn runs on k.
func (s *Scheduler) setLong(k *token, yes bool) {
	if k.long.Load() == yes || k == s.extra || k.long.Swap(yes) == yes {
		return
	}
	if !yes {
		s.nlong.Add(-1)
		return
	}
	s.nlong.Add(1)
	s.helpQuick()
}

// crowded reports whether long turns run on all tokens.
func (s *Scheduler) crowded() bool { return int(s.nlong.Load()) >= len(s.tokens) }

// helpQuick gives the extra token to a worker if quick tasks wait and nobody else will come for them soon. Whoever queues a
// quick task, and whoever begins a long turn, calls it afterwards; so one of both sees what the other did.
func (s *Scheduler) helpQuick() {
	if s.nquick.Load() == 0 || !s.crowded() || s.lent.Load() {
		return
	}
	s.mu.Lock()
	if s.lent.Load() {
		s.mu.Unlock()
		return
	}
	s.lent.Store(true)
	s.giveLocked(s.extra)
}

// releaseExtra takes the extra token back.
func (s *Scheduler) releaseExtra() {
	s.mu.Lock()
	s.extra.holder.Store(nil)
	s.flushLocked(s.extra)
	s.lent.Store(false)
	s.mu.Unlock()
	if s.nidle.Load() > 0 && s.wanted() {
		s.wakeOne()
	}
	s.helpQuick()
}

// nextQuick is the next task for the holder of the extra token; nil: it is not needed any more.
func (s *Scheduler) nextQuick() *Task {
	for {
		t := s.extra.takeSlot()
		if t == nil {
			t = s.extra.pop()
		}
		if t == nil {
			break
		}
		if t.class.isQuick() {
			return t
		}
		s.push(t)
	}
	if s.nquick.Load() == 0 || !s.crowded() {
		return nil
	}
	s.mu.Lock()
	t := s.shared[quick].pop()
	if t == nil {
		t = s.shared[lapsed].pop()
	}
	s.countLocked()
	s.mu.Unlock()
	return t
}
