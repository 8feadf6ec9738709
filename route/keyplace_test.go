// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/route"
)

// When a node leaves, its share of the keys moves, at once; when it comes back, the same ones move back, little by little. Events tell how
// many, and Explain where each is.
func TestKeysFollowTheNodes(t *testing.T) {
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		const keys = 2000
		a, d := c.Node("a@sim"), c.Node("d@sim")
		var refs []banyan.Ref[*clerk]
		for _, name := range four {
			refs = append(refs, far(t, a, clerks(t, c.Node(name), 2))...)
		}
		var mu sync.Mutex
		var events []route.TargetsChanged
		r := route.New(a, banyan.Refs(refs...), route.SlowStart(20*time.Second), route.OnChange(func(e route.TargetsChanged) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		}))
		at := map[int]banyan.PID{}
		look := func() (moved int) {
			for k := range keys {
				p, err := r.Explain(outside(a), fmt.Sprint(k))
				if err != nil || len(p.Ranking) != 8 || p.Why == "" {
					t.Fatal(p, err)
				}
				if k%100 == 0 {
					if pid, err := banyan.Call(outside(a), r.Key(fmt.Sprint(k)), job{}); err != nil || pid != p.Target {
						t.Fatal("it went to", pid, "and Explain says", p, err)
					}
				}
				if at[k] != p.Target {
					moved++
				}
				at[k] = p.Target
			}
			return moved
		}
		look()
		start := map[int]banyan.PID{}
		for k, pid := range at {
			start[k] = pid
		}
		most := keys/4 + keys/20
		d.SetDraining(true)
		sleep(time.Second)
		if moved := look(); moved == 0 || moved > most {
			t.Errorf("%d of %d keys moved as one of four nodes left", moved, keys)
		}
		if p, _ := r.Explain(outside(a), "0"); !strings.Contains(fmt.Sprint(p.Ranking), "leaving") {
			t.Error(p)
		}
		sleep(30 * time.Second)
		d.SetDraining(false)
		all := 0
		for range 25 { // each a second
			sleep(time.Second)
			moved := look()
			if all += moved; moved > most/4 {
				t.Errorf("%d keys moved within a second", moved)
			}
		}
		for k, pid := range start {
			if at[k] != pid {
				t.Fatal("key", k, "is at", at[k], "and was at", pid)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(events) != 2 || len(events[0].Left) != 2 || len(events[1].Joined) != 2 || math.Abs(events[0].Keys-0.25) > 0.01 || math.Abs(events[1].Keys-0.25) > 0.01 {
			t.Errorf("%+v", events)
		}
	})
}
