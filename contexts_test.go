// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

type labKey struct{}

// sleepFor is a call that takes its time, but no longer than its process lives.
func sleepFor(d time.Duration) ask {
	return ask{func(self *banyan.Self) (int, error) { pause(self, d); return 1, nil }}
}

func pause(self *banyan.Self, d time.Duration) {
	select {
	case <-time.After(d):
	case <-self.Context().Done():
	}
}

func TestDeadlines(t *testing.T) {
	type made struct {
		ctx    context.Context
		cancel context.CancelFunc
		opts   []banyan.CallOption
	}
	for name, c := range map[string]struct {
		make func(ctx context.Context) made
		is   error
		took time.Duration
	}{
		"default":       {func(c context.Context) made { return made{ctx: c} }, banyan.ErrTimeout, 7 * time.Second},
		"WithTimeout":   {func(c context.Context) made { x, f := context.WithTimeout(c, 2*time.Second); return made{x, f, nil} }, banyan.ErrTimeout, 2 * time.Second},
		"longer":        {func(c context.Context) made { x, f := context.WithTimeout(c, 9*time.Second); return made{x, f, nil} }, banyan.ErrTimeout, 9 * time.Second},
		"Within":        {func(c context.Context) made { return made{ctx: banyan.Within(c, 3*time.Second)} }, banyan.ErrTimeout, 3 * time.Second},
		"Within longer": {func(c context.Context) made { return made{ctx: banyan.Within(c, 30*time.Second)} }, banyan.ErrTimeout, 30 * time.Second},
		"Within in a WithTimeout": {func(c context.Context) made {
			x, f := context.WithTimeout(c, 2*time.Second)
			return made{banyan.Within(x, 3*time.Second), f, nil}
		}, banyan.ErrTimeout, 2 * time.Second},
		"WithValue of Within": {func(c context.Context) made {
			return made{ctx: context.WithValue(banyan.Within(c, 3*time.Second), labKey{}, 1)}
		}, banyan.ErrTimeout, 3 * time.Second},
		"Timeout":          {func(c context.Context) made { return made{c, nil, []banyan.CallOption{banyan.Timeout(time.Second)}} }, banyan.ErrTimeout, time.Second},
		"Timeout zero":     {func(c context.Context) made { return made{c, nil, []banyan.CallOption{banyan.Timeout(0)}} }, banyan.ErrTimeout, 0},
		"Within zero":      {func(c context.Context) made { return made{ctx: banyan.Within(c, 0)} }, banyan.ErrTimeout, 0},
		"cancelled before": {func(c context.Context) made { x, f := context.WithCancel(c); f(); return made{x, f, nil} }, context.Canceled, 0},
		"expired before":   {func(c context.Context) made { x, f := context.WithTimeout(c, -1); return made{x, f, nil} }, banyan.ErrTimeout, 0},
		"cancelled meanwhile": {func(c context.Context) made {
			x, f := context.WithCancel(c)
			time.AfterFunc(4*time.Second, f)
			return made{x, f, nil}
		}, context.Canceled, 4 * time.Second},
	} {
		for _, from := range []string{"outside", "handler", "plain process", "goroutine of a process"} {
			t.Run(name+" from "+from, func(t *testing.T) {
				bubble(t, func(t *testing.T, n *banyan.Node) {
					_, slow := spawnLab(t, n)
					check := func(ctx context.Context) {
						m := c.make(ctx)
						if m.cancel != nil {
							defer m.cancel()
						}
						start := time.Now()
						_, err := banyan.Call(m.ctx, slow, sleepFor(time.Minute), m.opts...)
						errorIs(t, err, c.is)
						if strings.HasSuffix(name, " before") {
							errorIs(t, err, banyan.ErrNotDelivered)
						}
						if c.is == banyan.ErrTimeout {
							errorIs(t, err, context.DeadlineExceeded)
						}
						if d := time.Since(start); d < c.took || d > c.took+5*time.Millisecond {
							t.Errorf("took %v, want %v", d, c.took)
						}
					}
					done := make(chan struct{})
					switch from {
					case "outside":
						check(outside(n))
						close(done)
					case "handler":
						_, a := spawnLab(t, n)
						later(t, n, a, func(self *banyan.Self) error { defer close(done); check(self); return nil })
					case "plain process":
						plain(t, n, func(self *banyan.Self) error { defer close(done); check(self); return nil })
					default:
						_, a := spawnLab(t, n)
						later(t, n, a, func(self *banyan.Self) error {
							self.Go(func(ctx context.Context) error { defer close(done); check(ctx); return nil })
							return nil
						})
					}
					next(t, done)
				}, banyan.WithCallTimeout(7*time.Second))
			})
		}
	}
}

