// SPDX-License-Identifier: Apache-2.0

package task_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
	"github.com/banyan-go/banyan/task"
)

func seven(context.Context) (int, error) { return 7, nil }

func TestAwait(t *testing.T) {
	bubble(t, func(r *rig) {
		tk, err := task.Async(r.n, seven)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // again gives the same again
			if v, err := tk.Await(r.ctx); v != 7 || err != nil {
				t.Error(v, err)
			}
		}
		// In a handler, which traps exits and still hears nothing of tasks that end as they should.
		err = r.in(func(self *banyan.Self) error {
			self.TrapExits(true)
			var ts []*task.Task[int]
			for i := range 100 {
				tk, err := task.Async(self, func(context.Context) (int, error) { return i, nil })
				if err != nil {
					return err
				}
				ts = append(ts, tk)
			}
			for i, tk := range ts {
				if v, err := tk.Await(self); v != i || err != nil {
					return fmt.Errorf("%d %w", v, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		r.tasksLeft(0)
		if n := len(r.o.infos); n != 0 {
			t.Error(n, "messages for the owner")
		}
	})
}

func TestErrorIsAResult(t *testing.T) {
	bubble(t, func(r *rig) {
		err := r.in(func(self *banyan.Self) error {
			tk, err := task.Async(self, func(context.Context) (int, error) { return 3, errBoom })
			if err != nil {
				return err
			}
			if v, err := tk.Await(self); v != 3 || err != errBoom {
				t.Error(v, err)
			}
			return nil
		})
		if err != nil {
			t.Error("it ended the owner:", err)
		}
		if r.out.count("crashed") != 0 {
			t.Error(r.out.b.String())
		}
	})
}

// A panic is an error to whoever awaits, and an exit signal to the owner that is linked.
func TestPanic(t *testing.T) {
	panics := func(context.Context) (int, error) { panic(errBoom) }
	check := func(t *testing.T, v int, err error) {
		t.Helper()
		var pe *banyan.PanicError
		if !errors.Is(err, errBoom) || !errors.Is(err, banyan.ErrDied) || !errors.As(err, &pe) {
			t.Error(v, err)
		}
	}
	t.Run("from outside", func(t *testing.T) {
		bubble(t, func(r *rig) {
			tk, err := task.Async(r.n, panics)
			if err != nil {
				t.Fatal(err)
			}
			v, err := tk.Await(r.ctx)
			check(t, v, err)
			synctest.Wait()
			if n := r.out.count("process crashed"); n != 1 {
				t.Error(n, "records of one crash")
			}
		})
	})
	t.Run("not linked", func(t *testing.T) {
		bubble(t, func(r *rig) {
			if err := r.in(func(self *banyan.Self) error {
				tk, err := task.Async(self, panics, task.NoLink())
				if err != nil {
					return err
				}
				v, err := tk.Await(self)
				check(t, v, err)
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("linked", func(t *testing.T) {
		bubble(t, func(r *rig) {
			err := r.in(func(self *banyan.Self) error {
				tk, err := task.Async(self, panics)
				if err != nil {
					return err
				}
				_, err = tk.Await(self)
				return err
			})
			if reason := get(r, r.o.ended); !errors.Is(reason, errBoom) {
				t.Error(reason)
			}
			if err == nil {
				t.Error("no error")
			}
		})
	})
	t.Run("linked, trapping", func(t *testing.T) {
		bubble(t, func(r *rig) {
			err := r.in(func(self *banyan.Self) error {
				self.TrapExits(true)
				tk, err := task.Async(self, panics)
				if err != nil {
					return err
				}
				v, err := tk.Await(self)
				check(t, v, err)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if x, ok := get(r, r.o.infos).(banyan.Exit); !ok || !errors.Is(x.Reason, errBoom) {
				t.Error(x)
			}
		})
	})
}

// The owner's end ends its tasks, but for those that are not linked.
func TestOwnerEnds(t *testing.T) {
	for _, end := range []error{errBoom, banyan.ErrKill} {
		bubble(t, func(r *rig) {
			ended := make(chan string, 2)
			start := func(self *banyan.Self, name string, opts ...task.Option) {
				if _, err := task.Async(self, func(ctx context.Context) (int, error) {
					defer func() { ended <- name }()
					return block(ctx)
				}, opts...); err != nil {
					t.Error(err)
				}
			}
			_ = r.in(func(self *banyan.Self) error {
				start(self, "linked")
				start(self, "free", task.NoLink())
				return nil
			})
			r.tasksLeft(2)
			if err := banyan.SendExit(r.ctx, r.ref.PID(), end); err != nil {
				t.Error(err)
			}
			if s := get(r, ended); s != "linked" {
				t.Error(s, "ended")
			}
			r.tasksLeft(1)
			if len(ended) != 0 {
				t.Error("the other one, too")
			}
		})
	}
}

// Await that comes to its deadline ends the task, and spares the owner. Yield lets it go on.
func TestTimeouts(t *testing.T) {
	bubble(t, func(r *rig) {
		err := r.in(func(self *banyan.Self) error {
			tk, err := task.Async(self, func(ctx context.Context) (int, error) {
				select {
				case <-time.After(3 * time.Second):
					return 7, nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			})
			if err != nil {
				return err
			}
			if v, done, err := tk.Yield(banyan.Within(self, time.Second)); done || !errors.Is(err, banyan.ErrTimeout) {
				t.Error(v, done, err)
			}
			if v, done, err := tk.Yield(banyan.Within(self, time.Minute)); v != 7 || !done || err != nil {
				t.Error(v, done, err)
			}
			if tk, err = task.Async(self, block); err != nil {
				return err
			}
			if v, err := tk.Await(banyan.Within(self, time.Second)); !errors.Is(err, banyan.ErrTimeout) {
				t.Error(v, err)
			}
			if v, err := tk.Await(self); !errors.Is(err, banyan.ErrKilled) {
				t.Error(v, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		r.tasksLeft(0)
	})
}

func TestShutdown(t *testing.T) {
	for name, c := range map[string]struct {
		fn    func(context.Context) (int, error)
		v     int
		done  bool
		err   error
		grace time.Duration
	}{
		"done already":             {seven, 7, true, nil, time.Second},
		"tells the reason":         {func(ctx context.Context) (int, error) { panic(errBoom) }, 0, false, errBoom, time.Second},
		"minds its context":        {func(ctx context.Context) (int, error) { <-ctx.Done(); return 5, nil }, 5, true, nil, time.Second},
		"gives up":                 {block, 0, false, banyan.ErrShutdown, time.Second},
		"does not mind, is killed": {func(context.Context) (int, error) { <-time.After(time.Minute); return 5, nil }, 0, false, banyan.ErrKilled, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				err := r.in(func(self *banyan.Self) error {
					tk, err := task.Async(self, c.fn, task.NoLink())
					if err != nil {
						return err
					}
					_, _, _ = tk.Yield(banyan.Within(self, time.Millisecond)) // it has begun
					begin := time.Now()
					v, done, err := tk.Shutdown(self, c.grace)
					if v != c.v || done != c.done || !errors.Is(err, c.err) {
						t.Error(v, done, err)
					}
					if d := time.Since(begin); d > c.grace {
						t.Error("it took", d)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				r.tasksLeft(0)
				<-time.After(time.Hour) // until the one that does not mind has returned
			})
		})
	}
}

func TestStart(t *testing.T) {
	bubble(t, func(r *rig) {
		ran := make(chan int, 1)
		pid, err := task.Start(r.n, func(context.Context) error { ran <- 1; return nil })
		if get(r, ran); err != nil || pid.IsZero() {
			t.Error(pid, err)
		}
		if _, err := task.Start(r.n, func(context.Context) error { return errBoom }); err != nil {
			t.Error(err)
		}
		r.tasksLeft(0)
		if n := r.out.count("reason=boom"); n != 1 {
			t.Error(n, "records")
		}
	})
}

// sup starts a tree with a supervisor of tasks.
func (r *rig) sup(o task.SupervisorOptions) (under task.Option, top supervisor.Ref) {
	r.Helper()
	ref, err := supervisor.New("top", supervisor.OneForOne,
		supervisor.Worker("tasks", task.Supervise(o), supervisor.With(banyan.Name("tasks")), supervisor.Shutdown(supervisor.Infinity))).Start(r.n)
	if err != nil {
		r.Fatal(err)
	}
	return task.Under(banyan.At[*task.Supervisor]("tasks", "")), ref
}

func (r *rig) running() []banyan.PID {
	r.Helper()
	synctest.Wait()
	pids, err := task.Running(r.ctx, banyan.At[*task.Supervisor]("tasks", ""))
	if err != nil {
		r.Error(err)
	}
	return pids
}

func TestUnderASupervisor(t *testing.T) {
	bubble(t, func(r *rig) {
		under, _ := r.sup(task.SupervisorOptions{MaxTasks: 2})
		hold := make(chan struct{})
		wait := func(context.Context) (int, error) { <-hold; return 7, nil }
		var ts []*task.Task[int]
		for range 2 {
			tk, err := task.Async(r.n, wait, under)
			if err != nil {
				t.Fatal(err)
			}
			ts = append(ts, tk)
		}
		if got := r.running(); len(got) != 2 || !slices.Contains(got, ts[0].PID()) || !slices.Contains(got, ts[1].PID()) {
			t.Error(got)
		}
		if _, err := task.Async(r.n, wait, under); !errors.Is(err, task.ErrTooManyTasks) {
			t.Error(err)
		}
		close(hold)
		for _, tk := range ts {
			if v, err := tk.Await(r.ctx); v != 7 || err != nil {
				t.Error(v, err)
			}
		}
		if got := r.running(); len(got) != 0 {
			t.Error(got)
		}
	})
}

// A crash under a supervisor touches the owner if it is linked, and never the supervisor or the other tasks.
func TestCrashUnderASupervisor(t *testing.T) {
	bubble(t, func(r *rig) {
		under, _ := r.sup(task.SupervisorOptions{})
		other, err := task.Async(r.n, block, under)
		if err != nil {
			t.Fatal(err)
		}
		panics := func(context.Context) (int, error) { panic(errBoom) }
		if err := r.in(func(self *banyan.Self) error {
			tk, err := task.Async(self, panics, under, task.NoLink())
			if err != nil {
				return err
			}
			if _, err := tk.Await(self); !errors.Is(err, errBoom) {
				t.Error(err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		_ = r.in(func(self *banyan.Self) error {
			_, err := task.Async(self, panics, under)
			return err
		})
		if reason := get(r, r.o.ended); !errors.Is(reason, errBoom) {
			t.Error(reason)
		}
		if got := r.running(); len(got) != 1 || got[0] != other.PID() {
			t.Error(got)
		}
		if n := r.out.count("process crashed"); n != 2 {
			t.Error(n, "records of two crashes:", r.out.b.String())
		}
	})
}

// The end of the supervisor ends its tasks: those that mind, at once; the others are killed when the time is over.
func TestSupervisorEnds(t *testing.T) {
	bubble(t, func(r *rig) {
		under, top := r.sup(task.SupervisorOptions{Shutdown: 2 * time.Second})
		minds, err := task.Async(r.n, func(ctx context.Context) (int, error) { <-ctx.Done(); return 1, nil }, under)
		if err != nil {
			t.Fatal(err)
		}
		stubborn, err := task.Async(r.n, func(context.Context) (int, error) { <-time.After(time.Minute); return 2, nil }, under)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begin := time.Now()
		if err := supervisor.Stop(r.ctx, top, nil); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d < 2*time.Second || d > 3*time.Second {
			t.Error("it took", d)
		}
		if v, err := minds.Await(r.ctx); v != 1 || err != nil {
			t.Error(v, err)
		}
		if _, err := stubborn.Await(r.ctx); !errors.Is(err, banyan.ErrKilled) {
			t.Error(err)
		}
		r.tasksLeft(0)
		<-time.After(time.Hour)
	})
}

func TestNoSupervisorThere(t *testing.T) {
	bubble(t, func(r *rig) {
		tk, err := task.Async(r.n, seven, task.Under(banyan.At[*task.Supervisor]("nobody", "")))
		if tk != nil || !errors.Is(err, banyan.ErrNoProcess) {
			t.Error(tk, err)
		}
	})
}

func TestNodeStops(t *testing.T) {
	bubble(t, func(r *rig) {
		tk, err := task.Async(r.n, block)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := r.n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if v, err := tk.Await(r.ctx); err == nil {
			t.Error(v, err)
		}
	})
}
