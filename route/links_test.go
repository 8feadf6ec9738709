// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/route"
)

// A linked node that says that it drains gets nothing new within one round trip, without anybody telling the router, and gets its share
// again when it says that it stays.
func TestDrainingIsHeardAtOnce(t *testing.T) {
	const latency = 5 * time.Millisecond
	bubble(t, 1, []string{"a@sim", "b@sim", "c@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a, b := c.Node("a@sim"), c.Node("b@sim")
		refs := append(far(t, a, clerks(t, b, 2)), far(t, a, clerks(t, c.Node("c@sim"), 2))...)
		r := route.New(a, banyan.Refs(refs...), route.RoundRobin, route.Refresh(time.Hour))
		onB := func() int { return handledBy(t, a, r, "b@sim") }
		if n := onB(); n != 20 {
			t.Fatal(n)
		}
		for _, name := range []string{"b@sim", "c@sim"} {
			c.Delay("a@sim", name, latency, latency)
		}
		for _, on := range []bool{true, false} {
			b.SetDraining(on)
			sleep(2 * latency)
			want := 20
			if on {
				want = 0
			}
			if n := onB(); n != want {
				t.Fatalf("draining is %v: %d calls to it", on, n)
			}
		}
		a.SetDraining(true) // of itself a router knows it, too
		if list := route.Links(a).List(); len(list) != 3 || list[0] != (route.NodeInfo{Name: "a@sim", State: route.Draining}) {
			t.Error(list)
		}
	})
}

// What answers tell of other nodes' queues counts: the router has nothing out there, and gives it nothing all the same.
func TestLeastLoadedHearsOtherNodes(t *testing.T) {
	bubble(t, 1, []string{"a@sim", "b@sim", "c@sim"}, func(t *testing.T, c *banyantest.Sim) {
		a := c.Node("a@sim")
		refs := append(far(t, a, clerks(t, c.Node("b@sim"), 1)), far(t, a, clerks(t, c.Node("c@sim"), 1))...)
		r := route.New(a, banyan.Refs(refs...), route.LeastLoaded)
		long := banyan.Within(outside(a), time.Hour)
		first := make(chan banyan.PID)
		go func() {
			pid, err := banyan.Call(long, r, job{Takes: time.Second})
			if err != nil {
				t.Error(err)
			}
			first <- pid
		}()
		sleep(time.Millisecond)
		busy := refs[0]
		if r.Targets()[0].Out == 0 {
			busy = refs[1]
		}
		done := make(chan error)
		for range 20 { // past the router
			go func() {
				_, err := banyan.Call(long, busy, job{Takes: time.Second})
				done <- err
			}()
		}
		if pid := <-first; pid != busy.PID() {
			t.Fatal(pid, "was not expected")
		}
		for _, info := range r.Targets() {
			if info.PID == busy.PID() && (info.Backlog < 19 || info.Service < 900*time.Millisecond) {
				t.Errorf("%+v", info)
			}
		}
		for range 12 {
			if pid, err := banyan.Call(long, r, job{}); err != nil || pid == busy.PID() {
				t.Error(pid, err)
			}
		}
		for range 20 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
