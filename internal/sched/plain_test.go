// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newPlain(s *Scheduler) *Plain {
	p := &Plain{}
	s.Init(p)
	return p
}

// Whoever is woken has a token, whether one was idle or it had to wait for one.
func TestPlainIsWokenWithAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSched(t, 1)
		p, other := newPlain(s), newPlain(s)
		for _, busy := range []bool{false, true} {
			p.Acquire()
			p.Release()
			if busy {
				other.Acquire()
			}
			p.Wake()
			select {
			case <-p.Woken():
				if busy {
					t.Error("two tokens")
				}
			default:
				if !busy {
					t.Error("not woken")
				}
				synctest.Wait()
				other.Release()
				<-p.Woken()
			}
			if p.tok.Load() == nil {
				t.Error("no token")
			}
			p.Release()
		}
	})
}

func TestPlainsShareTheTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSched(t, 2)
		var now, most atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				p := newPlain(s)
				for range 100 {
					p.Acquire()
					p.Acquire() // holding one: nothing happens
					if k := now.Add(1); k > most.Load() {
						most.Store(k)
					}
					runtime.Gosched()
					now.Add(-1)
					p.Release()
				}
			})
			s.Ready(&newJob(func(*Coro) bool { now.Add(1); now.Add(-1); return false }).Task, nil)
		}
		wg.Wait()
		if most.Load() > 3 { // two, and a turn of a worker may just have been counted
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestPlainThatBlocksIsReplaced(t *testing.T) {
	s := newSched(t, 1)
	p := newPlain(s)
	p.Acquire()
	synchronize(s) // although this goroutine holds the only token and waits
	p.Release()
	if got := s.lost.Load(); got != 0 {
		t.Errorf("lost is %d", got)
	}
	p.Acquire()
	p.Release()
	synchronize(s)
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSched(t, 1)
		<-time.After(time.Hour)
		now := time.Now()
		if got := s.Now(); got != int64(time.Hour) || s.Exact() != got || s.At(now) != got || !s.Time(got).Equal(now) {
			t.Errorf("got %v", time.Duration(got))
		}
		done := make(chan struct{})
		s.Ready(&newJob(func(*Coro) bool {
			for range 50 { // while something runs the clock is coarse, but goes on
				<-time.After(10 * time.Millisecond)
				if d := time.Duration(s.Exact() - s.Now()); d < 0 || d > 2*tick {
					t.Errorf("the clock is %v late", d)
				}
			}
			close(done)
			return false
		}).Task, nil)
		<-done
	})
}

func TestProgressKeepsTheToken(t *testing.T) {
	s := newSched(t, 1)
	started := make(chan struct{})
	var lost atomic.Bool
	done := make(chan struct{})
	s.Ready(&newJob(func(c *Coro) bool {
		close(started)
		for end := time.Now().Add(30 * time.Millisecond); time.Now().Before(end); {
			c.Progress()
		}
		c.Settle()
		lost.Store(c.Lost())
		close(done)
		return false
	}).Task, nil)
	<-started
	synchronize(s)
	<-done
}
