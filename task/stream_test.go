// SPDX-License-Identifier: Apache-2.0

package task_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/task"
)

func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func endless() iter.Seq[int] { return upTo(1 << 60) }

// nap sleeps for a random time, or until the task is to end.
func nap(ctx context.Context) {
	select {
	case <-time.After(time.Duration(1+rand.IntN(1000)) * time.Millisecond):
	case <-ctx.Done():
	}
}

func TestStreamOrderAndBound(t *testing.T) {
	for _, in := range []string{"outside", "handler"} {
		for _, unordered := range []bool{false, true} {
			t.Run(fmt.Sprint(in, " unordered ", unordered), func(t *testing.T) {
				bubble(t, func(r *rig) {
					var at, most atomic.Int32
					opts := []task.StreamOption{task.MaxConcurrency(5)}
					if unordered {
						opts = append(opts, task.Unordered())
					}
					work := func(ctx context.Context, by banyan.Spawner) error {
						var got []int
						for v, err := range task.Stream(ctx, by, upTo(200), func(ctx context.Context, i int) (int, error) {
							if n := at.Add(1); n > most.Load() {
								most.Store(n)
							}
							nap(ctx)
							at.Add(-1)
							return i * i, nil
						}, opts...) {
							if err != nil {
								return err
							}
							got = append(got, v)
						}
						if slices.IsSorted(got) == unordered {
							t.Error("order:", got)
						}
						slices.Sort(got)
						for i := range 200 {
							if got[i] != i*i {
								return fmt.Errorf("result %d is %d", i, got[i])
							}
						}
						return nil
					}
					var err error
					if in == "outside" {
						err = work(r.ctx, r.n)
					} else {
						err = r.in(func(self *banyan.Self) error { return work(self, self) })
					}
					if err != nil || most.Load() != 5 {
						t.Error(err, most.Load(), "at a time")
					}
					r.tasksLeft(0)
				})
			})
		}
	}
}

// The consumer stops: what runs is ended, no more items are taken, nothing is left.
func TestStreamStops(t *testing.T) {
	stop := map[string]func(loop func(each func(int) bool) error) error{
		"break": func(loop func(func(int) bool) error) error { return loop(func(i int) bool { return i < 10 }) },
		"panic": func(loop func(func(int) bool) error) (err error) {
			defer func() { _ = recover() }()
			return loop(func(i int) bool {
				if i == 10 {
					panic(errBoom)
				}
				return true
			})
		},
	}
	for name, s := range stop {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.o.infos = make(chan any, 100)
				var running atomic.Int32
				err := r.in(func(self *banyan.Self) error {
					self.TrapExits(true)
					return s(func(each func(int) bool) error {
						for v, err := range task.Stream(self, self, endless(), func(ctx context.Context, i int) (int, error) {
							running.Add(1)
							defer running.Add(-1)
							if i > 10 {
								return block(ctx)
							}
							return i, nil
						}, task.MaxConcurrency(4)) {
							if err != nil {
								return err
							}
							if !each(v) {
								break
							}
						}
						return nil
					})
				})
				if err != nil {
					t.Error(err)
				}
				r.tasksLeft(0)
				if n := running.Load(); n != 0 {
					t.Error(n, "functions still run")
				}
				if n := len(r.o.infos); n != 0 {
					t.Error(n, "messages for the owner", <-r.o.infos)
				}
			})
		})
	}
}

// The owner is killed in its loop: its tasks go with it.
func TestStreamWhoseOwnerDies(t *testing.T) {
	for _, reason := range []error{errBoom, banyan.ErrKill} {
		t.Run(reason.Error(), func(t *testing.T) {
			bubble(t, func(r *rig) {
				ended := make(chan error, 1)
				go func() {
					ended <- r.in(func(self *banyan.Self) error {
						for _, err := range task.Stream(self, self, endless(), func(ctx context.Context, i int) (int, error) { return block(ctx) }, task.Timeout(-1)) {
							return err
						}
						return nil
					})
				}()
				synctest.Wait()
				if err := banyan.SendExit(r.ctx, r.ref.PID(), reason); err != nil {
					t.Error(err)
				}
				if err := get(r, ended); err == nil {
					t.Error("no error")
				}
				r.tasksLeft(0)
			})
		})
	}
}

