// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	tick        = time.Millisecond
	quietTicks  = 20                    // ticks with all tokens idle after which the monitor sleeps
	rescue      = 10                    // ticks after which even a CPU-bound turn is replaced, times (1 + lost/tokens) squared
	rescueExtra = 2                     // likewise for what ran on the extra token: it was quick before
	lateBy      = 40 * time.Millisecond // own lateness from which on a token is withheld
	onTime      = 50                    // ticks in time after which it is given back
)

// monitor replaces turns that hold a token for long, keeps the coarse clock, and withholds a token while it is itself late.
func (s *Scheduler) monitor() {
	defer close(s.over)
	samples := []metrics.Sample{
		{Name: "/sched/goroutines/runnable:goroutines"},
		{Name: "/sched/goroutines/running:goroutines"},
	}
	timer := time.NewTimer(tick)
	defer timer.Stop()
	quiet, punctual := quietTicks, 0
	last := s.refresh()
	for {
		if quiet >= quietTicks {
			if s.sleep() {
				return
			}
			quiet, last = 0, s.refresh()
		}
		timer.Reset(tick)
		<-timer.C
		now := s.refresh()
		if time.Duration(now-last) > lateBy {
			punctual = 0
			s.late.Store(true)
		} else if punctual++; punctual == onTime {
			s.onTimeAgain()
		}
		last = now
		if s.allIdle() {
			quiet++
			continue
		}
		quiet = 0
		s.checkTokens(samples)
	}
}

// sleep waits until a token is given out; true: the scheduler is closed and quiet.
func (s *Scheduler) sleep() bool {
	s.asleep.Store(true)
	for s.allIdle() {
		if s.isClosed() && !s.hasWork() {
			s.onTimeAgain()
			return true
		}
		<-s.kick
	}
	s.refresh()
	s.asleep.Store(false)
	return false
}

func (s *Scheduler) kickMonitor() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

func (s *Scheduler) allIdle() bool {
	n := int(s.nidle.Load())
	if s.late.Load() {
		s.mu.Lock()
		if s.withheld != nil {
			n++
		}
		s.mu.Unlock()
	}
	return n >= len(s.tokens) && !s.lent.Load()
}

func (s *Scheduler) onTimeAgain() {
	s.late.Store(false)
	s.mu.Lock()
	k := s.withheld
	s.withheld = nil
	s.mu.Unlock()
	if k != nil {
		s.release(k)
	}
}

// checkTokens looks for turns that have run since the last tick.
func (s *Scheduler) checkTokens(samples []metrics.Sample) {
	for i := range len(s.tokens) + 1 {
		k := s.extra
		if i < len(s.tokens) {
			k = s.tokens[i]
		}
		h := k.holder.Load()
		if h == nil {
			k.stuck = 0
			continue
		}
		if g := k.guest.Load(); g != nil {
			g.tick()
		}
		if !k.flagged.Swap(true) {
			k.stuck = 0
			continue
		}
		k.stuck++
		k.ranLong.Store(true)
		s.setLong(k, true)
		closed := s.isClosed() && k.stuck >= rescue
		if !closed && !s.hasWork() {
			continue
		}
		if k.hasWork() { // nobody else looks there, and its holder is busy
			s.mu.Lock()
			s.flushLocked(k)
			s.mu.Unlock()
			if s.nidle.Load() > 0 {
				s.wakeOne()
			}
			s.helpQuick()
		}
		if closed || s.mayReplace(k, samples) {
			s.take(k, h)
		}
	}
}

// take gives the token of a stuck turn to another worker.
func (s *Scheduler) take(k *token, h *atomic.Pointer[token]) {
	s.mu.Lock()
	if !h.CompareAndSwap(k, nil) {
		s.mu.Unlock()
		return
	}
	k.holder.Store(nil)
	k.guest.Store(nil)
	k.stuck = 0
	k.ranLong.Store(false)
	s.lost.Add(1)
	if k.worker.Load() {
		s.endedLocked(1)
	}
	s.giveLocked(k)
}

// returned notes that a worker has ended the turn for which it had lost its token.
func (s *Scheduler) returned() {
	s.lost.Add(-1)
	s.mu.Lock()
	s.live++
	s.mu.Unlock()
}

// mayReplace: at once while processors are idle, for the turn must be blocked; else ever more slowly.
func (s *Scheduler) mayReplace(k *token, samples []metrics.Sample) bool {
	metrics.Read(samples)
	if samples[0].Value.Kind() == metrics.KindUint64 && samples[1].Value.Kind() == metrics.KindUint64 &&
		samples[0].Value.Uint64() == 0 && samples[1].Value.Uint64() <= uint64(len(s.tokens)) {
		return true
	}
	f, ticks := 1+int(s.lost.Load())/len(s.tokens), rescue
	if k == s.extra {
		ticks = rescueExtra
	}
	return k.stuck >= ticks*f*f
}
