// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/banyan-go/banyan"
)

// Candidate is a node as a pool sees it: how many workers it has, and why it gets, or does not get, the next.
type Candidate struct {
	Node    banyan.Atom
	Zone    string
	Workers int
	Share   float64 // workers that it would have if all were spread evenly by weight
	Fit     bool
	Why     string
}

// planner decides where workers go. It is pure.
type planner struct {
	size  int
	zones bool                // spread over zones first
	where func(NodeInfo) bool // nil: anywhere
}

// candidates lists the nodes, the one for the next worker first. count says how many workers a node has, bad why a node is
// not to be tried now.
func (p planner) candidates(nodes []NodeInfo, count map[banyan.Atom]int, bad map[banyan.Atom]string) []Candidate {
	list := make([]Candidate, 0, len(nodes))
	weights := map[banyan.Atom]float64{}
	inZone := map[string]int{}
	sum := 0.0
	for _, n := range nodes {
		c := Candidate{Node: n.Name, Zone: n.Zone, Workers: count[n.Name]}
		switch {
		case n.State != Up:
			c.Why = "it is " + n.State.String()
		case p.where != nil && !p.where(n):
			c.Why = "the pool is not for it"
		case bad[n.Name] != "":
			c.Why = bad[n.Name]
		default:
			c.Fit = true
			w := weightOf(n)
			weights[n.Name] = w
			sum += w
		}
		list = append(list, c)
	}
	for i := range list {
		c := &list[i]
		if !c.Fit {
			continue
		}
		c.Share = float64(p.size) * weights[c.Node] / sum
		inZone[c.Zone] += c.Workers
		c.Why = fmt.Sprintf("it has %d of a share of %.1f", c.Workers, c.Share)
	}
	next := func(c Candidate) float64 { return float64(c.Workers+1) / weights[c.Node] }
	slices.SortStableFunc(list, func(a, b Candidate) int {
		if a.Fit != b.Fit {
			if a.Fit {
				return -1
			}
			return 1
		}
		if !a.Fit {
			return cmp.Compare(a.Node, b.Node)
		}
		if p.zones && a.Zone != b.Zone && inZone[a.Zone] != inZone[b.Zone] {
			return cmp.Compare(inZone[a.Zone], inZone[b.Zone])
		}
		return cmp.Or(cmp.Compare(next(a), next(b)), cmp.Compare(a.Node, b.Node))
	})
	return list
}

// move names the next worker to move, by its node, and where to; ok is false when all is well. A move pays only if it makes
// the two nodes more even than they were, so that moves come to an end: a new node takes no more than its share.
func (p planner) move(nodes []NodeInfo, count map[banyan.Atom]int, bad map[banyan.Atom]string) (from, to banyan.Atom, why string, ok bool) {
	list := p.candidates(nodes, count, bad)
	if len(list) == 0 || !list[0].Fit {
		return "", "", "", false
	}
	known := map[banyan.Atom]NodeInfo{}
	for _, n := range nodes {
		known[n.Name] = n
	}
	for _, name := range sortedNodes(count) {
		n, listed := known[name]
		switch {
		case count[name] == 0:
		case !listed:
			return name, list[0].Node, "its node has left", true
		case n.State == Draining:
			return name, list[0].Node, "its node is draining", true
		case p.where != nil && !p.where(n):
			return name, list[0].Node, "the pool is not for its node", true
		}
	}
	for _, target := range list {
		if !target.Fit {
			break
		}
		if from := p.source(list, target, known); from != "" {
			why := fmt.Sprintf("to spread: %s has %d, %s %d", from, count[from], target.Node, target.Workers)
			return from, target.Node, why, true
		}
		if !p.zones { // those behind have less room
			break
		}
	}
	return "", "", "", false
}

// source is the busiest node that is to give target a worker, "" if none is.
func (p planner) source(list []Candidate, target Candidate, known map[banyan.Atom]NodeInfo) (from banyan.Atom) {
	inZone := map[string]int{}
	for _, c := range list {
		if c.Fit {
			inZone[c.Zone] += c.Workers
		}
	}
	room := float64(target.Workers+1) / weightOf(known[target.Node])
	most := 0.0
	for _, c := range list {
		load := float64(c.Workers) / weightOf(known[c.Node])
		better := load > room+1e-9
		if p.zones && c.Zone != target.Zone {
			better = c.Workers > 0 && inZone[c.Zone] > inZone[target.Zone]+1
		}
		if c.Fit && c.Node != target.Node && better && load > most {
			from, most = c.Node, load
		}
	}
	return from
}

func weightOf(n NodeInfo) float64 {
	if n.Weight <= 0 {
		return 1
	}
	return n.Weight
}

func sortedNodes(count map[banyan.Atom]int) []banyan.Atom {
	names := make([]banyan.Atom, 0, len(count))
	for n := range count {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
