// SPDX-License-Identifier: Apache-2.0

package ets

// row is a row on its way out.
type row[K comparable, V any] struct {
	k K
	v V
}

// cursor is a place in a table that holds while blocks are split and joined: a hash, or a key.
type cursor[K comparable] struct {
	hash  uint64
	low   K
	keyed bool // ordered: low is where to go on; else at the beginning
	end   bool
}

// page is where rows are put while a block is locked, and handed out from when it is not.
type page[K comparable, V any] struct {
	rows []row[K, V]
	most int // ordered scans: rows at a time; 0 what a block has
}

func (c *core[K, V]) takePage() *page[K, V] {
	if p, ok := c.pages.Get().(*page[K, V]); ok {
		return p
	}
	return &page[K, V]{}
}

func (c *core[K, V]) dropPage(p *page[K, V]) {
	clear(p.rows)
	p.rows, p.most = p.rows[:0], 0
	c.pages.Put(p)
}

// page fills p with the rows of the block at a cursor, and gives the next cursor. The rows are of one moment. None can be
// met twice nor missed, however blocks are split and joined: the cursor moves over keys, not over blocks.
func (c *core[K, V]) page(at cursor[K], p *page[K, V]) cursor[K] {
	for {
		b := c.dir.at(at)
		b.mu.RLock()
		if b.dead {
			b.mu.RUnlock()
			continue
		}
		p.rows = c.dir.collect(b, at, p.rows[:0])
		changed := c.sift(b, p)
		next := c.dir.next(b)
		b.mu.RUnlock()
		c.complain(changed)
		return next
	}
}

// sift drops rows that have expired, and gives those that have changed. With b locked.
func (c *core[K, V]) sift(b *block[K, V], p *page[K, V]) (changed []row[K, V]) {
	if b.due == nil && b.prints == nil {
		return nil
	}
	kept := p.rows[:0]
	for _, x := range p.rows {
		if b.due != nil && c.late(b, x.k) {
			continue
		}
		if b.prints != nil && !c.check.verify(b, x.k, x.v) {
			changed = append(changed, x)
		}
		kept = append(kept, x)
	}
	p.rows = kept
	return changed
}

func (c *core[K, V]) complain(changed []row[K, V]) {
	for _, x := range changed {
		c.check.violated(x.k, x.v)
	}
}
