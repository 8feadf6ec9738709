// SPDX-License-Identifier: Apache-2.0

package task

import (
	"context"
	"sync"

	"github.com/banyan-go/banyan"
)

// work is the state of a task's process, and the place where its result is left: whoever waits for the task finds it there
// once it has ended. So a finished task holds no process.
//
// The process itself is an idle server: it stands for the task in links, monitors and exit signals, while the function runs in a
// goroutine of the process. So tasks may wait in any way, for the network or a channel, without holding up others.
type work[R any] struct {
	fn    func(ctx context.Context) (R, error)
	owner banyan.PID // linked before fn runs; zero for none
	exits bool       // an error of fn is the exit reason, as nobody waits for it

	mu     sync.Mutex
	cancel context.CancelFunc // of fn's context, once it runs
	told   error              // the exit signal that fn was told of
	done   bool               // value and err, or reason, hold
	died   bool               // it is reason
	value  R
	err    error
	reason error // why the task ended without a result
}

// begin starts the function.
type begin[R any] struct{}

// Cast starts it, linked.
func (begin[R]) Cast(w *work[R], self *banyan.Self) error {
	if !w.owner.IsZero() {
		if err := self.Link(w.owner); err != nil {
			return err
		}
	}
	self.Go(func(life context.Context) error { return w.run(self, life) })
	return nil
}

// run is the goroutine of the function. A panic in it ends the process, with that reason.
func (w *work[R]) run(self *banyan.Self, life context.Context) error {
	ctx, cancel := context.WithCancel(life)
	defer cancel()
	w.mu.Lock()
	w.cancel = cancel
	if w.told != nil {
		cancel()
	}
	w.mu.Unlock()
	v, err := w.fn(ctx)
	w.mu.Lock()
	told := w.told
	w.mu.Unlock()
	switch {
	case told != nil && err != nil: // it has given up, as it was told
		w.die(told)
		self.Stop(banyan.Shutdown(told)) // who caused it has been logged, this is no crash of its own
	case w.exits && err != nil:
		return err
	default:
		w.finish(v, err)
		if !w.owner.IsZero() { // what follows is no news for the owner
			self.Unlink(w.owner)
		}
		self.Stop(nil)
	}
	return nil
}

// Info hears exit signals: the function is told by its context, and the process ends when it has returned.
func (w *work[R]) Info(_ *banyan.Self, m any) error {
	if x, ok := m.(banyan.Exit); ok && x.Reason != banyan.ErrNormal {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.told == nil {
			w.told = x.Reason
		}
		if w.cancel != nil {
			w.cancel()
		}
	}
	return nil
}

// Terminate notes the exit reason, if there is no result.
func (w *work[R]) Terminate(_ *banyan.Self, reason error) { w.die(reason) }

func (w *work[R]) finish(v R, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.done, w.value, w.err = true, v, err
	}
}

func (w *work[R]) die(reason error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.done, w.died, w.reason = true, true, reason
	}
}

func (w *work[R]) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done
}

// result gives what the task ended with. pid is its process.
func (w *work[R]) result(pid banyan.PID) (R, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.died {
		return w.value, &banyan.ProcessError{PID: pid, Reason: w.reason, Delivered: true}
	}
	return w.value, w.err
}

// gone is a call that is never answered: it waits for the end of a process.
type gone struct{}

// Call leaves the answer to that end.
func (gone) Call(_ banyan.Foreign, self *banyan.Self) (struct{}, error) {
	banyan.Defer[struct{}](self)
	return struct{}{}, nil
}
