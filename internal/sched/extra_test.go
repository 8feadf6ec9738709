// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// teach lets a task have one short turn, so that it is known to be quick.
func teach(s *Scheduler, j *job) {
	run, done := j.run, make(chan struct{})
	j.run = func(c *Coro) bool { c.Settle(); close(done); return false }
	s.Ready(&j.Task, nil)
	<-done
	synchronize(s)
	j.run = run
}

// Handlers that never return hold every token; a task that was quick before still gets its turns.
func TestQuickTasksRunBesideEndlessTurns(t *testing.T) {
	const tokens = 2
	s := newSched(t, tokens)
	var turns atomic.Int32
	over := make(chan struct{})
	var q *job
	q = newJob(func(c *Coro) bool {
		c.Settle()
		if turns.Add(1) == 100 {
			close(over)
		}
		return false
	})
	teach(s, q)
	var stop atomic.Bool
	started := make(chan struct{}, 8*tokens)
	for range 8 * tokens {
		s.Ready(&newJob(func(*Coro) bool {
			started <- struct{}{}
			for !stop.Load() {
			}
			return false
		}).Task, nil)
	}
	for range tokens {
		<-started
	}
	for i := int32(1); i <= 100; i++ {
		s.Ready(&q.Task, nil)
		for turns.Load() < i {
			runtime.Gosched()
		}
	}
	<-over
	stop.Store(true)
}

// The extra token goes out only while long turns run on all others, and only for what is quick.
func TestWhenTheExtraTokenIsLent(t *testing.T) {
	s := &Scheduler{tokens: []*token{{id: 0}, {id: 1}}, extra: &token{id: 2}}
	s.lent.Store(true) // we have it
	s.extra.slot.Store(&Task{class: unknown})
	if got := s.nextQuick(); got != nil || s.extra.hasWork() || s.glen.Load() != 1 {
		t.Errorf("got %v: what may take long is not for it", got)
	}
	q := &Task{class: quick}
	s.pushLocked(q)
	if s.nquick.Load() != 1 || s.nextQuick() != nil {
		t.Error("others will serve it")
	}
	for _, k := range s.tokens {
		s.setLong(k, true)
		s.setLong(k, true) // counts once
	}
	s.setLong(s.extra, true) // does not count
	if s.nlong.Load() != 2 || !s.crowded() {
		t.Errorf("%d long turns", s.nlong.Load())
	}
	if s.nextQuick() != q || s.nextQuick() != nil || s.nquick.Load() != 0 {
		t.Error("not served")
	}
}

func TestClasses(t *testing.T) {
	var task Task
	for i, step := range []struct {
		long bool
		want class
	}{{false, quick}, {true, lapsed}, {false, quick}, {true, lapsed}, {true, long}, {false, quick}} {
		if task.ended(step.long); task.class != step.want {
			t.Errorf("step %d: class %d", i, task.class)
		}
	}
	for pick := range uint32(8) {
		var seen [classes]bool
		for _, c := range order(pick) {
			seen[c] = true
		}
		if seen != [classes]bool{true, true, true, true} {
			t.Errorf("pick %d passes a class over", pick)
		}
	}
}
