// SPDX-License-Identifier: Apache-2.0

package task

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan"
)

// Task is a function that runs in a process of its own, and whose result is waited for.
type Task[R any] struct {
	w     *work[R]
	ref   banyan.Ref[*work[R]]
	owner *banyan.Self // whom the task is linked with, or nil
	node  *banyan.Node
}

// Option says how a task runs: Under, NoLink.
type Option interface{ task(*config) }

type config struct {
	sup    banyan.Dest[*Supervisor]
	noLink bool
}

type option func(*config)

func (o option) task(c *config) { o(c) }

// Under runs the task under a supervisor of tasks, which ends it when it is stopped itself. OTP: Task.Supervisor.
func Under(sup banyan.Dest[*Supervisor]) Option { return option(func(c *config) { c.sup = sup }) }

// NoLink keeps the fates of task and owner apart: a task that crashes is an error for whoever awaits it, and nothing
// else; it goes on when its owner ends. OTP: async_nolink.
func NoLink() Option { return option(func(c *config) { c.noLink = true }) }

// Async starts a function in a process of its own. by is who owns it: self in a handler, and then the two are linked,
// unless NoLink is given: a panic in the task is an exit signal to its owner, and the end of the owner ends the task. Or
// it is the node, for goroutines outside; then nothing is linked.
//
// fn runs in a goroutine of its own, and may wait in any way. Its context ends when the task is to end; with it fn may call
// and send, as somebody outside of processes. What fn refers to is shared, not copied: leave it alone while the task runs.
// An error that fn returns is a result like another.
func Async[R any](by banyan.Spawner, fn func(ctx context.Context) (R, error), opts ...Option) (*Task[R], error) {
	return start(by, &work[R]{fn: fn}, opts)
}

// Start starts a function whose result nobody waits for: an error that it returns is its exit reason, so that it is logged,
// and reaches its links, as a crash. OTP: Task.start_link, and Task.Supervisor.start_child with Under and NoLink.
func Start(by banyan.Spawner, fn func(ctx context.Context) error, opts ...Option) (banyan.PID, error) {
	t, err := start(by, &work[struct{}]{exits: true, fn: func(ctx context.Context) (struct{}, error) {
		return struct{}{}, fn(ctx)
	}}, opts)
	if err != nil {
		return banyan.PID{}, err
	}
	return t.PID(), nil
}

func start[R any](by banyan.Spawner, w *work[R], opts []Option) (*Task[R], error) {
	var c config
	for _, o := range opts {
		o.task(&c)
	}
	t, err := &Task[R]{w: w}, error(nil)
	ctx := context.Background()
	switch by := by.(type) {
	case *banyan.Self:
		t.node, ctx = by.Node(), by
		if !c.noLink {
			t.owner, w.owner = by, by.PID()
		}
	case *banyan.Node:
		t.node, ctx = by, by.Context(ctx)
	default:
		return nil, &banyan.OpError{Op: "start task", Err: banyan.ErrNoNode}
	}
	if c.sup != nil {
		_, err = banyan.Call(ctx, c.sup, launch{func(self *banyan.Self, opts ...banyan.SpawnOption) (pid banyan.PID, err error) {
			t.ref, err = run(self.Node(), self, w, opts...)
			return t.ref.PID(), err
		}})
	} else {
		t.ref, err = run(t.node, nil, w)
	}
	if err != nil {
		return nil, &banyan.OpError{Op: "start task", Err: err}
	}
	return t, nil
}

// run starts the process, linked with sup if there is one, and sets it to work. The process has no parent: it traps exits,
// the end of a parent would pass that.
func run[R any](n *banyan.Node, sup *banyan.Self, w *work[R], opts ...banyan.SpawnOption) (banyan.Ref[*work[R]], error) {
	ref, err := banyan.SpawnState(n, w, append(opts, banyan.TrapExits())...)
	if err != nil {
		return ref, err
	}
	if sup != nil {
		if err := sup.Link(ref.PID()); err != nil {
			return ref, err
		}
	}
	return ref, banyan.Cast(n.Context(context.Background()), ref, begin[R]{})
}

// PID is the task's process.
func (t *Task[R]) PID() banyan.PID { return t.ref.PID() }

// Await waits for the result, at most until the deadline of ctx or else the node's default for calls (5 s). It is what fn
// returned; *banyan.ProcessError if the task has crashed or was ended; or the reason why the wait was: banyan.ErrTimeout, the
// error of ctx. In the last case the task is unlinked and killed, so that nothing is left of it: use Yield to wait in
// steps. In a handler pass self as ctx. Awaiting again gives the same again.
func (t *Task[R]) Await(ctx context.Context) (R, error) {
	if err := t.wait(ctx); err != nil {
		t.Kill()
		var zero R
		return zero, err
	}
	return t.w.result(t.PID())
}

// Yield waits as Await does, but lets the task go on if it is not done in time: then done is false and err says why the
// wait ended.
func (t *Task[R]) Yield(ctx context.Context) (v R, done bool, err error) {
	if err := t.wait(ctx); err != nil {
		return v, false, err
	}
	v, err = t.w.result(t.PID())
	return v, true, err
}

// Shutdown ends the task: it is unlinked, told by an exit signal (its context ends), and killed if it has not ended after
// grace, or when ctx ends. It gives the task's result, if it had one by then. A function that returns an error when its
// context has ended has died of the exit signal. OTP: Task.shutdown, which has a grace of 5 s.
func (t *Task[R]) Shutdown(ctx context.Context, grace time.Duration) (v R, done bool, err error) {
	t.unlink()
	if !t.w.ended() {
		// An error means that the process, or the node, is not there any more; the wait finds out.
		_ = banyan.SendExit(t.outside(), t.PID(), banyan.ErrShutdown)
	}
	if t.wait(banyan.Within(ctx, max(grace, 1))) != nil {
		t.Kill()
	}
	v, err = t.w.result(t.PID())
	var died *banyan.ProcessError
	return v, !errors.As(err, &died) || died.PID != t.PID(), err
}

// Kill unlinks the task and ends it at once. A function that does not look at its context goes on until it returns, and the
// node waits for it when it stops; but the task is over for everybody, and awaiting it gives banyan.ErrKilled.
func (t *Task[R]) Kill() {
	t.unlink()
	_ = banyan.SendExit(t.outside(), t.PID(), banyan.ErrKill) // else it is not there any more
	t.w.die(banyan.ErrKilled)
}

func (t *Task[R]) unlink() {
	if t.owner != nil {
		t.owner.Unlink(t.PID())
	}
}

// outside is a context without a process, whose own end would be in the way.
func (t *Task[R]) outside() context.Context { return t.node.Context(context.Background()) }

// wait waits for the task's end: nil means that it has come, an error why the wait is over.
func (t *Task[R]) wait(ctx context.Context) error {
	if t.w.ended() {
		return nil
	}
	ref, err := banyan.RefOf[banyan.Foreign](t.node, t.PID())
	if err == nil {
		_, err = banyan.Call(ctx, ref, gone{})
	}
	if t.w.ended() {
		return nil
	}
	var pe *banyan.ProcessError
	switch {
	case errors.As(err, &pe) && pe.PID == t.PID():
		t.w.die(pe.Reason)
		return nil
	case errors.Is(err, banyan.ErrNoProcess) && ctx.Err() == nil: // killed, or its node has stopped: Terminate was not called
		t.w.die(banyan.ErrKilled)
		return nil
	}
	return err
}
