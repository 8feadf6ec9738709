// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/route"
	"github.com/banyan-go/banyan/supervisor"
)

var four = []string{"a@sim", "b@sim", "c@sim", "d@sim"}

// pool starts a pool of clerks on node a, under a supervisor.
func pool(t *testing.T, c *banyantest.Sim, size int, opts ...route.PoolOption) (*banyan.Node, supervisor.Ref) {
	t.Helper()
	a := c.Node("a@sim")
	sup, err := supervisor.New("top", supervisor.OneForOne, route.Pool("clerk", newClerk, size, opts...)).Start(a)
	if err != nil {
		t.Fatal(err)
	}
	return a, sup
}

func explain(t *testing.T, n *banyan.Node) route.Placement {
	t.Helper()
	p, err := route.Explain(outside(n), banyan.At[*route.PoolServer]("clerk", "a@sim"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// spread counts the workers that run, by node.
func spread(t *testing.T, n *banyan.Node) map[banyan.Atom]int {
	t.Helper()
	count := map[banyan.Atom]int{}
	for _, s := range explain(t, n).Slots {
		if !s.PID.IsZero() {
			count[s.PID.Node]++
		}
	}
	return count
}

func expectSpread(t *testing.T, n *banyan.Node, a, b, c, d int) {
	t.Helper()
	want := map[banyan.Atom]int{}
	for i, k := range []int{a, b, c, d} {
		if k > 0 {
			want[banyan.Atom(four[i])] = k
		}
	}
	if got := spread(t, n); !maps.Equal(got, want) {
		t.Fatalf("workers are at %v, want %v\n%+v", got, want, explain(t, n))
	}
}

// A pool spreads over the nodes, refills after the loss of one, and gives one that joins its share, moving no more than that.
func TestPoolFollowsTheNodes(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, seed+1, four, func(t *testing.T, c *banyantest.Sim) {
				var mu sync.Mutex
				var moves []route.Moved
				a, sup := pool(t, c, 12, route.OnMove(func(m route.Moved) {
					mu.Lock()
					defer mu.Unlock()
					moves = append(moves, m)
				}))
				expectSpread(t, a, 3, 3, 3, 3)
				c.Kill("b@sim")
				sleep(100 * time.Millisecond)
				expectSpread(t, a, 4, 0, 4, 4)
				mu.Lock()
				before := len(moves)
				mu.Unlock()
				if before != 15 {
					t.Fatal(before, moves)
				}
				c.Restart("b@sim")
				c.Connect("a@sim", "b@sim")
				sleep(5 * time.Second)
				expectSpread(t, a, 3, 3, 3, 3)
				mu.Lock()
				if joined := moves[before:]; len(joined) != 3 {
					t.Fatal(joined)
				}
				mu.Unlock()
				p := explain(t, a)
				if p.Size != 12 || len(p.Leaving) != 0 || p.Restarts != 0 || len(p.Nodes) != 4 || p.Nodes[0].Why == "" || p.Slots[11].Why == "" {
					t.Fatalf("%+v", p)
				}
				// Seen from another node.
				if q, err := route.Explain(outside(c.Node("b@sim")), banyan.At[*route.PoolServer]("clerk", "a@sim")); err != nil || len(q.Slots) != 12 {
					t.Fatal(q, err)
				}
				if err := supervisor.Stop(outside(a), sup, nil); err != nil {
					t.Fatal(err)
				}
				sleep(time.Second)
				for _, s := range p.Slots {
					if _, alive := c.Node(string(s.PID.Node)).Info(s.PID); alive {
						t.Fatal("a worker outlived the pool:", s)
					}
				}
			})
		})
	}
}

// A partition is a lost node; when it heals the workers come back to it, and those that were there have ended.
func TestPoolPartition(t *testing.T) {
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		a, _ := pool(t, c, 8)
		expectSpread(t, a, 2, 2, 2, 2)
		old := explain(t, a)
		c.Isolate("c@sim")
		sleep(10 * time.Second)
		expectSpread(t, a, 3, 3, 0, 2)
		c.HealAll()
		if err := a.Connect(outside(a), "c@sim"); err != nil {
			t.Fatal(err)
		}
		sleep(5 * time.Second)
		expectSpread(t, a, 2, 2, 2, 2)
		now := map[banyan.PID]bool{}
		for _, s := range explain(t, a).Slots {
			now[s.PID] = true
		}
		for _, s := range old.Slots {
			if _, alive := c.Node(string(s.PID.Node)).Info(s.PID); alive != now[s.PID] {
				t.Fatal(s, alive)
			}
		}
	})
}

