// SPDX-License-Identifier: Apache-2.0

package check

import "slices"

// index finds who appended what.
func (c *lists) index() {
	seen := map[string]bool{}
	for i := range c.history {
		t := &c.history[i]
		c.done[i] = t.Outcome == Committed
		for j, o := range t.Ops {
			if !seen[o.Key] {
				seen[o.Key] = true
				c.keys = append(c.keys, o.Key)
			}
			if o.Append == 0 {
				continue
			}
			e := element{o.Key, o.Append}
			if old, ok := c.writers[e]; ok {
				c.report(Duplicate, []int{old.txn, i}, "the history itself appends %d twice to %s", o.Append, o.Key)
			}
			last := !slices.ContainsFunc(t.Ops[j+1:], func(p Op) bool { return p.Append != 0 && p.Key == o.Key })
			c.writers[e] = writer{i, last}
		}
	}
}

// order finds in which order the appends to each key took effect: it is the longest read. A transaction of unknown outcome that was seen took
// effect, and then its own reads count, which may show others.
func (c *lists) order() {
	for more := true; more; {
		more = false
		c.orders = map[string][]int64{}
		for i := range c.history {
			for _, o := range c.history[i].Ops {
				if c.done[i] && o.Append == 0 && len(o.Read) > len(c.orders[o.Key]) {
					c.orders[o.Key] = o.Read
				}
			}
		}
		for key, values := range c.orders {
			for _, v := range values {
				if w, ok := c.writers[element{key, v}]; ok && !c.done[w.txn] && c.history[w.txn].Outcome == Unknown {
					c.done[w.txn], more = true, true
				}
			}
		}
	}
}

// local finds what needs no graph.
func (c *lists) local() {
	for i := range c.history {
		if !c.done[i] {
			continue
		}
		c.internal(i)
		for _, o := range c.history[i].Ops {
			if o.Append != 0 {
				continue
			}
			order := c.orders[o.Key]
			if !slices.Equal(o.Read, order[:len(o.Read)]) {
				other := slices.IndexFunc(c.history, func(t Txn) bool {
					return slices.ContainsFunc(t.Ops, func(p Op) bool { return p.Append == 0 && p.Key == o.Key && slices.Equal(p.Read, order) })
				})
				c.report(Fork, []int{i, other}, "two reads of %s, none of which begins the other", o.Key)
				c.values(o.Key, o.Read, i)
			}
			if seen := c.outside(i, o); len(seen) > 0 {
				if w, ok := c.writers[element{o.Key, seen[len(seen)-1]}]; ok && w.txn != i && !w.last {
					c.report(G1b, []int{w.txn, i}, "the second read %s between two appends of the first", o.Key)
				}
			}
		}
	}
	for _, key := range c.keys {
		c.values(key, c.orders[key], -1)
	}
}

// values looks at what a read has seen; of the longest one of a key the reader is not known.
func (c *lists) values(key string, values []int64, reader int) {
	with := func(txns ...int) []int {
		return slices.DeleteFunc(append(txns, reader), func(t int) bool { return t < 0 })
	}
	seen := make(map[int64]bool, len(values))
	for _, v := range values {
		w, ok := c.writers[element{key, v}]
		switch {
		case !ok:
			c.report(Garbage, with(), "%s has %d, which nobody appended", key, v)
		case seen[v]:
			c.report(Duplicate, with(w.txn), "%s has %d twice", key, v)
		case c.history[w.txn].Outcome == Aborted:
			c.report(G1a, with(w.txn), "%s has %d, which was aborted", key, v)
		}
		seen[v] = true
	}
}

// internal: each read of a transaction sees what the one before saw, and then its own appends.
func (c *lists) internal(i int) {
	known := map[string][]int64{} // by key, what is known of its end
	whole := map[string]bool{}    // it is all of it
	for _, o := range c.history[i].Ops {
		k := known[o.Key]
		switch {
		case o.Append != 0:
			known[o.Key] = append(k[:len(k):len(k)], o.Append)
			continue
		case whole[o.Key] && !slices.Equal(o.Read, k), len(o.Read) < len(k), !slices.Equal(o.Read[len(o.Read)-len(k):], k):
			c.report(Internal, []int{i}, "its reads and appends of %s do not agree", o.Key)
		}
		known[o.Key], whole[o.Key] = o.Read, true
	}
}

// outside is what a read saw of others: its transaction's own appends come last.
func (c *lists) outside(i int, o Op) []int64 {
	n := len(o.Read)
	for ; n > 0; n-- {
		if w, ok := c.writers[element{o.Key, o.Read[n-1]}]; !ok || w.txn != i {
			break
		}
	}
	return o.Read[:n]
}
