// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// group is a group that carries its steps out.
type group struct {
	Group
	next uint64
}

func born(id uint64, n Node) *group {
	rule := Rule{Copies: 3}
	if id == meta {
		rule = Meta
	}
	return &group{Group{id, rule, 1, []Replica{{ID: 1, Node: n.ID, Store: n.Store, Voter: true, Heard: true, Ready: true}}}, 2}
}

// take carries a step out, and says what is wrong with it.
func (g *group) take(s Step) error {
	if s.Transfer != 0 {
		i := slices.IndexFunc(g.Replicas, func(r Replica) bool { return r.ID == s.Transfer })
		if i < 0 || !g.Replicas[i].Voter || !g.Replicas[i].Ready {
			return fmt.Errorf("%d is to lead: %+v", s.Transfer, g.Replicas)
		}
		g.Leader = s.Transfer
		return nil
	}
	if s.Add.ID != 0 {
		g.Replicas = append(g.Replicas, Replica{ID: g.next, Node: s.Add.ID, Store: s.Add.Store, Heard: true, Ready: true})
		g.next++
	}
	for i := range g.Replicas {
		r := &g.Replicas[i]
		if slices.Contains(s.Promote, r.ID) {
			if !r.Ready {
				return fmt.Errorf("replica %d is to vote, and has not the log", r.ID)
			}
			r.Voter = true
		}
		if slices.Contains(s.Demote, r.ID) {
			r.Voter = false
		}
	}
	if slices.Contains(s.Remove, g.Leader) || slices.Contains(s.Demote, g.Leader) {
		return fmt.Errorf("the leader ends itself")
	}
	g.Replicas = slices.DeleteFunc(g.Replicas, func(r Replica) bool { return slices.Contains(s.Remove, r.ID) })
	return nil
}

// settle takes steps until there is none, and checks each.
func (g *group) settle(nodes []Node) error {
	least := g.voters()
	for range 100 {
		s := Next(g.Group, nodes)
		if s.None() {
			return nil
		}
		if err := g.take(s); err != nil {
			return fmt.Errorf("%+v: %w", s, err)
		}
		usable := 0
		for _, n := range nodes {
			if n.State == Up || n.State == Dead {
				usable++
			}
		}
		if v := g.voters(); v < min(least, g.Rule.Voters(usable)) {
			return fmt.Errorf("%+v leaves %d voters of %d", s, v, least)
		}
	}
	return fmt.Errorf("it does not come to rest: %+v", g.Replicas)
}

func (g *group) voters() (n int) {
	for _, r := range g.Replicas {
		if r.Voter {
			n++
		}
	}
	return n
}

// shape is "voters+learners".
func (g *group) shape() string { return fmt.Sprintf("%d+%d", g.voters(), len(g.Replicas)-g.voters()) }

// TestGrowAndShrink: from one node to six and back, every group comes to rest with as many voters and learners as the package's comment says.
func TestGrowAndShrink(t *testing.T) {
	metaShapes := []string{"1+0", "1+1", "3+0", "3+1", "5+0", "5+1"}
	dataShapes := []string{"1+0", "1+1", "3+0", "3+0", "3+0", "3+0"}
	nodes := []Node{{1, 101, Up}}
	groups := map[uint64]*group{}
	for id := uint64(1); id <= 9; id++ {
		groups[id] = born(id, nodes[0])
	}
	check := func(n int) {
		t.Helper()
		for id, g := range groups {
			if err := g.settle(nodes); err != nil {
				t.Fatalf("%d nodes, group %d: %v", n, id, err)
			}
			want := dataShapes[n-1]
			if id == meta {
				want = metaShapes[n-1]
			}
			if g.shape() != want {
				t.Errorf("%d nodes: group %d is %s, want %s: %+v", n, id, g.shape(), want, g.Replicas)
			}
		}
	}
	check(1)
	for n := 2; n <= 6; n++ {
		nodes = append(nodes, Node{uint64(n), uint64(100 + n), Up})
		check(n)
	}
	for n := 5; n >= 1; n-- { // the first nodes, which had everything once, leave first
		nodes[0].State = Leaving
		for id, g := range groups {
			err := g.settle(nodes)
			for _, r := range g.Replicas {
				if r.Node == nodes[0].ID && (id != meta || r.Voter) {
					err = fmt.Errorf("a replica is left on the node that leaves")
				}
			}
			if err != nil {
				t.Fatalf("%d nodes, group %d: %v: %+v", n, id, err, g.Replicas)
			}
		}
		nodes[0].State = Gone
		check(n)
		nodes = nodes[1:]
	}
}

// TestDead: a dead voter is replaced when there is another node, and kept when there is none; a lost store is replaced under a new id.
func TestDead(t *testing.T) {
	nodes := []Node{{1, 101, Up}, {2, 102, Up}, {3, 103, Up}}
	g := born(2, nodes[0])
	if err := g.settle(nodes); err != nil || g.shape() != "3+0" {
		t.Fatal(g.shape(), err)
	}
	silent := func(node uint64) {
		for i := range g.Replicas {
			if g.Replicas[i].Node == node {
				g.Replicas[i].Heard, g.Replicas[i].Ready = false, false
			}
		}
	}
	silent(3)
	nodes[2].State = Dead
	if s := Next(g.Group, nodes); !s.None() {
		t.Errorf("nobody can take the place of the dead one, and yet: %+v", s)
	}
	nodes = append(nodes, Node{4, 104, Up})
	if err := g.settle(nodes); err != nil || g.shape() != "3+0" {
		t.Fatal(g.shape(), err)
	}
	for _, r := range g.Replicas {
		if r.Node == 3 {
			t.Errorf("the dead node still votes: %+v", g.Replicas)
		}
	}
	// The leader's node is well, another one comes back with an empty disk: it is node 5 now.
	nodes = []Node{{1, 101, Up}, {2, 102, Gone}, {4, 104, Up}, {5, 105, Up}}
	g = born(2, nodes[0])
	g.Replicas = append(g.Replicas, Replica{ID: 2, Node: 2, Store: 102, Voter: true}, Replica{ID: 3, Node: 4, Store: 104, Voter: true, Heard: true, Ready: true})
	g.next = 4
	if err := g.settle(nodes); err != nil || g.shape() != "3+0" || slices.ContainsFunc(g.Replicas, func(r Replica) bool { return r.ID == 2 }) {
		t.Errorf("%v: %+v", err, g.Replicas)
	}
}

