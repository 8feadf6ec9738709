// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
)

// State says what a node is to the groups.
type State byte

// The states.
const (
	Up      State = iota + 1 // it takes part
	Dead                     // it has been silent for long: it is replaced where another node can take its place, and Up again once it is heard
	Leaving                  // it is being taken away, and is replaced in any case; it learns the meta group until it is Gone
	Gone                     // it never comes back: it has left, or its store is lost
)

// String is a word for the state.
func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case Dead:
		return "dead"
	case Leaving:
		return "leaving"
	case Gone:
		return "gone"
	}
	return "unknown"
}

// Node is a node and the store that it keeps its replicas in.
type Node struct {
	ID, Store uint64
	State     State
}

// Want is where a group's replicas should be: node ids, voters in the order of their hashes.
type Want struct{ Voters, Learners []uint64 }

// meta is the group that every node has a replica of.
const meta = 1

// Rule says how many replicas a group has. The zero Rule is none.
type Rule struct {
	// Copies is how many nodes have a replica, as far as there are so many: an odd number, and all of them vote. With an even number of nodes below it one of them
	// learns, since it would make no majority larger.
	Copies int
	// All: besides, all other nodes have a learner.
	All bool
}

// Meta is the rule of the meta group.
var Meta = Rule{5, true}

// Voters is how many voters a group has among so many nodes.
func (r Rule) Voters(nodes int) int {
	n := min(r.Copies, nodes)
	return max(n-(n+1)%2, 1)
}

// replicas is how many replicas a group has among so many nodes.
func (r Rule) replicas(nodes int) int {
	if r.All {
		return nodes
	}
	return min(r.Copies, nodes)
}

// Of works out where a group's replicas should be, given who leads it and who votes now, by node.
func Of(group uint64, rule Rule, nodes []Node, leader uint64, voters []uint64) (w Want) {
	var up, rest []Node
	for _, n := range nodes {
		switch {
		case n.State == Up:
			up = append(up, n)
		case n.State == Dead && slices.Contains(voters, n.ID): // better a voter that may come back than none
			rest = append(rest, n)
		case n.State == Leaving && group == meta: // it leads other groups until they are moved, and must know where to
			w.Learners = append(w.Learners, n.ID)
		}
	}
	count := 0
	for _, n := range nodes {
		if n.State == Up || n.State == Dead {
			count++
		}
	}
	byHash := func(a, b Node) int {
		return cmp.Or(cmp.Compare(hash(group, b.ID), hash(group, a.ID)), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(up, byHash)
	slices.SortFunc(rest, byHash)
	k, copies := rule.Voters(count), rule.replicas(count)
	if k == 1 && copies > 1 { // a voter that works is not moved for the hash's sake
		slices.SortStableFunc(up, func(a, b Node) int { return cmp.Compare(btoi(b.ID == leader), btoi(a.ID == leader)) })
	}
	all := append(up, rest...)
	for i, n := range all {
		switch {
		case i < k:
			w.Voters = append(w.Voters, n.ID)
		case n.State == Up && i < copies:
			w.Learners = append(w.Learners, n.ID)
		}
	}
	return w
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hash is the same everywhere and for ever: groups would move about if it changed.
func hash(group, node uint64) uint64 {
	x := group*0x9e3779b97f4a7c15 ^ node*0xd6e8feb86659fd93
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// Preferred is the voter, by node, that should lead a group, so that leaders are spread: they go round the voters by rising ids.
func Preferred(group uint64, voters []uint64) uint64 {
	if len(voters) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(voters))
	return s[group%uint64(len(s))]
}