// A call made while one is served ends with that one's deadline: nobody waits for the answer any more.
func TestDeadlineIsHandedOn(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, slow := spawnLab(t, n)
		_, a := spawnLab(t, n)
		inner := make(chan time.Duration, 1)
		start := time.Now()
		_, err := banyan.Call(outside(n), a, ask{func(self *banyan.Self) (int, error) {
			if d, ok := self.Deadline(); !ok || d.Sub(start) < 2*time.Second || d.Sub(start) > 2*time.Second+time.Millisecond {
				t.Errorf("deadline %v, %v", d.Sub(start), ok)
			}
			_, err := banyan.Call(self, slow, sleepFor(time.Minute))
			errorIs(t, err, banyan.ErrTimeout)
			inner <- time.Since(start)
			return 0, err
		}}, banyan.Timeout(2*time.Second))
		errorIs(t, err, banyan.ErrTimeout)
		if d := next(t, inner); d < 2*time.Second || d > 2*time.Second+5*time.Millisecond {
			t.Errorf("the inner call took %v", d)
		}
	})
}

func TestSelfIsAContext(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		var kept context.Context
		var after chan struct{} = make(chan struct{})
		_, err := banyan.Call(outside(n), a, ask{func(self *banyan.Self) (int, error) {
			if self.Err() != nil {
				t.Errorf("Err is %v", self.Err())
			}
			ctx, cancel := context.WithCancel(self)
			defer cancel()
			derived, cancelDerived := context.WithTimeout(self, time.Hour)
			defer func() {
				if derived.Err() == nil { // it ends with self, not by this
					t.Error("a derived context outlives its parent")
				}
				cancelDerived()
			}()
			kept = derived
			context.AfterFunc(self, func() { close(after) })
			stop := context.AfterFunc(self, func() { t.Error("it was stopped") })
			if !stop() || stop() {
				t.Error("stop tells lies")
			}
			select {
			case <-self.Done():
				t.Error("Done is closed")
			case <-ctx.Done():
				t.Error("Done is closed")
			case <-time.After(time.Second):
			}
			<-self.Done() // at the caller's deadline
			errorIs(t, self.Err(), context.DeadlineExceeded)
			if derived.Err() == nil {
				<-derived.Done()
			}
			<-time.After(time.Millisecond) // the caller gives up at that very instant, this reply comes after it
			return 0, nil
		}}, banyan.Timeout(2*time.Second))
		errorIs(t, err, banyan.ErrTimeout)
		next(t, after)
		if kept.Err() == nil {
			t.Error("a derived context outlives the turn")
		}
	})
}

// Done closes when the handler returns, and the next handler has a new one.
func TestDoneClosesWithTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		for range 3 {
			var done <-chan struct{}
			in(t, n, a, func(self *banyan.Self) {
				done = self.Done()
				select {
				case <-done:
					t.Error("closed at once")
				default:
				}
			})
			next(t, done)
		}
	})
}

func TestDoneClosesWhenTheProcessIsToEnd(t *testing.T) {
	for _, why := range []error{banyan.ErrShutdown, banyan.ErrKill} {
		for _, early := range []bool{true, false} { // Done is asked for before the signal, or after
			bubble(t, func(t *testing.T, n *banyan.Node) {
				_, a := spawnLab(t, n)
				started, done := make(chan struct{}), make(chan struct{})
				later(t, n, a, func(self *banyan.Self) error {
					if early {
						self.Done()
					}
					close(started)
					<-time.After(time.Second)
					<-self.Done()
					errorIs(t, self.Err(), context.Canceled)
					close(done)
					return nil
				})
				<-started
				_ = banyan.SendExit(outside(n), a.PID(), why)
				next(t, done)
			})
		}
	}
}

// Who polls Err in a loop sees the deadline too, without ever asking for Done.
func TestErrSeesTheDeadlineWithoutDone(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		loops := make(chan int, 1)
		_, err := banyan.Call(outside(n), a, ask{func(self *banyan.Self) (int, error) {
			i := 0
			for ; i < 50 && self.Err() == nil; i++ {
				<-time.After(100 * time.Millisecond)
			}
			loops <- i
			return 0, self.Err()
		}}, banyan.Timeout(time.Second))
		errorIs(t, err, context.DeadlineExceeded) // the call's, or the handler's own word: they come at one instant
		if i := next(t, loops); i > 12 {
			t.Errorf("worked on for %d00 ms for a caller that had gone after 1 s", i)
		}
	})
}

// The constructor's context does not reach into the first message.
func TestFirstHandlerHasAContextOfItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ref, err := banyan.Spawn(n, func(ctx context.Context, self *banyan.Self) (*lab, error) {
			if d, ok := ctx.Deadline(); !ok || time.Until(d) > time.Second {
				t.Errorf("the constructor's deadline is %v, %v", time.Until(d), ok)
			}
			c, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			return newLab(), c.Err()
		}, banyan.StartTimeout(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Second)
		in(t, n, ref, func(self *banyan.Self) {
			if self.Err() != nil {
				t.Errorf("Err is %v", self.Err())
			}
			select {
			case <-self.Done():
				t.Error("Done is closed")
			default:
			}
		})
	})
}

