// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"slices"
	"strings"
)

// tries bounds how many edges of a search are followed: a database that is thoroughly broken has many cycles, and one is enough.
const tries = 300

// searches look for cycles of one edge of kind by, and otherwise of the kinds in rest. The searches go from the worst anomaly to the
// least, first without the order of time.
var searches = []struct{ by, rest kind }{
	{ww, ww}, {wr, ww | wr}, {rw, ww | wr}, {rw, ww | wr | rw},
	{ww, ww | timed}, {wr, ww | wr | timed}, {rw, ww | wr | timed}, {rw, ww | wr | rw | timed},
}

// cycles reports a cycle of each class that there is.
func (c *lists) cycles(g graph) {
	w := walk{g: g, seen: make([]int, len(g)), came: make([]step, len(g))}
	for _, s := range searches {
		w.parts, w.kinds = components(g, s.by|s.rest), s.rest
		c.search(&w, s.by)
	}
}

// search follows edges of one kind, until one of them leads to a cycle of a new class.
func (c *lists) search(w *walk, by kind) {
	left := tries
	for from := range w.g {
		for _, e := range w.g[from] {
			if e.kind != by || w.parts[from] != w.parts[e.to] {
				continue
			}
			if way := w.path(e.to, from); way != nil && c.cycle(append([]edge{e}, way...), from) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// cycle reports the edges that lead from a transaction back to it, and whether they are of a new class.
func (c *lists) cycle(edges []edge, from int) bool {
	reads, writes, times := 0, 0, 0
	for _, e := range edges {
		switch e.kind {
		case rw:
			reads++
		case wr:
			writes++
		case timed:
			times++
		}
	}
	class := G0
	switch {
	case reads > 1:
		class = G2
	case reads == 1:
		class = GSingle
	case writes > 0:
		class = G1c
	}
	if times > 0 {
		class += Realtime
	}
	txns := []int{from}
	var text strings.Builder
	fmt.Fprintf(&text, "#%d", from)
	for _, e := range edges {
		if e.to < len(c.history) { // and not a moment between two transactions
			fmt.Fprintf(&text, " -%v-> #%d", e.kind, e.to)
			txns = append(txns, e.to)
		}
	}
	return c.report(class, txns[:len(txns)-1], "%s", text.String())
}

// walk looks for ways within a component, by edges of some kinds.
type walk struct {
	g     graph
	parts []int
	kinds kind
	round int
	seen  []int // the round in which a node was last seen
	came  []step
}

// step is how a walk came to a node.
type step struct {
	from int
	edge edge
}

// path is a shortest way, nil if there is none.
func (w *walk) path(from, to int) []edge {
	w.round++
	w.seen[from] = w.round
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		if at := queue[0]; at != to {
			for _, e := range w.g[at] {
				if e.kind&w.kinds != 0 && w.seen[e.to] != w.round && w.parts[e.to] == w.parts[from] {
					w.seen[e.to], w.came[e.to] = w.round, step{at, e}
					queue = append(queue, e.to)
				}
			}
			continue
		}
		way := []edge{}
		for at := to; at != from; at = w.came[at].from {
			way = append(way, w.came[at].edge)
		}
		slices.Reverse(way)
		return way
	}
	return nil
}

// components numbers the strongly connected components, by Tarjan's algorithm: two nodes have one number if each can be reached from the other.
func components(g graph, kinds kind) []int {
	t := &tarjan{g: g, kinds: kinds, index: make([]int, len(g)), low: make([]int, len(g)), part: make([]int, len(g))}
	for v := range g {
		if t.index[v] == 0 {
			t.visit(v)
		}
	}
	return t.part
}

type tarjan struct {
	g     graph
	kinds kind
	next  int
	index []int // when a node was first seen; 0: not yet
	low   []int // the earliest node that is on the stack and can be reached
	part  []int // 0: not known yet
	parts int
	stack []int
}

func (t *tarjan) visit(v int) {
	t.next++
	t.index[v], t.low[v] = t.next, t.next
	t.stack = append(t.stack, v)
	for _, e := range t.g[v] {
		switch {
		case e.kind&t.kinds == 0:
		case t.index[e.to] == 0:
			t.visit(e.to)
			t.low[v] = min(t.low[v], t.low[e.to])
		case t.part[e.to] == 0:
			t.low[v] = min(t.low[v], t.index[e.to])
		}
	}
	if t.low[v] < t.index[v] {
		return
	}
	t.parts++
	for {
		w := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.part[w] = t.parts
		if w == v {
			return
		}
	}
}
