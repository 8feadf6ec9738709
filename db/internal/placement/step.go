// SPDX-License-Identifier: Apache-2.0

package placement

import "slices"

// Replica is a replica of a group as its leader sees it.
type Replica struct {
	ID, Node, Store uint64
	Voter           bool
	// Heard: its node is not silent. Ready: and it has the log but for the last entries.
	Heard, Ready bool
	// Lost: it does not run, and never will again.
	Lost bool
}

// Group is a group as its leader sees it.
type Group struct {
	ID       uint64
	Rule     Rule
	Leader   uint64 // replica
	Replicas []Replica
}

// Step is the next change of a group; the zero Step: there is none.
type Step struct {
	// Add is a node to get a new replica, a learner.
	Add Node
	// Promote are learners that become voters, Demote voters that become learners, Remove replicas that end: all in one change.
	Promote, Demote, Remove []uint64
	// Transfer is the replica to lead from now on.
	Transfer uint64
}

// None reports whether there is nothing to do.
func (s Step) None() bool {
	return s.Add.ID == 0 && s.Transfer == 0 && len(s.Promote)+len(s.Demote)+len(s.Remove) == 0
}

// Next is what the leader of a group does next.
func Next(g Group, nodes []Node) Step {
	node := map[uint64]Node{}
	for _, n := range nodes {
		node[n.ID] = n
	}
	// A replica in another store than its node's is one that was lost.
	lives := func(r Replica) bool { return !r.Lost && node[r.Node].Store == r.Store && node[r.Node].State != Gone }
	at := map[uint64]Replica{}
	var voters []uint64
	leader := uint64(0)
	for _, r := range g.Replicas {
		if !lives(r) {
			continue
		}
		at[r.Node] = r
		if r.Voter {
			voters = append(voters, r.Node)
		}
		if r.ID == g.Leader {
			leader = r.Node
		}
	}
	if leader == 0 {
		return Step{} // who leads is not known yet as a node: it will be
	}
	w := Of(g.ID, g.Rule, nodes, leader, voters)
	if len(w.Voters) == 0 {
		return Step{}
	}
	wanted := append(slices.Clone(w.Voters), w.Learners...)
	for _, r := range at {
		if !r.Voter && !r.Ready && r.Heard && slices.Contains(wanted, r.Node) {
			return Step{} // one at a time: it is being filled
		}
	}
	for _, id := range wanted {
		if _, ok := at[id]; !ok {
			if old := inTheWay(g, node[id]); old != 0 {
				return Step{Remove: []uint64{old}}
			}
			return Step{Add: node[id]}
		}
	}
	return change(g, w, at, lives)
}

// inTheWay is the replica that is lost in the store of a node, which has room for one of each group; 0: there is none.
func inTheWay(g Group, n Node) uint64 {
	for _, r := range g.Replicas {
		if r.Lost && r.Node == n.ID && r.Store == n.Store {
			return r.ID
		}
	}
	return 0
}

// change has a replica wherever one is wanted: who shall vote, and who goes?
func change(g Group, w Want, at map[uint64]Replica, lives func(Replica) bool) (s Step) {
	ready := []uint64{} // wanted voters that can lead from now on
	for _, id := range w.Voters {
		r := at[id]
		switch {
		case !r.Voter && !r.Ready:
			return Step{} // it has fallen silent: who votes now goes on
		case !r.Voter:
			s.Promote = append(s.Promote, r.ID)
		case r.Ready:
			ready = append(ready, r.ID)
		}
	}
	leaderGoes := false
	for _, r := range g.Replicas {
		switch {
		case lives(r) && slices.Contains(w.Voters, r.Node), lives(r) && !r.Voter && slices.Contains(w.Learners, r.Node):
		case r.ID == g.Leader:
			leaderGoes = true // not by its own hand
		case lives(r) && slices.Contains(w.Learners, r.Node):
			s.Demote = append(s.Demote, r.ID)
		default:
			s.Remove = append(s.Remove, r.ID)
		}
	}
	if len(s.Promote)+len(s.Demote)+len(s.Remove) == 0 && leaderGoes && len(ready) > 0 {
		s.Transfer = ready[int(g.ID%uint64(len(ready)))]
	}
	return s
}
