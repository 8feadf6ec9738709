// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"slices"
	"sort"
)

// kind is why one transaction comes before another; a set of kinds has several bits.
type kind byte

const (
	ww    kind = 1 << iota // the second appended behind the first
	wr                     // the second read what the first had appended last
	rw                     // the first did not read what the second appended
	timed                  // the first had returned when the second was called
)

func (k kind) String() string {
	return map[kind]string{ww: "ww", wr: "wr", rw: "rw", timed: "realtime"}[k]
}

type edge struct {
	to   int
	kind kind
}

// graph has the history's transactions as its first nodes. Behind them comes a node for each return, in the order of time and
// each with an edge to the next: a way through them is one realtime edge, and they are as many as the transactions, not
// as many as the pairs.
type graph [][]edge

func (g graph) add(from, to int, k kind) {
	if from != to {
		g[from] = append(g[from], edge{to, k})
	}
}

// edges makes the graph of what took effect.
func (c *lists) edges() graph {
	g := make(graph, 2*len(c.history))
	c.realtime(g)
	ends := map[string][]int{} // by key: who read all that anybody saw
	for i := range c.history {
		if !c.done[i] {
			continue
		}
		read := map[string]bool{}
		for _, o := range c.history[i].Ops {
			order := c.orders[o.Key]
			if o.Append != 0 || read[o.Key] || !slices.Equal(o.Read, order[:len(o.Read)]) {
				continue
			}
			read[o.Key] = true
			n := len(c.outside(i, o))
			if n > 0 {
				c.link(g, element{o.Key, order[n-1]}, i, wr)
			}
			if n == len(order) {
				ends[o.Key] = append(ends[o.Key], i)
			} else if w, ok := c.writers[element{o.Key, order[n]}]; ok && c.done[w.txn] {
				g.add(i, w.txn, rw)
			}
		}
	}
	for _, key := range c.keys {
		order := c.orders[key]
		for p := 1; p < len(order); p++ {
			if w, ok := c.writers[element{key, order[p]}]; ok && c.done[w.txn] {
				c.link(g, element{key, order[p-1]}, w.txn, ww)
			}
		}
	}
	c.unseen(g, ends)
	return g
}

// link adds an edge from who appended e.
func (c *lists) link(g graph, e element, to int, k kind) {
	if w, ok := c.writers[e]; ok && c.done[w.txn] {
		g.add(w.txn, to, k)
	}
}

// unseen: an append that took effect and that no read has seen came behind everything that was seen.
func (c *lists) unseen(g graph, ends map[string][]int) {
	seen := map[element]bool{}
	for key, values := range c.orders {
		for _, v := range values {
			seen[element{key, v}] = true
		}
	}
	for i := range c.history {
		if !c.done[i] {
			continue
		}
		for _, o := range c.history[i].Ops {
			if o.Append == 0 || seen[element{o.Key, o.Append}] {
				continue
			}
			if order := c.orders[o.Key]; len(order) > 0 {
				c.link(g, element{o.Key, order[len(order)-1]}, i, ww)
			}
			for _, reader := range ends[o.Key] {
				g.add(reader, i, rw)
			}
		}
	}
}

// realtime adds the order of returns and calls.
func (c *lists) realtime(g graph) {
	var returns []int // transactions, by their return
	for i := range c.history {
		if c.done[i] && c.history[i].Outcome != Unknown {
			returns = append(returns, i)
		}
	}
	slices.SortFunc(returns, func(a, b int) int { return cmp.Compare(c.history[a].Return, c.history[b].Return) })
	n := len(c.history)
	for at, i := range returns {
		g.add(i, n+at, timed)
		if at > 0 {
			g.add(n+at-1, n+at, timed)
		}
	}
	for i := range c.history {
		if !c.done[i] {
			continue
		}
		before := sort.Search(len(returns), func(at int) bool { return c.history[returns[at]].Return >= c.history[i].Call })
		if before > 0 {
			g.add(n+before-1, i, timed)
		}
	}
}
