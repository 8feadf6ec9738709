// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/banyan-go/banyan"
)

// ControllerName is the registered name of the process that all applications belong to.
const ControllerName banyan.Atom = "application_controller"

// ErrRunning says that the node runs applications already: give all to one Run.
var ErrRunning = errors.New("the node runs applications already: give all of them to one Run")

// StartError says which application did not start.
type StartError struct {
	App string
	Err error
}

// Error names it.
func (e *StartError) Error() string { return fmt.Sprintf("app: %q did not start: %v", e.App, e.Err) }

// Unwrap gives the application's error.
func (e *StartError) Unwrap() error { return e.Err }

// EndError says which application ended that the others cannot do without.
type EndError struct {
	App    string
	Reason error
}

// Error names it.
func (e *EndError) Error() string { return fmt.Sprintf("app: %q ended: %v", e.App, e.Reason) }

// Unwrap gives the exit reason.
func (e *EndError) Unwrap() error { return e.Reason }

// Run starts the applications, waits until ctx ends or one ends that the others cannot do without, and stops them in
// reverse order. It returns nil after ctx has ended, else a *StartError, an *EndError, or what is wrong with the arguments.
func Run(ctx context.Context, node *banyan.Node, apps ...Application) error {
	r, err := Start(ctx, node, apps...)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			return nil
		}
		return err
	}
	select {
	case <-ctx.Done():
		r.cancel()
	case <-r.done:
	}
	return r.Wait()
}

// Running is a set of applications that runs.
type Running struct {
	pid    banyan.PID
	cancel context.CancelFunc // begins the stop
	done   chan struct{}      // closed when all have stopped

	mu   sync.Mutex
	list []Info
	err  error // written before done is closed
}

// Info is what List tells of one application.
type Info struct {
	Name        string
	Description string
	Mode        Mode
	PID         banyan.PID // of its top process; zero for a library, and when it has ended
	Ended       error      // the exit reason, nil while it runs
}

// Start starts the applications and returns when all are ready. If ctx ends meanwhile those that have started are stopped
// again; afterwards ctx means nothing: end them by Stop. Node.Stop stops them too, in the same order, before all else.
func Start(ctx context.Context, node *banyan.Node, apps ...Application) (*Running, error) {
	sorted, err := order(apps)
	if err != nil {
		return nil, err
	}
	stop, cancel := context.WithCancel(context.Background())
	r := &Running{cancel: cancel, done: make(chan struct{})}
	c := &controller{run: r, node: node, apps: sorted, stop: stop, start: ctx, ready: make(chan error, 1)}
	r.pid, err = banyan.Go(node, c.main, banyan.Name(ControllerName), banyan.TrapExits())
	if err != nil {
		cancel()
		if errors.Is(err, banyan.ErrNameTaken) {
			err = ErrRunning
		}
		return nil, fmt.Errorf("app: %w", err)
	}
	if err := <-c.ready; err != nil {
		<-r.done
		return nil, err
	}
	node.AtStop(func(ctx context.Context) { _ = r.Stop(ctx) }) // what is left when ctx ends the node kills, and reports
	return r, nil
}

// PID is the process that the applications belong to.
func (r *Running) PID() banyan.PID { return r.pid }

// Done closes when all applications have stopped.
func (r *Running) Done() <-chan struct{} { return r.done }

// Wait waits until all applications have stopped. The error is an *EndError if one ended that the others cannot do
// without, and nil after Stop.
func (r *Running) Wait() error {
	<-r.done
	return r.err
}

// Stop stops the applications in reverse order and waits for them, at most until ctx ends: they go on stopping then.
func (r *Running) Stop(ctx context.Context) error {
	r.cancel()
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// List tells of the applications, in the order of their start.
func (r *Running) List() []Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Info(nil), r.list...)
}
