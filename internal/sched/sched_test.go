// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// job is a task of a test.
type job struct {
	Task
	run func(c *Coro) bool
}

func turn(t *Task, c *Coro) bool { return (*job)(unsafe.Pointer(t)).run(c) }

func newJob(run func(c *Coro) bool) *job { return &job{run: run} }

// gate is a Parker that does what the test says.
type gate struct {
	commit bool
	asked  chan struct{}
}

func (g *gate) CommitPark() bool {
	if g.asked != nil {
		defer close(g.asked)
	}
	return g.commit
}

func newSched(t testing.TB, tokens int) *Scheduler {
	s := New(tokens, turn)
	t.Cleanup(s.Close)
	return s
}

func TestEveryTaskGetsItsTurn(t *testing.T) {
	for _, tokens := range []int{0, 1, 2, 7} {
		s := New(tokens, turn)
		var n atomic.Int32
		var wg sync.WaitGroup
		for range 1000 {
			wg.Add(1)
			left := 3
			s.Ready(&newJob(func(*Coro) bool {
				n.Add(1)
				if left--; left > 0 {
					return true // again
				}
				wg.Done()
				return false
			}).Task, nil)
		}
		wg.Wait()
		s.Close()
		if n.Load() != 3000 {
			t.Errorf("%d tokens: %d turns", tokens, n.Load())
		}
	}
}

func TestNoMoreTurnsAtOnceThanTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSched(t, 3)
		var now, most atomic.Int32
		var wg sync.WaitGroup
		for range 500 {
			wg.Add(1)
			s.Ready(&newJob(func(*Coro) bool {
				defer wg.Done()
				if k := now.Add(1); k > most.Load() {
					most.Store(k)
				}
				runtime.Gosched()
				now.Add(-1)
				return false
			}).Task, nil)
		}
		wg.Wait()
		if most.Load() > 3 {
			t.Errorf("%d turns at once", most.Load())
		}
	})
}

// chatter is a job that keeps the state that the scheduler asks of its owner: ready once until its turn has ended.
type chatter struct {
	*job
	mu          sync.Mutex
	ready, more bool
	to          *chatter
}

func newChatter(s *Scheduler, stop *atomic.Bool) *chatter {
	ch := &chatter{}
	ch.job = newJob(func(c *Coro) bool {
		if !stop.Load() {
			ch.to.wake(s, c)
		}
		ch.mu.Lock()
		defer ch.mu.Unlock()
		ch.ready = ch.more
		ch.more = false
		return ch.ready
	})
	return ch
}

func (ch *chatter) wake(s *Scheduler, c *Coro) {
	ch.mu.Lock()
	was := ch.ready
	ch.ready, ch.more = true, was
	ch.mu.Unlock()
	if !was {
		s.Ready(&ch.Task, c)
	}
}

// A task that a turn makes ready is next, but two that wake each other for ever do not keep the worker from a third.
func TestChattingTasksLeaveRoom(t *testing.T) {
	s := newSched(t, 1)
	var stop atomic.Bool
	a, b := newChatter(s, &stop), newChatter(s, &stop)
	a.to, b.to = b, a
	a.wake(s, nil)
	for range 20 {
		synchronize(s)
	}
	stop.Store(true)
}

func TestParkAndGoOn(t *testing.T) {
	s := newSched(t, 1)
	asked, done := make(chan struct{}), make(chan struct{})
	var first *job
	first = newJob(func(c *Coro) bool {
		if !c.Mine() || !c.Runs(&first.Task) {
			t.Error("not mine")
		}
		c.Park(&gate{true, asked})
		if !c.Mine() || !c.Runs(&first.Task) {
			t.Error("not mine after Park")
		}
		close(done)
		return false
	})
	s.Ready(&first.Task, nil)
	<-asked
	other := make(chan struct{})
	s.Ready(&newJob(func(c *Coro) bool {
		s.Ready(&first.Task, c)
		close(other)
		return false
	}).Task, nil)
	<-other // the only worker was free
	<-done
}

// A turn that need not wait after all goes on, and its task's next turn is an ordinary one.
func TestParkNotCommitted(t *testing.T) {
	s := newSched(t, 2)
	var wg sync.WaitGroup
	for range 100 {
		wg.Add(1)
		turns := 0
		var j *job
		j = newJob(func(c *Coro) bool {
			if turns%2 == 0 {
				c.Park(&gate{commit: false})
			}
			if !c.Mine() || !c.Runs(&j.Task) {
				t.Error("another task's coroutine")
			}
			if turns++; turns < 50 {
				return true
			}
			wg.Done()
			return false
		})
		s.Ready(&j.Task, nil)
	}
	wg.Wait()
}

// synchronize waits for a turn of its own, so that the one before has surely ended on a single worker or soon does.
func synchronize(s *Scheduler) {
	ran := make(chan struct{})
	s.Ready(&newJob(func(*Coro) bool { close(ran); return false }).Task, nil)
	<-ran
}

