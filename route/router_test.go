// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/route"
)

var policies = []route.Policy{route.Adaptive, route.RoundRobin, route.Random, route.Weighted, route.LeastLoaded, route.TwoChoices}

// A router is a destination for calls and casts; every policy gives each of equal targets its share, near and far.
func TestRouterIsADestination(t *testing.T) {
	bubble(t, 1, []string{"a@sim", "b@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a := c.Node("a@sim")
		refs := append(clerks(t, a, 2), far(t, a, clerks(t, c.Node("b@sim"), 2))...)
		for _, p := range policies {
			r := route.New(a, banyan.Refs(refs...), p, route.Seed(1))
			got := map[banyan.PID]int{}
			for i := range 200 {
				pid, err := banyan.Call(outside(a), r, job{ID: i})
				if err != nil {
					t.Fatal(p, err)
				}
				got[pid]++
			}
			for _, ref := range refs {
				if got[ref.PID()] < 10 && p != route.Adaptive && p != route.TwoChoices { // those two prefer the faster ones
					t.Errorf("%v: %v", p, got)
				}
			}
			if err := banyan.Cast(outside(a), r, pace{}); err != nil {
				t.Error(p, err)
			}
			if _, err := banyan.Call(outside(a), r, refuse{}); !errors.Is(err, errRefused) {
				t.Error(p, err)
			}
			if s := r.Stats(); s.Sent != 202 || s.Answered != 202 {
				t.Errorf("%v: %+v", p, s)
			}
			n := 0
			for reply := range banyan.CallAll(outside(a), r, refuse{}) {
				if !errors.Is(reply.Err, errRefused) {
					t.Error(reply)
				}
				n++
			}
			if n != 4 {
				t.Error(p, n)
			}
		}
	})
}

func TestNoTarget(t *testing.T) {
	n := banyantest.Node(t)
	r := route.New(n, banyan.Refs[*clerk]())
	_, err := banyan.Call(outside(n), r, job{})
	if !errors.Is(err, route.ErrNoTarget) || !errors.Is(err, banyan.ErrNotDelivered) {
		t.Fatal(err)
	}
	if err := banyan.Cast(outside(n), r, pace{}); !errors.Is(err, route.ErrNoTarget) {
		t.Fatal(err)
	}
}

// A target that is gone costs a try, not the call; and then it is not tried any more.
func TestDeadTargets(t *testing.T) {
	bubble(t, 1, []string{"a@sim", "b@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a := c.Node("a@sim")
		refs := append(clerks(t, a, 2), far(t, a, clerks(t, c.Node("b@sim"), 2))...)
		_ = banyan.SendExit(outside(a), refs[1].PID(), banyan.ErrKill)
		c.Kill("b@sim")
		sleep(time.Second)
		r := route.New(a, banyan.Refs(refs...), route.RoundRobin)
		for i := range 100 {
			if pid, err := banyan.Call(outside(a), r, job{ID: i}); err != nil || pid != refs[0].PID() {
				t.Fatal(pid, err)
			}
		}
		if s := r.Stats(); s.Failed > 5 || s.Answered != 100 {
			t.Fatalf("%+v", s)
		}
	})
}

// A node that drains gets nothing from that moment on.
func TestDraining(t *testing.T) {
	bubble(t, 1, []string{"a@sim", "b@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a := c.Node("a@sim")
		nodes := route.NewStatic(route.NodeInfo{Name: "a@sim"}, route.NodeInfo{Name: "b@sim"})
		refs := append(clerks(t, a, 2), far(t, a, clerks(t, c.Node("b@sim"), 2))...)
		r := route.New(a, banyan.Refs(refs...), route.RoundRobin, route.Among(nodes))
		onB := func() int { return handledBy(t, a, r, "b@sim") }
		if n := onB(); n != 20 {
			t.Fatal(n)
		}
		nodes.Set(route.NodeInfo{Name: "a@sim"}, route.NodeInfo{Name: "b@sim", State: route.Draining})
		if n := onB(); n != 0 {
			t.Fatal(n)
		}
		nodes.Set(route.NodeInfo{Name: "a@sim", State: route.Draining}, route.NodeInfo{Name: "b@sim", State: route.Suspect})
		if n := onB(); n != 40 {
			t.Fatal(n, "a suspect is better than nothing")
		}
		nodes.Set(route.NodeInfo{Name: "a@sim", State: route.Draining}, route.NodeInfo{Name: "b@sim", State: route.Draining})
		if _, err := banyan.Call(outside(a), r, job{}); !errors.Is(err, route.ErrNoTarget) {
			t.Fatal(err)
		}
		for _, info := range r.Targets() {
			if info.Open {
				t.Fatal(info)
			}
		}
	})
}

