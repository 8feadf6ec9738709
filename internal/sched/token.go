// SPDX-License-Identifier: Apache-2.0

package sched

import (
	"sync"
	"sync/atomic"
)

// token is the right to run one turn at a time, with the queue that its holder works on. All parts may be touched by a
// worker that has just lost the token, hence the lock and the atomics.
type token struct {
	_    apart
	id   int
	slot atomic.Pointer[Task] // what the running turn has just woken: next, without a queue

	mu    sync.Mutex
	queue list         // guarded by mu
	qlen  atomic.Int32 // queue.n, for a look without the lock; written under mu

	// holder is the field that names this token in the worker or Plain that runs on it; nil while idle. Whoever moves the
	// token CASes *holder from the token to nil first: so exactly one takes it.
	holder atomic.Pointer[atomic.Pointer[token]]
	worker atomic.Bool           // the holder is a worker, not a Plain; written with holder
	guest  atomic.Pointer[Guest] // the worker is a guest's, or nil; likewise

	long atomic.Bool // a long turn runs on it: counted in the scheduler's nlong

	// shares says that others may take from the queue: tasks wait long in it, or one runs long. Mostly written by the
	// holder, by the monitor too.
	shares atomic.Bool

	// flagged is set by the monitor at a tick and cleared when a turn begins or a batch goes on: still set at the next
	// tick means that one turn ran all the time between.
	flagged atomic.Bool
	ranLong atomic.Bool // set by the monitor with stuck > 0, cleared by Coro.Settle
	stuck   int         // ticks for which flagged stayed set; monitor only
	_       apart
}

// apart keeps what two processors write all the time out of each other's cache lines, which are fetched in pairs.
type apart [128]byte

func (k *token) push(t *Task) {
	k.mu.Lock()
	k.queue.push(t)
	k.qlen.Store(int32(k.queue.n))
	k.mu.Unlock()
}

func (k *token) pop() *Task {
	if k.qlen.Load() == 0 {
		return nil
	}
	k.mu.Lock()
	t := k.queue.pop()
	k.qlen.Store(int32(k.queue.n))
	k.mu.Unlock()
	return t
}

func (k *token) takeSlot() *Task {
	if k.slot.Load() == nil {
		return nil
	}
	return k.slot.Swap(nil)
}

// steal moves half of k's queue to the thief's and returns one task of it.
func (k *token) steal(thief *token) *Task {
	if k.qlen.Load() == 0 {
		return nil
	}
	var got list
	k.mu.Lock()
	for n := (k.queue.n + 1) / 2; n > 0; n-- {
		got.push(k.queue.pop())
	}
	k.qlen.Store(int32(k.queue.n))
	k.mu.Unlock()
	first := got.pop()
	if got.n > 0 {
		thief.mu.Lock()
		for t := got.pop(); t != nil; t = got.pop() {
			thief.queue.push(t)
		}
		thief.qlen.Store(int32(thief.queue.n))
		thief.mu.Unlock()
	}
	return first
}

// stealable reports whether there is something that others should take. A Plain does not run what it finds.
func (k *token) stealable() bool {
	return k.qlen.Load() > 0 && (k.shares.Load() || !k.worker.Load())
}

func (k *token) hasWork() bool { return k.qlen.Load() > 0 || k.slot.Load() != nil }
