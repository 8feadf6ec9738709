// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// deferring answers a call by a ticket that it hands to the test.
func deferring(tickets chan banyan.Later[int]) ask {
	return ask{func(self *banyan.Self) (int, error) {
		tickets <- banyan.Defer[int](self)
		return 999, nil // ignored
	}}
}

type answered struct {
	v   int
	err error
}

// calling makes a call in a goroutine.
func calling(n *banyan.Node, to labRef, q ask, opts ...banyan.CallOption) chan answered {
	c := make(chan answered, 1)
	go func() {
		v, err := banyan.Call(outside(n), to, q, opts...)
		c <- answered{v, err}
	}()
	return c
}

func TestDeferredReplyFromAnotherProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, b := spawnLab(t, n)
		tickets := make(chan banyan.Later[int], 1)
		got := calling(n, a, deferring(tickets))
		ticket := next(t, tickets)
		none(t, got)
		in(t, n, a, func(*banyan.Self) {}) // the server is free meanwhile
		in(t, n, b, func(*banyan.Self) {
			if err := ticket.Reply(42); err != nil {
				t.Error(err)
			}
			errorIs(t, ticket.Reply(43), banyan.ErrTimeout) // only the first counts
			errorIs(t, ticket.Fail(errBoom), banyan.ErrTimeout)
		})
		if r := next(t, got); r.v != 42 || r.err != nil {
			t.Fatalf("got %v", r)
		}
	})
}

func TestDeferredReplyInManyOrders(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		const N = 50
		var tickets []banyan.Later[int]
		var got []chan answered
		for range N {
			c := make(chan banyan.Later[int], 1)
			got = append(got, calling(n, a, deferring(c)))
			tickets = append(tickets, next(t, c))
		}
		for i := N - 1; i >= 0; i-- { // the last first
			if err := tickets[i].Reply(i); err != nil {
				t.Fatal(err)
			}
		}
		for i := range N {
			if r := next(t, got[i]); r.v != i || r.err != nil {
				t.Fatalf("call %d got %v", i, r)
			}
		}
	})
}

func TestDeferredFail(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		tickets := make(chan banyan.Later[int], 1)
		got := calling(n, a, deferring(tickets))
		if err := next(t, tickets).Fail(errBoom); err != nil {
			t.Fatal(err)
		}
		if r := next(t, got); r.err != errBoom {
			t.Fatalf("got %v", r)
		}
		alive(t, n, a.PID())
	})
}

// An error that the handler returns is the reply, in spite of the ticket.
func TestDeferredButReturnsAnError(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		var ticket banyan.Later[int]
		_, err := banyan.Call(outside(n), a, ask{func(self *banyan.Self) (int, error) {
			ticket = banyan.Defer[int](self)
			return 0, errBoom
		}})
		if err != errBoom {
			t.Fatalf("got %v", err)
		}
		errorIs(t, ticket.Reply(1), banyan.ErrTimeout)
	})
}

func TestDeferredWrongType(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		hold := make(chan struct{})
		got := calling(n, a, ask{func(self *banyan.Self) (int, error) {
			errorIs(t, banyan.Defer[string](self).Reply("x"), banyan.ErrWrongTicket)
			<-hold
			return 1, nil
		}})
		r := next(t, got) // at once, while the handler still runs
		errorIs(t, r.err, banyan.ErrWrongTicket)
		close(hold)
		alive(t, n, a.PID())
	})
}

func TestDeferOutsideOfACall(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		var self *banyan.Self
		done := make(chan struct{})
		later(t, n, a, func(s *banyan.Self) error {
			self = s
			errorIs(t, banyan.Defer[int](s).Reply(1), banyan.ErrWrongTicket) // in a cast
			close(done)
			return nil
		})
		<-done
		errorIs(t, banyan.Defer[int](self).Reply(1), banyan.ErrWrongTicket) // by a stray goroutine
		in(t, n, a, func(s *banyan.Self) {
			first := banyan.Defer[int](s)
			errorIs(t, banyan.Defer[int](s).Reply(1), banyan.ErrWrongTicket) // twice
			if err := first.Reply(0); err != nil {
				t.Error(err)
			}
		})
		errorIs(t, banyan.Later[int]{}.Reply(1), banyan.ErrWrongTicket)
	})
}

