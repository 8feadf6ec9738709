// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cluster_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
)

var manyMembers = flag.Int("members", 40, "members of TestManyMembers; its nightly form has 1000")

// Members without links between them, as many as the flag says: all find each other, a killed one is given up by all, a part that was cut off
// and given up is taken back by all, and what one says comes to all. The nightly form:
//
//	GOGC=300 go test ./cluster -run ManyMembers -members 1000 -timeout 120m -v
func TestManyMembers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	synctest.Test(t, func(t *testing.T) {
		n := *manyMembers
		w := quietWorld(t, n)
		w.change = func(c *cluster.Config) { c.NoLinks = true }
		cost := newCost(t)
		begun := time.Now()
		w.startAll(func(*cluster.Cluster) {})
		t.Logf("%d members have started after %v", n, time.Since(begun))
		t.Logf("and see each other: %v", w.count(w.names, n, cluster.Member.Usable))
		cost.log("the join")
		<-time.After(10 * time.Second)
		cost.log("a pause")

		victim, others := w.names[n-1], w.names[:n-1]
		w.sim.Kill(victim)
		gone := w.count(others, 1, func(m cluster.Member) bool {
			return m.Name == banyan.Atom(victim) && m.State == cluster.Up && m.Reach == cluster.Unreachable
		})
		t.Logf("a killed one is given up: %v", gone)
		if gone[len(gone)-1] > 20*time.Second {
			t.Errorf("after %v", gone[len(gone)-1])
		}
		cost.log("the kill")

		small := max(n/20, 1)
		cut, rest := others[len(others)-small:], others[:len(others)-small]
		each := func(do func(a, b string)) {
			for _, a := range cut {
				for _, b := range rest {
					do(a, b)
				}
			}
		}
		each(w.sim.Partition)
		t.Logf("%d that are cut off are given up by the rest: %v", small, w.count(rest, len(rest), cluster.Member.Usable))
		each(w.sim.Heal)
		healed := w.count(others, len(others), cluster.Member.Usable)
		t.Logf("and taken back, by all of all: %v", healed)
		if healed[len(healed)-1] > settled {
			t.Errorf("after %v", healed[len(healed)-1])
		}
		cost.log("the cut")

		if err := w.c[w.names[0]].Drain(t.Context()); err != nil {
			t.Error(err)
		}
		t.Logf("one that leaves has left: %v", w.count(others[1:], 1, func(m cluster.Member) bool {
			return m.Name == banyan.Atom(w.names[0]) && m.State == cluster.Left
		}))
		cost.log("the leave")
		w.killAll(others) // one after the other, with a goodbye each, they would need an hour of the simulation
		cost.log("the end")
	})
}

// killAll ends them at one moment.
func (w *world) killAll(names []string) {
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() { w.sim.Kill(name) })
	}
	wg.Wait()
}

// count waits until each of some nodes sees so many members that are as wanted. It looks now and then, for with a thousand nodes there are a million events.
func (w *world) count(names []string, want int, ok func(cluster.Member) bool) (all spread) {
	w.t.Helper()
	start := time.Now()
	for missing := names; len(missing) > 0; {
		if time.Since(start) > 2*time.Minute {
			w.t.Fatalf("%d nodes do not come to see it, among them %s: %s", len(missing), missing[0], what(w.c[missing[0]], ok))
		}
		<-time.After(200 * time.Millisecond)
		var still []string
		for _, name := range missing {
			n := 0
			for m := range w.c[name].Members() {
				if ok(m) {
					n++
				}
			}
			if n == want {
				all = append(all, time.Since(start))
			} else {
				still = append(still, name)
			}
		}
		missing = still
	}
	slices.Sort(all)
	return all
}

// what is what a node sees: how many members in which state, and how many of them are as wanted.
func what(c *cluster.Cluster, ok func(cluster.Member) bool) string {
	seen, wanted := map[string]int{}, 0
	for m := range c.Members() {
		seen[fmt.Sprintf("%v %v", m.State, m.Reach)]++
		if ok(m) {
			wanted++
		}
	}
	return fmt.Sprintf("%v, %d as wanted", seen, wanted)
}

// cost is what the process has used.
type cost struct {
	t   *testing.T
	at  time.Time     // of the simulation
	cpu time.Duration // of the machine
}

func newCost(t *testing.T) *cost { return &cost{t, time.Now(), cpuTime(t)} }

// log tells the cost since the last time.
func (c *cost) log(what string) {
	c.t.Helper()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	was := *c
	c.at, c.cpu = time.Now(), cpuTime(c.t)
	c.t.Logf("%s: %.1f s of the simulation took %.1f s of CPU time; the heap has %d MB, the process %d MB", what, c.at.Sub(was.at).Seconds(),
		(c.cpu - was.cpu).Seconds(), m.HeapAlloc>>20, m.Sys>>20)
}

func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
