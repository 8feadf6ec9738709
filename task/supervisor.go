// SPDX-License-Identifier: Apache-2.0

package task

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// ErrTooManyTasks is the answer of a Supervisor that has as many tasks as MaxTasks allows.
var ErrTooManyTasks = errors.New("too many tasks")

// Supervisor holds tasks, so that they have a place in the tree: it ends them when it is stopped. It restarts none. Its process is
// made by NewSupervisor, or by Supervise with other bounds.
type Supervisor struct {
	limits SupervisorOptions
	tasks  map[banyan.PID]struct{}
}

// SupervisorOptions bound a Supervisor.
type SupervisorOptions struct {
	// MaxTasks is how many may run at a time, 100,000 by default.
	MaxTasks int
	// Shutdown is how long tasks may take to end when the supervisor ends, all together, before they are killed: 5 s by
	// default, negative for no time.
	Shutdown time.Duration
}

// NewSupervisor is the constructor of a supervisor of tasks:
//
//	supervisor.Worker("tasks", task.NewSupervisor, supervisor.With(banyan.Name("tasks")))
//
// and then task.Under(banyan.At[*task.Supervisor]("tasks", "")).
func NewSupervisor(ctx context.Context, self *banyan.Self) (*Supervisor, error) {
	return Supervise(SupervisorOptions{})(ctx, self)
}

// Supervise is NewSupervisor with options.
func Supervise(o SupervisorOptions) func(context.Context, *banyan.Self) (*Supervisor, error) {
	if o.MaxTasks <= 0 {
		o.MaxTasks = 100_000
	}
	if o.Shutdown == 0 {
		o.Shutdown = 5 * time.Second
	}
	return func(_ context.Context, self *banyan.Self) (*Supervisor, error) {
		self.TrapExits(true)
		return &Supervisor{o, map[banyan.PID]struct{}{}}, nil
	}
}

// launch starts a task. It carries a function, which belongs to the task from then on.
type launch struct {
	start func(self *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error)
}

// Immutable lets it be sent.
func (launch) Immutable() {}

// Call starts the task in the supervisor's process.
func (m launch) Call(s *Supervisor, self *banyan.Self) (banyan.PID, error) {
	if len(s.tasks) >= s.limits.MaxTasks {
		return banyan.PID{}, ErrTooManyTasks
	}
	pid, err := m.start(self, logged(self.Node(), "its owner is told"))
	if err == nil {
		s.tasks[pid] = struct{}{}
	}
	return pid, err
}

// logged has the one record of a crash say what becomes of it.
func logged(n *banyan.Node, outcome string) banyan.SpawnOption {
	return banyan.OnCrash(func(r banyan.CrashReport) { r.Log(n.Logger(), outcome) })
}

// list asks for the tasks that run.
type list struct{}

// Call answers.
func (list) Call(s *Supervisor, _ *banyan.Self) ([]banyan.PID, error) {
	return slices.Collect(maps.Keys(s.tasks)), nil
}

// Running lists the processes of a supervisor's tasks, in no order. OTP: Task.Supervisor.children.
func Running(ctx context.Context, sup banyan.Dest[*Supervisor]) ([]banyan.PID, error) {
	return banyan.Call(ctx, sup, list{})
}

// Info hears of tasks that end.
func (s *Supervisor) Info(_ *banyan.Self, m any) error {
	if x, ok := m.(banyan.Exit); ok {
		delete(s.tasks, x.From)
	}
	return nil
}

// Terminate ends all tasks.
func (s *Supervisor) Terminate(self *banyan.Self, _ error) {
	endAll(self, slices.Collect(maps.Keys(s.tasks)), s.limits.Shutdown)
}

// endAll tells processes to end, and kills those that have not after a time.
func endAll(self *banyan.Self, pids []banyan.PID, grace time.Duration) {
	if grace > 0 {
		for _, pid := range pids {
			_ = banyan.SendExit(self, pid, banyan.ErrShutdown) // it fails only when self is dead, and then links do it
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(self), grace)
		defer cancel()
		for _, pid := range pids {
			if ref, err := banyan.RefOf[banyan.Foreign](self.Node(), pid); err == nil {
				_, _ = banyan.Call(ctx, ref, gone{}) // any outcome but a time-out is its end, and that is seen below
			}
		}
	}
	for _, pid := range pids {
		_ = banyan.SendExit(self, pid, banyan.ErrKill)
	}
}