func TestDeferredNeverAnswered(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				_, a := spawnLab(t, n)
				tickets := make(chan banyan.Later[int], 1)
				got := calling(n, a, deferring(tickets))
				ticket := next(t, tickets)
				start := time.Now()
				later(t, n, a, e.end)
				r := next(t, got)
				diedWith(t, r.err, e.reason, true)
				if time.Since(start) > 0 {
					t.Errorf("after %v", time.Since(start))
				}
				gone(t, n, a.PID())
				errorIs(t, ticket.Reply(1), banyan.ErrTimeout)
			})
		})
	}
}

func TestDeferredReplyTooLate(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		tickets := make(chan banyan.Later[int], 1)
		got := calling(n, a, deferring(tickets), banyan.Timeout(time.Second))
		ticket := next(t, tickets)
		errorIs(t, next(t, got).err, banyan.ErrTimeout)
		errorIs(t, ticket.Reply(1), banyan.ErrTimeout)
		if n.Stats().Late != 1 {
			t.Errorf("late: %d", n.Stats().Late)
		}
	})
}

// The next four end a call by its ticket first and by the handler afterwards. The caller is gone by then and its call
// may serve another, which must not notice. The first handler waits by a Latch: with a channel it would hold its worker, and the 200
// rounds would last until that has been replaced as often: on a busy machine longer than a call may.
func TestDeferredThenTheHandlerEndsOtherwise(t *testing.T) {
	for name, f := range map[string]func(self *banyan.Self, hold *banyan.Latch) (int, error){
		"wrong ticket, then an error": func(self *banyan.Self, hold *banyan.Latch) (int, error) {
			_ = banyan.Defer[string](self)
			_ = hold.Wait(self)
			return 0, errBoom
		},
		"answered, then an error": func(self *banyan.Self, hold *banyan.Latch) (int, error) {
			_ = banyan.Defer[int](self).Reply(1)
			_ = hold.Wait(self)
			return 0, errBoom
		},
		"answered, then a panic": func(self *banyan.Self, hold *banyan.Latch) (int, error) {
			_ = banyan.Defer[int](self).Reply(1)
			_ = hold.Wait(self)
			panic(errBoom)
		},
		"wrong ticket, then a panic": func(self *banyan.Self, hold *banyan.Latch) (int, error) {
			_ = banyan.Defer[string](self)
			_ = hold.Wait(self)
			panic(errBoom)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := quietNode(t)
			_, second := spawnLab(t, n)
			_, caller := spawnLab(t, n)
			in(t, n, caller, func(self *banyan.Self) { // a process uses one call again and again
				for i := range 200 {
					_, first := spawnLab(t, n)
					var hold banyan.Latch
					_, _ = banyan.Call(self, first, ask{func(self *banyan.Self) (int, error) { return f(self, &hold) }})
					v, err := banyan.Call(self, second, ask{func(*banyan.Self) (int, error) {
						hold.Open() // the first handler ends while the same call is at the second server
						return i, nil
					}})
					if v != i || err != nil {
						t.Errorf("call %d got %d, %v", i, v, err)
					}
				}
			})
		})
	}
}

// A handler that crashes after it made a ticket: its caller is told once, and the call is not touched again.
func TestDeferredThenCrashStress(t *testing.T) {
	n := quietNode(t)
	_, good := spawnLab(t, n)
	_, caller := spawnLab(t, n)
	in(t, n, caller, func(self *banyan.Self) {
		for i := range 300 {
			_, bad := spawnLab(t, n)
			_, err := banyan.Call(self, bad, ask{func(s *banyan.Self) (int, error) {
				_ = banyan.Defer[int](s)
				panic(errBoom)
			}})
			if !errors.Is(err, banyan.ErrDied) {
				t.Errorf("got %v", err)
			}
			v, err := banyan.Call(self, good, ask{func(*banyan.Self) (int, error) { return i, nil }})
			if v != i || err != nil {
				t.Errorf("call %d got %d, %v", i, v, err)
			}
		}
	})
}

func TestDeferredKeepsTheServerFree(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		got := calling(n, a, ask{func(self *banyan.Self) (int, error) {
			ticket := banyan.Defer[int](self)
			self.Go(func(context.Context) error {
				<-time.After(time.Second)
				return ticket.Reply(1)
			})
			return 0, nil
		}})
		synctest.Wait()
		start := time.Now()
		in(t, n, a, func(*banyan.Self) {})
		if time.Since(start) > 0 {
			t.Error("the server was busy")
		}
		if r := next(t, got); r.v != 1 || r.err != nil {
			t.Fatalf("got %v", r)
		}
	})
}
