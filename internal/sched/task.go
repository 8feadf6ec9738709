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
	class  class // by its last turns: which of the shared queues it waits in. Written by who runs it
	plain  bool  // it is the task of a Plain: it only asks for a token
}

// class says what is known of how long a task's turns run. One long turn does not send a quick task behind the crowd: the
// machine may have been busy elsewhere.
type class uint8

const (
	unknown class = iota // new
	lapsed               // quick until one long turn
	quick
	long
	classes
)

// Long reports whether a task's turns run long. Only for who runs it. It is no method, for owners embed their task.
func Long(t *Task) bool { return t.class == long }

// ended notes whether the turn that ends was long.
func (t *Task) ended(wasLong bool) {
	c := quick
	if wasLong {
		c = long
		if t.class == quick {
			c = lapsed
		}
	}
	if t.class != c {
		t.class = c
	}
}

// isQuick reports whether the turns of the class are short, as far as is known.
func (c class) isQuick() bool { return c == quick || c == lapsed }

// order is the one in which the shared queues are looked at: quick tasks first, but each queue is first in turn now and
// then, so that none is starved.
func order(pick uint32) [classes]class {
	switch {
	case pick&7 == 0:
		return [classes]class{long, lapsed, unknown, quick}
	case pick&3 == 0:
		return [classes]class{unknown, lapsed, quick, long}
	}
	return [classes]class{quick, lapsed, unknown, long}
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
