// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"runtime"
	"testing"
	"testing/synctest"
)

// duty does a guest's duty for one task: it makes it ready and runs it.
func duty(s *Scheduler, t *Task, late func()) (g *Guest, onDuty bool) {
	g = s.NewGuest(late)
	s.Ready(t, g.Coro())
	return g, g.Run()
}

func never(t *testing.T) func() {
	return func() { t.Error("the guest was relieved") }
}

// A guest's task has had its turn when Run returns, and what that turn woke too.
func TestGuestRunsTheTurnItself(t *testing.T) {
	s := newSched(t, 2)
	ran := 0
	woken := newJob(func(*Coro) bool { ran++; return false })
	g, on := duty(s, &newJob(func(c *Coro) bool { ran++; s.Ready(&woken.Task, c); return false }).Task, never(t))
	defer g.Close()
	if !on || ran != 2 {
		t.Errorf("on duty %v, %d turns", on, ran)
	}
	if !g.Run() {
		t.Error("nothing to run is no reason to be relieved")
	}
}

// A second task, one that runs long, and one for which no token is idle are the workers'.
func TestGuestLeavesTheRestToWorkers(t *testing.T) {
	s := newSched(t, 1)
	g := s.NewGuest(never(t))
	defer g.Close()
	done := make(chan string, 3)
	job := func(name string) *job { return newJob(func(*Coro) bool { done <- name; return false }) }
	first, second, slow := job("first"), job("second"), job("slow")
	slow.class = long
	s.Ready(&slow.Task, g.Coro())
	if got := <-done; got != "slow" {
		t.Fatal(got)
	}
	s.Ready(&first.Task, g.Coro())
	s.Ready(&second.Task, g.Coro())
	if got := <-done; got != "second" {
		t.Fatal(got)
	}
	p := newPlain(s)
	p.Acquire() // the only token
	g.Run()
	if len(done) != 0 {
		t.Fatal("it ran without a token")
	}
	p.Release()
	if got := <-done; got != "first" {
		t.Fatal(got)
	}
}

// A turn that parks ends the run; a worker goes on with it.
func TestGuestTurnParks(t *testing.T) {
	s := newSched(t, 2)
	asked, done := make(chan struct{}), make(chan struct{})
	j := newJob(func(c *Coro) bool { c.Park(&gate{true, asked}); close(done); return false })
	g, on := duty(s, &j.Task, never(t))
	defer g.Close()
	<-asked
	if !on {
		t.Fatal("parking is no reason to be relieved")
	}
	s.Ready(&j.Task, nil)
	<-done
}

// A turn that blocks costs the guest its duty after two ticks, and what it does after a wait is the workers'.
func TestGuestIsRelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(2, turn)
		hold, asked, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		j := newJob(func(c *Coro) bool { <-hold; c.Park(&gate{true, asked}); close(done); return false })
		relieved := 0
		over := make(chan bool)
		go func() {
			_, on := duty(s, &j.Task, func() { relieved++; close(hold) })
			over <- on
		}()
		if <-over || relieved != 1 {
			t.Errorf("relieved %d times", relieved)
		}
		<-asked
		g := s.NewGuest(never(t))
		s.Ready(&j.Task, g.Coro())
		<-done // without Run
		g.Close()
		s.Close()
		if s.live != 0 || s.lost.Load() != 0 {
			t.Errorf("live is %d, lost %d after Close", s.live, s.lost.Load())
		}
	})
}

// runtime.Goexit in a turn ends the guest's goroutine; its duty goes to another, and the accounts are right.
func TestGoexitOnAGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where the monitor's ticks come only when all are at rest
		s := New(1, turn)
		relieved, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			duty(s, &newJob(func(*Coro) bool { runtime.Goexit(); return false }).Task, func() { close(relieved) })
			t.Error("Run returned")
		}()
		<-relieved
		<-ended
		synchronize(s)
		s.Close()
		if s.live != 0 || s.lost.Load() != 0 {
			t.Errorf("live is %d, lost %d after Close", s.live, s.lost.Load())
		}
	})
}