// Crashes are counted over all workers, wherever they run; the loss of a node is none.
func TestPoolIntensity(t *testing.T) {
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		a, sup := pool(t, c, 4, route.Intensity(2, time.Minute))
		poolPID := func() banyan.PID {
			pid, _ := a.Whereis("clerk")
			return pid
		}
		first := poolPID()
		kill := func(slot int) {
			ref, err := banyan.RefOf[*clerk](a, explain(t, a).Slots[slot].PID)
			if err == nil {
				err = banyan.Cast(outside(a), ref, crash{})
			}
			if err != nil {
				t.Fatal(err)
			}
			sleep(time.Second)
		}
		c.Kill("d@sim")
		sleep(time.Second)
		kill(0)
		kill(1)
		if p := explain(t, a); p.Restarts != 2 || poolPID() != first {
			t.Fatalf("%+v", p)
		}
		kill(2)
		if poolPID() == first {
			t.Fatal("the pool goes on after three crashes")
		}
		list, err := supervisor.Which(outside(a), sup)
		if err != nil || list[0].Restarts != 1 || list[0].PID != poolPID() {
			t.Fatal(list, err)
		}
		expectSpread(t, a, 2, 1, 1, 0)
	})
}

// Work for some nodes only, by weight, by zone; a node that drains is left.
func TestPoolPlaces(t *testing.T) {
	nodes := func(state route.State) *route.Static {
		return route.NewStatic(route.NodeInfo{Name: "a@sim", Zone: "x"}, route.NodeInfo{Name: "b@sim", Zone: "x", Weight: 2},
			route.NodeInfo{Name: "c@sim", Zone: "y", State: state}, route.NodeInfo{Name: "d@sim", Zone: "y"})
	}
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		a, _ := pool(t, c, 10, route.Over(nodes(route.Up)))
		expectSpread(t, a, 2, 4, 2, 2)
	})
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		a, _ := pool(t, c, 10, route.Over(nodes(route.Draining)), route.Spread(route.Zone))
		expectSpread(t, a, 2, 3, 0, 5)
	})
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		list := nodes(route.Up)
		a, _ := pool(t, c, 6, route.Over(list), route.Where(func(n route.NodeInfo) bool { return n.Zone == "y" }))
		expectSpread(t, a, 0, 0, 3, 3)
		list.Set(route.NodeInfo{Name: "c@sim", Zone: "y", State: route.Draining}, route.NodeInfo{Name: "d@sim", Zone: "y"})
		sleep(5 * time.Second)
		expectSpread(t, a, 0, 0, 0, 6)
	})
}

// No call through a router is lost or doubled while workers move to a new node and away from one that drains.
func TestPoolMovesLoseNothing(t *testing.T) {
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		up := func(drain string, names ...string) (list []route.NodeInfo) {
			for _, n := range names {
				info := route.NodeInfo{Name: banyan.Atom(n)}
				if n == drain {
					info.State = route.Draining
				}
				list = append(list, info)
			}
			return list
		}
		nodes := route.NewStatic(up("", "a@sim", "b@sim")...)
		a, _ := pool(t, c, 6, route.Over(nodes))
		expectSpread(t, a, 3, 3, 0, 0)
		r := route.New(a, route.Workers[*clerk]("clerk", ""), route.Among(nodes))
		far := route.New(c.Node("d@sim"), route.Workers[*clerk]("clerk", "a@sim"), route.Among(nodes))
		const callers, each = 6, 500
		var wg sync.WaitGroup
		for k := range callers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range each {
					n, by := a, r
					if k%2 == 1 {
						n, by = c.Node("d@sim"), far
					}
					if _, err := banyan.Call(outside(n), by, job{k*each + i, 2 * time.Millisecond}); err != nil {
						t.Error(err)
					}
					<-time.After(10 * time.Millisecond)
				}
			}()
		}
		<-time.After(time.Second)
		nodes.Set(up("", "a@sim", "b@sim", "c@sim")...)
		<-time.After(2 * time.Second)
		nodes.Set(up("b@sim", "a@sim", "b@sim", "c@sim")...)
		wg.Wait()
		expectSpread(t, a, 3, 0, 3, 0)
		for id := range callers * each {
			if n := timesDone(id); n != 1 {
				t.Fatalf("job %d was done %d times", id, n)
			}
		}
	})
}

// A pool that has no node for its workers does not start, and says why.
func TestPoolWithoutNodes(t *testing.T) {
	bubble(t, 1, []string{"a@sim"}, func(t *testing.T, c *banyantest.Sim) {
		_, err := supervisor.New("top", supervisor.OneForOne,
			route.Pool("clerk", newClerk, 2, route.Where(func(route.NodeInfo) bool { return false }))).Start(c.Node("a@sim"))
		if !errors.Is(err, route.ErrNoNode) {
			t.Fatal(err)
		}
	})
}
