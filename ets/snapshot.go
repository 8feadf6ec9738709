// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"iter"
	"slices"
)

// Snapshot is a table as it was at one moment. It may be read from any goroutine for as long as somebody holds it; the
// garbage collector ends it.
type Snapshot[K comparable, V any] struct {
	core  *core[K, V]
	parts []frozenPart[K, V] // in the order of the directory
	rows  int
}

// frozenPart is one block of the snapshot: from is where it begins. Nobody writes to rows any more.
type frozenPart[K comparable, V any] struct {
	rows   rows[K, V]
	prefix uint64
	low    K
}

// Immutable marks it as safe to share.
func (*Snapshot[K, V]) Immutable() {}

// Snapshot gives all rows as they are now, at one moment: it holds every write that has returned before, and no write
// without those that came before it. Writers are not held up for it. It takes about 30 ns for each 300 rows (for an
// ordered table 100); the first write to such a part afterwards copies it, which takes about a microsecond.
// ErrNoTable if the table is gone.
func (r Reader[K, V]) Snapshot() (*Snapshot[K, V], error) {
	if !r.pass.ok() {
		return nil, r.Err()
	}
	return r.core.snapshot(), nil
}

func (c *core[K, V]) snapshot() *Snapshot[K, V] {
	if c.timed.Load() {
		c.sweep()
	}
	s := &Snapshot[K, V]{core: c}
	c.structure.Lock()
	defer c.structure.Unlock()
	now := c.epoch.Add(1)
	for b := c.dir.first(); b != nil; b = c.dir.after(b) {
		b.mu.Lock()
		r := b.freeze(now)
		b.mu.Unlock()
		s.parts = append(s.parts, frozenPart[K, V]{r, b.prefix, b.low})
		s.rows += r.count()
	}
	return s
}

// Len is the number of rows.
func (s *Snapshot[K, V]) Len() int { return s.rows }

// Lookup gives the value that a key had.
func (s *Snapshot[K, V]) Lookup(k K) (v V, ok bool) {
	v, ok = s.parts[s.core.dir.within(s.parts, k)].rows.get(k)
	if ok {
		v = s.core.copies.out(v)
	}
	return v, ok
}

// All gives every row, in order if the table has one.
func (s *Snapshot[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, p := range s.parts {
			if !p.rows.each(func(k K, v V) bool { return yield(k, s.core.copies.out(v)) }) {
				return
			}
		}
	}
}

// Select gives the rows for which where is true.
func (s *Snapshot[K, V]) Select(where func(k K, v V) bool) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, p := range s.parts {
			if !p.rows.each(func(k K, v V) bool { return !where(k, v) || yield(k, s.core.copies.out(v)) }) {
				return
			}
		}
	}
}

// within is the part that a key belongs to.
func (d *hashDir[K, V]) within(parts []frozenPart[K, V], k K) int {
	h := d.hash(k)
	i, found := slices.BinarySearchFunc(parts, h, func(p frozenPart[K, V], h uint64) int {
		switch {
		case p.prefix < h:
			return -1
		case p.prefix > h:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	return i
}

func (d *treeDir[K, V]) within(parts []frozenPart[K, V], k K) int {
	lo, hi := 1, len(parts) // the first part takes whatever is below the second
	one := make([]K, 1)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		one[0] = parts[mid].low
		if i, found := d.order(one, k); i == 1 || found {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}
