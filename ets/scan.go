// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"iter"
	"slices"
)

// OrderedReader is a Reader of an ordered table.
type OrderedReader[K comparable, V any] struct {
	Reader[K, V]
	Scans[K, V]
}

// Scans are what can be read in order. OrderedSet and OrderedReader have these methods.
type Scans[K comparable, V any] struct {
	of Reader[K, V]
}

// Range gives the rows within bounds in rising order of keys. What it promises is what All does. The body may write to the
// table. It costs a look-up and then a copy of each row; rows are read in parts of about a hundred.
func (s Scans[K, V]) Range(b Bounds[K]) iter.Seq2[K, V] { return s.scan(b, s.up, 0) }

// Backward is Range in falling order.
func (s Scans[K, V]) Backward(b Bounds[K]) iter.Seq2[K, V] { return s.scan(b, s.down, 0) }

// step fills a page with the next rows of a scan and gives what is left of its bounds; more is false if nothing is.
type step[K comparable, V any] func(d *treeDir[K, V], left Bounds[K], p *page[K, V]) (rest Bounds[K], more bool)

func (s Scans[K, V]) scan(b Bounds[K], next step[K, V], most int) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		c := s.of.core
		if !s.of.pass.ok() {
			return
		}
		page := c.takePage()
		page.most = most
		defer c.dropPage(page)
		d := c.dir.(*treeDir[K, V])
		for left, more := b, true; more && s.of.pass.ok(); {
			left, more = next(d, left, page)
			for i := range page.rows {
				if !yield(page.rows[i].k, c.copies.out(page.rows[i].v)) {
					return
				}
			}
		}
	}
}

// up reads one block, the lowest of what is left.
func (s Scans[K, V]) up(d *treeDir[K, V], left Bounds[K], p *page[K, V]) (Bounds[K], bool) {
	for {
		b := d.at(cursor[K]{low: left.lo, keyed: left.low})
		b.mu.RLock()
		if b.dead {
			b.mu.RUnlock()
			continue
		}
		r := b.rows.(*sorted[K, V])
		i, j := left.in(r.keys, d.order)
		p.rows = p.rows[:0]
		more, cut := !left.high || j == len(r.keys), p.most > 0 && j-i > p.most
		if cut {
			j = i + p.most
			left, more = left.After(r.keys[j-1]), true
		}
		for ; i < j; i++ {
			p.rows = append(p.rows, row[K, V]{r.keys[i], r.vals[i]})
		}
		changed := s.of.core.sift(b, p)
		if more && !cut {
			n := d.next(b)
			more = !n.end
			left = left.From(n.low)
		}
		b.mu.RUnlock()
		s.of.core.complain(changed)
		return left, more
	}
}

// down reads one block, the highest of what is left.
func (s Scans[K, V]) down(d *treeDir[K, V], left Bounds[K], p *page[K, V]) (Bounds[K], bool) {
	for {
		b, first := d.highest(&left)
		b.mu.RLock()
		if b.dead {
			b.mu.RUnlock()
			continue
		}
		r := b.rows.(*sorted[K, V])
		i, j := left.in(r.keys, d.order)
		more, below := !first && i == 0, b.low
		p.rows = p.rows[:0]
		if p.most > 0 && j-i > p.most {
			i = j - p.most
			more, below = true, r.keys[i]
		}
		for j--; j >= i; j-- {
			p.rows = append(p.rows, row[K, V]{r.keys[j], r.vals[j]})
		}
		changed := s.of.core.sift(b, p)
		left = left.Before(below)
		b.mu.RUnlock()
		s.of.core.complain(changed)
		return left, more
	}
}

// highest is the block with the highest keys within bounds.
func (d *treeDir[K, V]) highest(left *Bounds[K]) (b *block[K, V], first bool) {
	switch {
	case !left.high:
		b = d.end()
	case left.hiOut:
		return d.findBelow(left.hi)
	default:
		b = d.blockOf(left.hi)
	}
	return b, b == d.first()
}

// First gives the row with the lowest key.
func (s Scans[K, V]) First() (K, V, bool) { return one(s.scan(Bounds[K]{}, s.up, 1)) }

// Last gives the row with the highest key.
func (s Scans[K, V]) Last() (K, V, bool) { return one(s.scan(Bounds[K]{}, s.down, 1)) }

// Next gives the row with the lowest key above k, which need not be in the table.
func (s Scans[K, V]) Next(k K) (K, V, bool) { return one(s.scan(Bounds[K]{}.After(k), s.up, 1)) }

// Prev gives the row with the highest key below k.
func (s Scans[K, V]) Prev(k K) (K, V, bool) { return one(s.scan(Before(k), s.down, 1)) }

func one[K, V any](rows iter.Seq2[K, V]) (k K, v V, ok bool) {
	for k, v := range rows {
		return k, v, true
	}
	return k, v, false
}

// SelectRange gives the rows within bounds for which where is true, in rising order. where gets rows that it must not change or
// keep; only rows that match are copied.
func (s Scans[K, V]) SelectRange(b Bounds[K], where func(k K, v V) bool) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		c := s.of.core
		if !s.of.pass.ok() {
			return
		}
		page := c.takePage()
		defer c.dropPage(page)
		d := c.dir.(*treeDir[K, V])
		for left, more := b, true; more && s.of.pass.ok(); {
			left, more = s.up(d, left, page)
			for _, x := range page.rows {
				if where(x.k, x.v) && !yield(x.k, c.copies.out(x.v)) {
					return
				}
			}
		}
	}
}

// OrderedSnapshot is a Snapshot of an ordered table.
type OrderedSnapshot[K comparable, V any] struct{ Snapshot[K, V] }

// Snapshot gives all rows as they are now, see Reader.Snapshot.
func (s OrderedReader[K, V]) Snapshot() (*OrderedSnapshot[K, V], error) { return s.Scans.snapshot() }

func (s Scans[K, V]) snapshot() (*OrderedSnapshot[K, V], error) {
	snap, err := s.of.Snapshot()
	if err != nil {
		return nil, err
	}
	return &OrderedSnapshot[K, V]{*snap}, nil
}

// Range gives the rows within bounds in rising order.
func (s *OrderedSnapshot[K, V]) Range(b Bounds[K]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		from := 0
		if b.low {
			from = s.core.dir.within(s.parts, b.lo)
		}
		for _, p := range s.parts[from:] {
			r := p.rows.(*sorted[K, V])
			i, j := b.in(r.keys, r.order)
			for k := i; k < j; k++ {
				if !yield(r.keys[k], s.core.copies.out(r.vals[k])) {
					return
				}
			}
			if j < len(r.keys) {
				return
			}
		}
	}
}

// Backward gives the rows within bounds in falling order.
func (s *OrderedSnapshot[K, V]) Backward(b Bounds[K]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		to := len(s.parts)
		if b.high {
			to = s.core.dir.within(s.parts, b.hi) + 1
		}
		for _, p := range slices.Backward(s.parts[:to]) {
			r := p.rows.(*sorted[K, V])
			i, j := b.in(r.keys, r.order)
			for k := j - 1; k >= i; k-- {
				if !yield(r.keys[k], s.core.copies.out(r.vals[k])) {
					return
				}
			}
			if i > 0 {
				return
			}
		}
	}
}
