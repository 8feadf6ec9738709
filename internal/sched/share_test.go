// SPDX-License-Identifier: Apache-2.0

package sched

import "testing"

// What one turn has made ready is shared as soon as it waits for long, also where turns were short until then.
func TestWaitingTasksAreShared(t *testing.T) {
	s := newSched(t, 2)
	const N = 6
	hold, all := make(chan struct{}), make(chan struct{}, N)
	s.Ready(&newJob(func(c *Coro) bool {
		for range N {
			s.Ready(&newJob(func(*Coro) bool { all <- struct{}{}; <-hold; return false }).Task, c)
		}
		return false
	}).Task, nil)
	for range N {
		<-all // although each blocks its worker
	}
	close(hold)
}

func TestOnlySharedQueuesAreStealable(t *testing.T) {
	var k token
	if k.stealable() {
		t.Error("nothing to take")
	}
	k.worker.Store(true)
	k.push(&Task{})
	if k.stealable() {
		t.Error("the holder keeps what it has not shared")
	}
	k.shares.Store(true)
	if !k.stealable() {
		t.Error("shared")
	}
	k.shares.Store(false)
	k.worker.Store(false)
	if !k.stealable() {
		t.Error("a Plain runs nothing of its token's queue")
	}
}

// The measure of how long tasks wait in a queue of short turns.
func TestSharingFollowsTheWait(t *testing.T) {
	s := &Scheduler{}
	k := &token{}
	w := &worker{s: s, every: maxUnread}
	w.hold(k)
	for range 3 {
		k.push(&Task{})
	}
	k.shares.Store(true)
	w.popped(k, k.pop())
	if k.shares.Load() {
		t.Error("they have not waited yet")
	}
	w.last += shareAfter + 1
	w.popped(k, k.pop())
	if !k.shares.Load() {
		t.Error("they wait for long")
	}
	w.popped(k, k.pop())
	w.popped(k, nil)
	if w.markAt != w.last {
		t.Error("an empty queue begins anew")
	}
	w.every = 1
	k.push(&Task{})
	k.shares.Store(false)
	w.popped(k, k.pop())
	if !k.shares.Load() {
		t.Error("turns are not short")
	}
}

// Tasks that go behind others are not lost, in whatever order queues and slot are filled.
func TestReadyBehind(t *testing.T) {
	s := newSched(t, 1)
	order := make(chan int, 3)
	mk := func(i int) *Task { return &newJob(func(*Coro) bool { order <- i; return false }).Task }
	s.Ready(&newJob(func(c *Coro) bool {
		s.Ready(mk(2), c)
		s.Ready(mk(1), c) // the slot's task goes to the queue
		s.ReadyBehind(mk(3), c)
		return false
	}).Task, nil)
	for i := 1; i <= 3; i++ {
		if got := <-order; got != i {
			t.Errorf("%d at place %d", got, i)
		}
	}
	s.ReadyBehind(mk(4), nil)
	if got := <-order; got != 4 {
		t.Errorf("got %d", got)
	}
}
