// SPDX-License-Identifier: Apache-2.0

package box

import (
	"context"
	"errors"
	"iter"
	"time"
)

// errDied is what everything returns to a task whose node has crashed.
var errDied = errors.New("the process has died")

// task is plain code that waits, as a coroutine: it runs until it waits for something, and the event that it waits for resumes it. Only one runs at a time, and
// only within an event of the simulation.
type task struct {
	p     *process
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	turn  int    // how often it has waited: what would end an earlier wait is too late
	wake  func() // ends the wait that it is in
	dead  bool
}

// spawn starts a task of a process. When that dies the code is resumed for the last time, to come to its end.
func (p *process) spawn(do func(t *task)) *task {
	t := &task{p: p}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		do(t)
	})
	p.tasks = append(p.tasks, t)
	p.n.in(p.s.between(0, 50*time.Microsecond), t.resume)
	return t
}

func (t *task) resume() {
	if t.dead {
		return
	}
	if _, more := t.next(); !more {
		t.dead = true
		t.p.forget(t)
	}
}

// wait begins something, and returns when that has called wake, or somebody interrupts. It is false if the process has died meanwhile.
func (t *task) wait(begin func(wake func())) bool {
	if t.dead {
		return false
	}
	t.turn++
	turn := t.turn
	t.wake = func() {
		t.p.n.in(0, func() {
			if t.turn == turn {
				t.turn++
				t.resume()
			}
		})
	}
	begin(t.wake)
	return t.yield(struct{}{}) && !t.dead
}

// kill lets the code come to its end, which must not be within itself.
func (t *task) kill() {
	t.dead = true
	t.stop()
}

// deadline is the context of a task: it ends at a simulated time, when its process dies, or when one of those that it belongs to ends.
type deadline struct {
	t      *task
	until  time.Duration
	parent *deadline // or nil
	ended  bool
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) { return time.Unix(0, int64(d.until)), true }

// Done implements context.Context. Nobody can wait for it: time goes on when a task waits for what the simulation has.
func (d *deadline) Done() <-chan struct{} { return nil }

// Value implements context.Context.
func (d *deadline) Value(any) any { return nil }

// Err implements context.Context.
func (d *deadline) Err() error {
	switch {
	case d.t.dead:
		return errDied
	case d.ended:
		return context.Canceled
	case d.t.p.s.now >= d.until:
		return context.DeadlineExceeded
	case d.parent != nil:
		return d.parent.Err()
	}
	return nil
}

// end ends it before its time.
func (d *deadline) end() {
	d.ended = true
	if d.t.wake != nil && !d.t.dead {
		d.t.wake()
	}
}

// sleep waits for so long, or until the context ends.
func (d *deadline) sleep(by time.Duration) error {
	by = min(by, max(d.until-d.t.p.s.now, 0))
	d.t.wait(func(wake func()) { d.t.p.s.after(by, wake) })
	return d.Err()
}