// What happens to one item is that item's result.
func TestStreamErrors(t *testing.T) {
	bubble(t, func(r *rig) {
		var got []string
		for v, err := range task.Stream(r.ctx, r.n, upTo(6), func(ctx context.Context, i int) (int, error) {
			switch i {
			case 1:
				return 0, errBoom
			case 2:
				panic("burnt")
			case 3:
				runtime.Goexit()
			case 4:
				return block(ctx)
			}
			return i, nil
		}, task.MaxConcurrency(2), task.Timeout(time.Second), task.KillOnTimeout()) {
			var pe *banyan.PanicError
			switch {
			case err == errBoom:
				got = append(got, "boom")
			case errors.As(err, &pe):
				got = append(got, pe.Value)
			case err == banyan.ErrTimeout:
				got = append(got, "late")
			default:
				got = append(got, fmt.Sprint(v, err))
			}
		}
		if want := "[0 <nil> boom burnt runtime.Goexit was called in a handler late 5 <nil>]"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
		r.tasksLeft(0)
		if n := r.out.count("process crashed"); n != 2 {
			t.Error(n, "records of two crashes")
		}
	})
}

// Without KillOnTimeout the first item that takes too long ends the stream.
func TestStreamEndsAtATimeout(t *testing.T) {
	bubble(t, func(r *rig) {
		n := 0
		var last error
		for _, last = range task.Stream(r.ctx, r.n, endless(), func(ctx context.Context, i int) (int, error) {
			if i == 5 {
				return block(ctx)
			}
			return i, nil
		}, task.MaxConcurrency(2)) {
			n++
		}
		if n != 6 || last != banyan.ErrTimeout {
			t.Error(n, last)
		}
		r.tasksLeft(0)
	})
}

func TestStreamWhoseContextEnds(t *testing.T) {
	bubble(t, func(r *rig) {
		ctx, cancel := context.WithTimeout(r.ctx, time.Second)
		defer cancel()
		var last error
		for _, last = range task.Stream(ctx, r.n, endless(), func(ctx context.Context, i int) (int, error) { return block(ctx) }, task.Timeout(-1)) {
		}
		if !errors.Is(last, context.DeadlineExceeded) {
			t.Error(last)
		}
		r.tasksLeft(0)
	})
}

// Behind a slow item an ordered stream goes on for a while, but does not pile up results without end.
func TestStreamIsBoundedBehindASlowItem(t *testing.T) {
	bubble(t, func(r *rig) {
		var started atomic.Int32
		release := make(chan struct{})
		go func() {
			for v, err := range task.Stream(r.ctx, r.n, upTo(1000), func(ctx context.Context, i int) (int, error) {
				started.Add(1)
				if i == 0 {
					<-release
				}
				return i, nil
			}, task.MaxConcurrency(3), task.Timeout(-1)) {
				if err != nil {
					t.Error(v, err)
				}
			}
			close(release)
		}()
		synctest.Wait()
		if n := started.Load(); n != 12 {
			t.Error(n, "were started")
		}
		release <- struct{}{}
		<-release
		r.tasksLeft(0)
	})
}

// A result is given as soon as it is there, though the next item is slow to come.
func TestStreamOfASlowSequence(t *testing.T) {
	bubble(t, func(r *rig) {
		slow := func(yield func(int) bool) {
			for i := range 5 {
				<-time.After(time.Second)
				if !yield(i) {
					return
				}
			}
		}
		begin := time.Now()
		for v, err := range task.Stream(r.ctx, r.n, slow, func(_ context.Context, i int) (int, error) { return i, nil }, task.MaxConcurrency(10)) {
			if d := time.Since(begin); err != nil || d > time.Duration(v+2)*time.Second {
				t.Error(v, err, "after", d)
			}
		}
	})
}

func TestStreamOfNothing(t *testing.T) {
	bubble(t, func(r *rig) {
		for v, err := range task.Stream(r.ctx, r.n, upTo(0), func(_ context.Context, i int) (int, error) { return i, nil }) {
			t.Error(v, err)
		}
		if err := r.n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		n := 0
		for _, err := range task.Stream(r.ctx, r.n, upTo(9), func(_ context.Context, i int) (int, error) { return i, nil }) {
			if n++; !errors.Is(err, banyan.ErrNodeStopped) {
				t.Error(err)
			}
		}
		if n != 1 {
			t.Error(n, "errors of a node that has stopped")
		}
	})
}
