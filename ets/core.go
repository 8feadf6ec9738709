// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"sync"
	"sync/atomic"
	"time"
)

// directory finds the blocks of a table. Reading it takes no lock; what changes it is called with core.structure held. A new
// block is complete, with its epoch, before it can be found.
type directory[K comparable, V any] interface {
	find(k K) (b *block[K, V], hash uint64) // the hash is for rows.getAt and putAt
	at(c cursor[K]) *block[K, V]
	collect(b *block[K, V], c cursor[K], list []row[K, V]) []row[K, V] // b is locked
	next(b *block[K, V]) cursor[K]                                     // b is locked
	first() *block[K, V]
	after(b *block[K, V]) *block[K, V] // b is locked; nil at the end

	full(b *block[K, V]) bool
	split(b *block[K, V], new K)
	sparse(b *block[K, V]) bool
	neighbour(b *block[K, V]) *block[K, V]
	join(b, n *block[K, V]) bool              // false if they are too large for one
	within(parts []frozenPart[K, V], k K) int // of a snapshot
	clear(epoch uint64)
}

// core is a table: blocks, the directory that finds them, and what holds for all rows. Handles point to it.
//
// Locks: structure, then one block. Under a block's lock structure and other blocks are only tried, never waited for.
type core[K comparable, V any] struct {
	dir       directory[K, V]
	structure sync.Mutex    // held to replace blocks, and by a snapshot while it collects
	epoch     atomic.Uint64 // see block.own; changed with structure held
	rows      stripedCount
	capacity  int64 // rows at most; 0 no bound
	evicts    bool
	ttl       time.Duration // 0: rows stay
	timed     atomic.Bool   // some row may expire
	born      time.Time     // the table's clock starts here
	stats     counters
	copies    isolation[V]
	check     *checker[K, V]    // debug mode; nil without
	notify    func(Event[K, V]) // nil without
	pages     sync.Pool
	bag       *bagHooks[V] // nil: one row per key
}

// clock is the time since the table was made.
func (c *core[K, V]) clock() int64 { return int64(time.Since(c.born)) }

// read gives the row of a key as it is stored.
func (c *core[K, V]) read(k K) (V, bool) {
	for {
		b, hash := c.dir.find(k)
		b.mu.RLock()
		if b.dead {
			b.mu.RUnlock()
			continue
		}
		v, ok := b.rows.getAt(k, hash)
		if b.due != nil && ok {
			ok = !c.late(b, k)
		}
		changed := b.prints != nil && ok && !c.check.verify(b, k, v)
		b.mu.RUnlock()
		if changed {
			c.check.violated(k, v)
		}
		return v, ok
	}
}

// late reports whether a row has expired, with b locked.
func (c *core[K, V]) late(b *block[K, V], k K) bool {
	due, ok := b.due[k]
	return ok && due <= c.clock()
}

// lock gives the block of a key, locked and safe to write to.
func (c *core[K, V]) lock(k K) (b *block[K, V], hash uint64) {
	for {
		b, hash = c.dir.find(k)
		b.mu.Lock()
		if !b.dead {
			b.writes++
			c.ownCounted(b)
			return b, hash
		}
		b.mu.Unlock()
	}
}

func (c *core[K, V]) ownCounted(b *block[K, V]) {
	if b.own(c.epoch.Load()) {
		c.stats.copies.Add(1)
	}
}

// put stores a row, with b locked. ErrFull if there is no room for a new one.
func (c *core[K, V]) put(b *block[K, V], k K, v V, ttl time.Duration) error {
	if c.capacity > 0 {
		if _, old := b.rows.get(k); !old && !c.reserve() {
			return ErrFull
		}
	}
	added := b.rows.put(k, v)
	c.setDue(b, k, ttl)
	if c.check != nil {
		c.check.note(b, k, v)
	}
	if added && c.capacity == 0 {
		c.rows[b.stripe].n.Add(1)
	}
	return nil
}

// reserve takes the place of one more row in a table with a cap; its rows are counted in one stripe, so that it is exact.
func (c *core[K, V]) reserve() bool {
	if c.rows[0].n.Add(1) <= c.capacity {
		return true
	}
	c.rows[0].n.Add(-1)
	return false
}

// remove drops a row, with b locked.
func (c *core[K, V]) remove(b *block[K, V], k K) bool {
	if c.bag != nil {
		c.bag.leaving(b.rows.get(k))
	}
	if !b.rows.del(k) {
		return false
	}
	if b.due != nil {
		delete(b.due, k)
	}
	if b.prints != nil {
		delete(b.prints, k)
	}
	if c.capacity > 0 {
		c.rows[0].n.Add(-1)
	} else {
		c.rows[b.stripe].n.Add(-1)
	}
	return true
}

// unlock ends a write of k. A block that has become too large is replaced, if nobody else is at the structure just now;
// else the next write to it will see to that.
func (c *core[K, V]) unlock(b *block[K, V], k K) {
	if c.dir.full(b) && c.structure.TryLock() {
		c.split(b, k)
		c.structure.Unlock()
	}
	b.mu.Unlock()
}

// unlockSmaller ends a removal. A block with few rows is joined with its neighbour, if both are free.
func (c *core[K, V]) unlockSmaller(b *block[K, V]) {
	if c.dir.sparse(b) && c.structure.TryLock() {
		c.join(b)
		c.structure.Unlock()
	}
	b.mu.Unlock()
}

// split may be called again for what comes out of it: a block that could not be split for a while is larger than two.
func (c *core[K, V]) split(b *block[K, V], k K) {
	c.dir.split(b, k)
	c.bury(b)
	c.stats.splits.Add(1)
}

func (c *core[K, V]) join(b *block[K, V]) {
	n := c.dir.neighbour(b)
	if n == nil || !n.mu.TryLock() {
		return
	}
	if c.dir.join(b, n) {
		c.bury(b)
		c.bury(n)
		c.stats.joins.Add(1)
	}
	n.mu.Unlock()
}

// bury ends a block whose successors are in the directory, and keeps what it counted.
func (c *core[K, V]) bury(b *block[K, V]) {
	c.stats.writes.Add(b.writes)
	b.bury()
}

// empty removes all rows at one moment.
func (c *core[K, V]) empty() {
	c.structure.Lock()
	defer c.structure.Unlock()
	var all []*block[K, V]
	for b := c.dir.first(); b != nil; {
		b.mu.Lock()
		all = append(all, b)
		b = c.dir.after(b)
	}
	c.dir.clear(c.epoch.Load())
	for i := range c.rows {
		c.rows[i].n.Store(0)
	}
	if c.bag != nil {
		c.bag.objects.Store(0)
	}
	for _, b := range all {
		c.bury(b)
		b.mu.Unlock()
	}
}

// inherit takes over what belongs to a row besides its value.
func (b *block[K, V]) inherit(from *block[K, V], k K) {
	if due, ok := from.due[k]; ok {
		if b.due == nil {
			b.due = make(map[K]int64)
		}
		b.due[k] = due
	}
	if print, ok := from.prints[k]; ok {
		if b.prints == nil {
			b.prints = make(map[K]uint64)
		}
		b.prints[k] = print
	}
}
