// SPDX-License-Identifier: Apache-2.0

package sched

// Turn does the work of a task, on a worker, on coroutine c. It returns true to be queued again at once. It must not panic;
// it may end by runtime.Goexit after it has cleaned up: the worker survives that.
type Turn func(t *Task, c *Coro) (again bool)

// Task is one schedulable thing, embedded in its owner as the first field. The zero Task is ready to use. There may be
// millions: so it is small, and what a turn does is known to the scheduler alone.
type Task struct {
	next   *Task // in one queue at most; owned by that queue's lock
	parked *Coro // its turn waits on this coroutine; set before the waker can know
	long   bool  // a tick passed in its last turn: queue it behind the others. Written by who runs it
	plain  bool  // it is the task of a Plain: it only asks for a token
}

// list is an intrusive FIFO.
type list struct {
	head, tail *Task
	n          int
}

func (l *list) push(t *Task) {
	t.next = nil
	if l.tail == nil {
		l.head = t
	} else {
		l.tail.next = t
	}
	l.tail = t
	l.n++
}

func (l *list) pop() *Task {
	t := l.head
	if t == nil {
		return nil
	}
	l.head = t.next
	if l.head == nil {
		l.tail = nil
	}
	t.next = nil
	l.n--
	return t
}
