// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/banyan-go/banyan"
)

// Whatever the nodes, their weights, zones and states: moves come to an end, the workers end up on fit nodes and even, and
// a node that joins takes at most 1/n and 5 % of what there is (and one worker, which cannot be halved).
func TestPlanSettles(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := planner{size: r.IntN(60), zones: seed%2 == 1}
		var nodes []NodeInfo
		for i := range 2 + r.IntN(8) {
			nodes = append(nodes, NodeInfo{Name: banyan.Atom(fmt.Sprint("n", i)), Zone: fmt.Sprint("z", r.IntN(3)), Weight: float64(r.IntN(4))})
		}
		count := map[banyan.Atom]int{}
		for range p.size {
			count[p.candidates(nodes, count, nil)[0].Node]++
		}
		settle := func(what string) (moves int) {
			for {
				from, to, why, ok := p.move(nodes, count, nil)
				if !ok {
					return moves
				}
				if count[from] == 0 || from == to || why == "" {
					t.Fatalf("seed %d, %s: a move from %s to %s because %q, with %v", seed, what, from, to, why, count)
				}
				count[from]--
				count[to]++
				if moves++; moves > 3*p.size {
					t.Fatalf("seed %d, %s: it does not end: %v", seed, what, count)
				}
			}
		}
		even := func(what string) {
			t.Helper()
			if p.zones {
				zones := map[string]int{}
				for _, n := range nodes {
					if n.State == Up {
						zones[n.Zone] += count[n.Name]
					}
				}
				for z, k := range zones {
					for y, l := range zones {
						if k > l+1 {
							t.Fatalf("seed %d, %s: zone %s has %d, %s %d", seed, what, z, k, y, l)
						}
					}
				}
				return
			}
			for _, n := range nodes {
				for _, m := range nodes {
					if n.State == Up && m.State == Up && float64(count[n.Name])/weightOf(n) > float64(count[m.Name]+1)/weightOf(m)+1e-6 {
						t.Fatalf("seed %d, %s: %v", seed, what, count)
					}
				}
			}
		}
		if k := settle("start"); k != 0 {
			t.Fatalf("seed %d: %d moves right after the start", seed, k)
		}
		even("start")
		i := r.IntN(len(nodes))
		nodes[i].State = Draining
		had := count[nodes[i].Name]
		if k := settle("drain"); count[nodes[i].Name] != 0 || !p.zones && k != had {
			t.Fatalf("seed %d: %d moves for %d workers of a node that drains, %v", seed, k, had, count)
		}
		even("drain")
		if p.zones {
			continue
		}
		sum := 1.0
		for _, n := range nodes {
			if n.State == Up {
				sum += weightOf(n)
			}
		}
		nodes = append(nodes, NodeInfo{Name: "new"})
		if k := settle("join"); float64(k) > float64(p.size)*(1/sum+0.05)+1 {
			t.Fatalf("seed %d: %d of %d moved to one of %d nodes", seed, k, p.size, len(nodes))
		}
		even("join")
	}
}