func TestCallingSelf(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Name("a"))
		in(t, n, a, func(self *banyan.Self) {
			start := time.Now()
			_, err := banyan.Call(self, a, sleepFor(0))
			errorIs(t, err, banyan.ErrCallingSelf, banyan.ErrNotDelivered)
			_, err = banyan.Call(banyan.Within(self, time.Second), banyan.At[*lab]("a", ""), sleepFor(0))
			errorIs(t, err, banyan.ErrCallingSelf)
			for r := range banyan.CallAll(self, banyan.Refs(a), sleepFor(0)) {
				errorIs(t, r.Err, banyan.ErrCallingSelf)
			}
			if time.Since(start) > 0 {
				t.Errorf("took %v", time.Since(start))
			}
		})
	})
}

func TestContextWithoutANode(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Name("a"))
		ctx := context.Background()
		if v, err := banyan.Call(ctx, a, sleepFor(0)); v != 1 || err != nil { // a Ref carries its node
			t.Errorf("got %d, %v", v, err)
		}
		_, err := banyan.Call(ctx, banyan.At[*lab]("a", ""), sleepFor(0))
		errorIs(t, err, banyan.ErrNoNode, banyan.ErrNotDelivered)
		errorIs(t, banyan.Cast(ctx, banyan.At[*lab]("a", ""), bump{}), banyan.ErrNoNode)
		_, err = banyan.SpawnAt[*lab](ctx, "", "x")
		errorIs(t, err, banyan.ErrNoNode)
		if v, err := banyan.Call(context.WithValue(n.Context(ctx), a, 1), banyan.At[*lab]("a", n.Name()), sleepFor(0)); v != 1 || err != nil {
			t.Errorf("got %d, %v", v, err)
		}
	})
}

// A call whose caller has gone is not executed any more, and is counted.
func TestExpiredCallIsNotExecuted(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a, release := held(t, n)
		ran := false
		_, err := banyan.Call(outside(n), a, ask{func(*banyan.Self) (int, error) { ran = true; return 1, nil }}, banyan.Timeout(time.Second))
		errorIs(t, err, banyan.ErrTimeout, banyan.ErrNotDelivered)
		release()
		in(t, n, a, func(*banyan.Self) {})
		if ran || n.Stats().Expired != 1 {
			t.Errorf("ran: %v, expired: %d", ran, n.Stats().Expired)
		}
	})
}

// Nothing is sent under a context that has ended, however fast the reply would be.
func TestCallUnderAnEndedContextIsNotSent(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		ctx, cancel := context.WithCancel(outside(n))
		cancel()
		ran := false
		q := ask{func(*banyan.Self) (int, error) { ran = true; return 1, nil }}
		_, err := banyan.Call(ctx, a, q)
		errorIs(t, err, context.Canceled, banyan.ErrNotDelivered)
		for r := range banyan.CallAll(ctx, banyan.Refs(a), q) {
			errorIs(t, r.Err, context.Canceled, banyan.ErrNotDelivered)
		}
		in(t, n, a, func(*banyan.Self) {})
		if ran {
			t.Error("it was handled")
		}
	})
}

func TestLateReplyIsDroppedAndCounted(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, err := banyan.Call(outside(n), a, sleepFor(2*time.Second), banyan.Timeout(time.Second))
		if errorIs(t, err, banyan.ErrTimeout); errors.Is(err, banyan.ErrNotDelivered) {
			t.Error("it was delivered")
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if n.Stats().Late != 1 {
			t.Errorf("late: %d", n.Stats().Late)
		}
	})
}

// A context that wraps self, by a library that knows nothing of Banyan, can be derived from like any other.
func TestContextThatWrapsSelf(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, b := spawnLab(t, n)
		var last context.Context
		in(t, n, a, func(self *banyan.Self) {
			for name, wrap := range map[string]func(context.Context) context.Context{
				"self":      func(c context.Context) context.Context { return c },
				"WithValue": func(c context.Context) context.Context { return context.WithValue(c, labKey{}, 1) },
				"Within":    func(c context.Context) context.Context { return banyan.Within(c, time.Minute) },
				"both": func(c context.Context) context.Context {
					return context.WithValue(banyan.Within(c, time.Minute), labKey{}, 1)
				},
				"derived": func(c context.Context) context.Context {
					d, f := context.WithCancel(c)
					context.AfterFunc(c, f)
					return d
				},
			} {
				ctx, cancel := context.WithTimeout(wrap(self), time.Second/2)
				<-time.After(time.Millisecond)
				if ctx.Err() != nil {
					t.Errorf("%s: dead at once: %v", name, ctx.Err())
				}
				if v, err := banyan.Call(ctx, b, sleepFor(time.Millisecond)); v != 1 || err != nil {
					t.Errorf("%s: got %d, %v", name, v, err)
				}
				start := time.Now()
				_, err := banyan.Call(ctx, b, sleepFor(time.Minute))
				errorIs(t, err, banyan.ErrTimeout)
				if d := time.Since(start); d > time.Second+5*time.Millisecond {
					t.Errorf("%s: took %v", name, d)
				}
				cancel()
				_, b = spawnLab(t, n)
			}
			last = context.WithValue(self, labKey{}, 1)
			var cancel context.CancelFunc
			last, cancel = context.WithCancel(last)
			_ = cancel
		})
		next(t, last.Done()) // ended with the turn
	})
}