// TestSilentLearner: one that was added and fell silent holds up nobody else, and gets no vote.
func TestSilentLearner(t *testing.T) {
	nodes := []Node{{1, 101, Up}, {2, 102, Up}, {3, 103, Up}}
	g := born(1, nodes[0])
	g.Replicas = append(g.Replicas, Replica{ID: 2, Node: 2, Store: 102})
	g.next = 3
	if s := Next(g.Group, nodes); s.Add.ID != 3 {
		t.Fatalf("%+v, want node 3 added", s)
	} else if err := g.take(s); err != nil {
		t.Fatal(err)
	}
	if s := Next(g.Group, nodes); !s.None() {
		t.Errorf("%+v, with one of three wanted voters silent", s)
	}
}

// TestFewMoves: a node more moves few groups, and leaders are spread.
func TestFewMoves(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		n := 3 + r.IntN(20)
		nodes := make([]Node, n)
		for i := range nodes {
			nodes[i] = Node{uint64(i + 1), uint64(i + 101), Up}
		}
		moved, leads := 0, map[uint64]int{}
		for g := uint64(2); g < 66; g++ {
			before := Of(g, Rule{Copies: 3}, nodes[:n-1], 0, nil).Voters
			if after := Of(g, Rule{Copies: 3}, nodes, 0, nil).Voters; n > 3 && len(before) == 3 {
				for _, id := range after {
					if !slices.Contains(before, id) {
						moved++
					}
				}
			}
			leads[Preferred(g, Of(g, Rule{Copies: 3}, nodes, 0, nil).Voters)]++
		}
		if limit := 3 * 64 * 2 / n; moved > limit {
			t.Errorf("%d nodes: %d of 192 replicas move for one more, want %d at most", n, moved, limit)
		}
		for id, k := range leads {
			if k > 4*64/n+6 {
				t.Errorf("%d nodes: node %d should lead %d of 64 groups", n, id, k)
			}
		}
	}
}

// TestRules: groups have as many replicas as their rule says, as far as there are nodes, and those of one copy are spread.
func TestRules(t *testing.T) {
	shapes := map[Rule][]string{
		{1, false}: {"1+0", "1+0", "1+0", "1+0", "1+0", "1+0", "1+0", "1+0"},
		{5, false}: {"1+0", "1+1", "3+0", "3+1", "5+0", "5+0", "5+0", "5+0"},
		{7, false}: {"1+0", "1+1", "3+0", "3+1", "5+0", "5+1", "7+0", "7+0"},
		{3, true}:  {"1+0", "1+1", "3+0", "3+1", "3+2", "3+3", "3+4", "3+5"},
	}
	for rule, want := range shapes {
		nodes := []Node{{1, 101, Up}}
		groups := map[uint64]*group{}
		for id := uint64(20); id < 28; id++ {
			groups[id] = born(id, nodes[0])
			groups[id].Rule = rule
		}
		for n := 1; n <= len(want); n++ {
			homes := map[uint64]bool{}
			for id, g := range groups {
				if err := g.settle(nodes); err != nil || g.shape() != want[n-1] {
					t.Errorf("%+v, %d nodes, group %d: %s, want %s: %v", rule, n, id, g.shape(), want[n-1], err)
				}
				homes[g.Replicas[0].Node] = true
			}
			if rule.Copies == 1 && n >= 4 && len(homes) < 3 {
				t.Errorf("8 groups of one copy are on nodes %v of %d", homes, n)
			}
			nodes = append(nodes, Node{uint64(n + 1), uint64(n + 101), Up})
		}
	}
}

// TestLostInPlace: a replica that is lost in a store that is well is removed before the store gets another one, a voter and a learner alike.
func TestLostInPlace(t *testing.T) {
	nodes := []Node{{1, 101, Up}, {2, 102, Up}, {3, 103, Up}, {4, 104, Up}}
	for _, id := range []uint64{meta, 2} {
		g := born(id, nodes[0])
		if err := g.settle(nodes); err != nil {
			t.Fatal(err)
		}
		for i := range g.Replicas {
			if r := &g.Replicas[i]; r.ID != g.Leader {
				lost, shape := r.ID, g.shape()
				r.Lost, r.Heard, r.Ready = true, false, false
				if s := Next(g.Group, nodes); !slices.Equal(s.Remove, []uint64{lost}) {
					t.Errorf("%+v, want %d removed", s, lost)
				} else if err := g.take(s); err != nil {
					t.Fatal(err)
				}
				if err := g.settle(nodes); err != nil || g.shape() != shape {
					t.Errorf("%s, want %s: %v", g.shape(), shape, err)
				}
				if slices.ContainsFunc(g.Replicas, func(r Replica) bool { return r.ID == lost }) {
					t.Errorf("the lost replica is there again: %+v", g.Replicas)
				}
			}
		}
	}
}