// Messages of one key go to one target, and routers on different nodes agree on which.
func TestKeys(t *testing.T) {
	bubble(t, 1, []string{"a@sim", "b@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a, b := c.Node("a@sim"), c.Node("b@sim")
		refs := append(clerks(t, a, 3), far(t, a, clerks(t, b, 3))...)
		ra, rb := route.New(a, banyan.Refs(refs...)), route.New(b, banyan.Refs(far(t, b, refs)...))
		used := map[banyan.PID]bool{}
		for i := range 60 {
			key := fmt.Sprint("user-", i)
			pid, err := banyan.Call(outside(a), ra.Key(key), job{})
			if err != nil {
				t.Fatal(err)
			}
			used[pid] = true
			for range 3 {
				if again, err := banyan.Call(outside(b), rb.Key(key), job{}); err != nil || again != pid {
					t.Fatal(key, again, pid, err)
				}
			}
		}
		if len(used) != 6 {
			t.Fatal(used)
		}
	})
}

// A hedged call takes no longer than a fast target needs, and no more calls are hedged than the budget allows.
func TestHedge(t *testing.T) {
	bubble(t, 1, []string{"a@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a := c.Node("a@sim")
		refs := clerks(t, a, 4)
		r := route.New(a, banyan.Refs(refs...), route.RoundRobin, route.Hedge(0.05))
		for range 200 {
			if _, err := banyan.Call(outside(a), r, twice{time.Millisecond}); err != nil {
				t.Fatal(err)
			}
		}
		before := r.Stats().Hedged
		if before > 10 {
			t.Fatal(before, "of 200 equal calls were hedged")
		}
		if err := banyan.Cast(outside(a), refs[0], pace{time.Second}); err != nil {
			t.Fatal(err)
		}
		slow := 0
		for range 40 {
			begin := time.Now()
			if _, err := banyan.Call(outside(a), r, twice{time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			if time.Since(begin) > 500*time.Millisecond {
				slow++
			}
		}
		s := r.Stats()
		if hedged := s.Hedged - before; hedged == 0 || hedged > 12 || slow > 4 {
			t.Fatalf("%d hedged, %d slow: %+v", hedged, slow, s)
		}
		if _, err := banyan.Call(outside(a), r, job{}); err != nil { // may not be done twice
			t.Fatal(err)
		}
	})
}

func TestGatherAndBroadcast(t *testing.T) {
	bubble(t, 1, []string{"a@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a := c.Node("a@sim")
		refs := clerks(t, a, 5)
		many := banyan.Refs(refs...)
		if err := banyan.Cast(outside(a), refs[0], pace{time.Hour}); err != nil {
			t.Fatal(err)
		}
		got, err := route.Gather(outside(a), many, job{ID: 1}, 3)
		if len(got) != 3 || err != nil {
			t.Fatal(got, err)
		}
		got, err = route.Gather(outside(a), many, job{ID: 1}, 5)
		if len(got) != 4 || !errors.Is(err, route.ErrTooFew) || !errors.Is(err, banyan.ErrTimeout) {
			t.Fatal(got, err)
		}
		_ = banyan.SendExit(outside(a), refs[1].PID(), banyan.ErrKill)
		sleep(time.Millisecond)
		if err := route.Broadcast(outside(a), many, pace{}); !errors.Is(err, banyan.ErrNoProcess) {
			t.Fatal(err)
		}
	})
}

// Whatever breaks, each call ends in an answer or an error; what was answered was done once, and what was not delivered was
// not done.
func TestCallConservation(t *testing.T) {
	for seed := range uint64(6) {
		p := policies[int(seed)%len(policies)]
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			names := []string{"a@sim", "b@sim", "c@sim", "d@sim"}
			bubble(t, seed+1, names, func(t *testing.T, c *banyantest.Sim) {
				a := c.Node("a@sim")
				refs := clerks(t, a, 2)
				for _, name := range names[1:] {
					refs = append(refs, far(t, a, clerks(t, c.Node(name), 2))...)
				}
				r := route.New(a, banyan.Refs(refs...), p, route.Seed(seed))
				const callers, each = 8, 100
				var wg sync.WaitGroup
				var mu sync.Mutex
				ends := map[int]error{}
				for k := range callers {
					wg.Add(1)
					go func() {
						defer wg.Done()
						chance := rand.New(rand.NewPCG(seed, uint64(k)))
						for i := range each {
							<-time.After(time.Duration(chance.IntN(int(40 * time.Millisecond))))
							id := k*each + i
							_, err := banyan.Call(banyan.Within(outside(a), time.Second), r, job{id, time.Duration(chance.IntN(int(3 * time.Millisecond)))})
							mu.Lock()
							ends[id] = err
							mu.Unlock()
						}
					}()
				}
				<-time.After(300 * time.Millisecond)
				_ = banyan.SendExit(outside(a), refs[1].PID(), banyan.ErrKill)
				c.Kill("b@sim")
				<-time.After(300 * time.Millisecond)
				c.Partition("a@sim", "c@sim")
				<-time.After(500 * time.Millisecond)
				c.Heal("a@sim", "c@sim")
				<-time.After(200 * time.Millisecond)
				c.Reset("a@sim", "d@sim")
				for _, on := range []bool{true, false} { // it leaves, and stays after all
					c.Node("d@sim").SetDraining(on)
					<-time.After(100 * time.Millisecond)
				}
				wg.Wait()
				sleep(10 * time.Second) // what is late is done by now
				answered := 0
				for id := range callers * each {
					err, ended := ends[id]
					done := timesDone(id)
					switch {
					case !ended:
						t.Fatalf("call %d has no end", id)
					case err == nil && done != 1:
						t.Fatalf("call %d was answered, and done %d times", id, done)
					case errors.Is(err, banyan.ErrNotDelivered) && done != 0:
						t.Fatalf("call %d was not delivered, and done %d times: %v", id, done, err)
					case done > 1:
						t.Fatalf("call %d was done %d times: %v", id, done, err)
					case err == nil:
						answered++
					case !errors.Is(err, banyan.ErrTimeout) && !errors.Is(err, banyan.ErrNoConnection) &&
						!errors.Is(err, banyan.ErrDied) && !errors.Is(err, banyan.ErrNotDelivered):
						t.Fatalf("call %d: an error of no known kind: %v", id, err)
					}
				}
				if answered < callers*each*3/4 {
					t.Errorf("%d of %d were answered", answered, callers*each)
				}
				s := r.Stats()
				if s.Sent != s.Answered+s.Failed+s.Silent+s.GivenUp {
					t.Errorf("%+v", s)
				}
				t.Logf("%d of %d answered, %+v", answered, callers*each, s)
			})
		})
	}
}

// Handlers route too, with their own identity.
func TestRouteFromAHandler(t *testing.T) {
	bubble(t, 1, []string{"a@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a := c.Node("a@sim")
		refs := clerks(t, a, 2)
		r := route.New(a, banyan.Refs(refs...), route.RoundRobin)
		done := make(chan error, 1)
		_, err := banyan.Go(a, func(self *banyan.Self) error {
			_, err := banyan.Call(self, r, job{})
			done <- err
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(outside(a))
		cancel()
		if _, err := banyan.Call(ctx, r, job{}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if s := r.Stats(); s.Retried != 0 {
			t.Fatalf("%+v", s)
		}
	})
}