func TestManyParkedTurns(t *testing.T) {
	s := newSched(t, 2)
	const N = 5000
	jobs := make([]*job, N)
	var parked, done sync.WaitGroup
	parked.Add(N)
	done.Add(N)
	for i := range jobs {
		jobs[i] = newJob(func(c *Coro) bool {
			c.Park(parkFunc(func() bool { parked.Done(); return true }))
			done.Done()
			return false
		})
		s.Ready(&jobs[i].Task, nil)
	}
	parked.Wait()
	for _, j := range jobs {
		s.Ready(&j.Task, nil)
	}
	done.Wait()
}

type parkFunc func() bool

func (f parkFunc) CommitPark() bool { return f() }

// A blocked turn loses its token; others go on, however many block.
func TestBlockedTurnsAreReplaced(t *testing.T) {
	s := newSched(t, 2)
	hold := make(chan struct{})
	var blocked, ended sync.WaitGroup
	for range 10 {
		blocked.Add(1)
		ended.Add(1)
		s.Ready(&newJob(func(c *Coro) bool {
			blocked.Done()
			<-hold
			if c.Lost() {
				c.Settle()
			}
			ended.Done()
			return false
		}).Task, nil)
	}
	blocked.Wait() // with two workers, eight of them ran although the first two never returned
	synchronize(s)
	close(hold)
	ended.Wait()
}

// runtime.Goexit in a turn ends neither the worker nor the accounts, also when the turn had lost its token before.
func TestGoexitInATurn(t *testing.T) {
	for _, lost := range []bool{false, true} {
		s := New(1, turn)
		for range 5 {
			hold := make(chan struct{})
			started, exited := make(chan struct{}), make(chan struct{})
			s.Ready(&newJob(func(c *Coro) bool {
				close(started)
				<-hold
				defer close(exited)
				runtime.Goexit()
				return false
			}).Task, nil)
			<-started
			if lost {
				synchronize(s) // only possible without the token
			}
			close(hold)
			<-exited
			synchronize(s)
		}
		s.Close() // must not hang
		s.mu.Lock()
		if s.live != 0 || s.lost.Load() != 0 {
			t.Errorf("lost %v: live is %d, lost %d after Close", lost, s.live, s.lost.Load())
		}
		s.mu.Unlock()
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		s := New(2, turn)
		var wg sync.WaitGroup
		for range 50 {
			wg.Add(1)
			s.Ready(&newJob(func(*Coro) bool { wg.Done(); return false }).Task, nil)
			p := newPlain(s)
			wg.Go(func() { p.Acquire(); p.Release() })
		}
		wg.Wait()
		s.Close()
		s.Close() // twice is allowed
	}
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i > 200 {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		<-time.After(10 * time.Millisecond)
	}
}

// Close does not wait for a turn that has hung, and what is ready still runs.
func TestCloseWithAStuckTurn(t *testing.T) {
	s := New(1, turn)
	hold := make(chan struct{})
	started, ended := make(chan struct{}), make(chan struct{})
	s.Ready(&newJob(func(*Coro) bool { close(started); <-hold; close(ended); return false }).Task, nil)
	<-started
	ran := make(chan struct{})
	s.Ready(&newJob(func(*Coro) bool { close(ran); return false }).Task, nil)
	s.Close()
	<-ran
	close(hold)
	<-ended
}

// Turns that always want another go share with those that come in between, and long ones are not starved.
func TestLongTasksAreNotStarved(t *testing.T) {
	s := newSched(t, 1)
	var stop atomic.Bool
	var short atomic.Int64
	for range 4 {
		s.Ready(&newJob(func(*Coro) bool { short.Add(1); return !stop.Load() }).Task, nil)
	}
	done := make(chan struct{})
	n := 0
	s.Ready(&newJob(func(c *Coro) bool {
		for end := time.Now().Add(3 * time.Millisecond); time.Now().Before(end); {
		}
		c.Settle()
		if n++; n == 5 {
			close(done)
			return false
		}
		return true
	}).Task, nil)
	<-done
	stop.Store(true)
	if short.Load() == 0 {
		t.Error("the others were starved")
	}
}

func TestListsAndStealing(t *testing.T) {
	var a, b token
	var tasks [7]Task
	for i := range tasks {
		a.push(&tasks[i])
	}
	if got := a.steal(&b); got != &tasks[0] {
		t.Error("not the oldest")
	}
	if a.queue.n != 3 || b.queue.n != 3 || !a.hasWork() {
		t.Errorf("%d left, %d taken", a.queue.n, b.queue.n)
	}
	for i := range 3 {
		if b.pop() != &tasks[1+i] || a.pop() != &tasks[4+i] {
			t.Error("order lost")
		}
	}
	if a.pop() != nil || a.steal(&b) != nil || a.hasWork() {
		t.Error("not empty")
	}
}
