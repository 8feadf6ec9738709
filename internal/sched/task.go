// SPDX-License-Identifier: Apache-2.0

package sched

// Runner does the work of a task.
type Runner interface {
	// Turn runs on a worker, on coroutine c. It returns true to be queued again at once. It must not panic; it may end by
	// runtime.Goexit after it has cleaned up: the worker survives that.
	Turn(c *Coro) (again bool)
}

// Task is one schedulable thing, embedded in its owner.
type Task struct {
	next   *Task // in one queue at most; owned by that queue's lock
	runner Runner
	parked *Coro  // its turn waits on this coroutine; set before the waker can know
	plain  *Plain // not nil: the task only asks for a token for that goroutine
	long   bool   // its last turn ran over a tick: queue it behind the others. Written by who runs it
}

// Init binds the task to what it runs.
func (t *Task) Init(r Runner) { t.runner = r }

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
