// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"sync"
	"sync/atomic"
)

// block is a part of a table with a lock of its own: the keys whose hash begins with some bits, or a range of keys. A block
// never moves: when it is split or joined it dies, and others take its place in the directory.
type block[K comparable, V any] struct {
	mu   sync.RWMutex
	rows rows[K, V]

	// epoch is that of the last write or snapshot here; saved are the rows that a snapshot under way has not taken yet.
	// Invariant: saved != nil only while the table's structure is locked by a snapshot.
	epoch uint64
	saved rows[K, V]
	// shared: a snapshot holds rows as well, so the next writer makes itself a copy.
	shared bool
	dead   bool
	stripe uint8
	writes uint64

	// due is when rows expire, on the table's clock; nil without expiry. prints are what rows looked like, in debug mode.
	due    map[K]int64
	prints map[K]uint64

	// Where it stands in the directory; fixed.
	prefix uint64 // hashed: the first bits, on the left
	depth  uint8  // hashed: how many
	low    K      // ordered: no key is below it, but in the first block
}

// own makes the rows safe to write to, by the rule of epochs: a snapshot raises the table's epoch, then goes round the
// blocks. Who writes in the new epoch before the snapshot has come by leaves it the old rows. Had a write read the old
// epoch, then so had every write that came before it anywhere: what a snapshot sees is one moment of the whole table.
// With mu held.
func (b *block[K, V]) own(now uint64) (copied bool) {
	switch {
	case b.epoch < now:
		b.saved = b.rows
	case !b.shared:
		return false
	}
	b.rows = b.rows.clone()
	b.epoch, b.shared = now, false
	return true
}

// freeze gives a snapshot its rows. With mu held.
func (b *block[K, V]) freeze(now uint64) rows[K, V] {
	if b.epoch < now || b.saved == nil {
		b.epoch, b.shared = now, true
		return b.rows
	}
	r := b.saved
	b.saved = nil
	return r
}

// bury ends the block; whoever waits for its lock looks the key up again. With mu held.
func (b *block[K, V]) bury() {
	b.dead = true
	b.rows, b.saved, b.due, b.prints = nil, nil, nil, nil
}

const stripes = 16

// stripedCount is a number that many add to: each block has its stripe.
type stripedCount [stripes]struct {
	n atomic.Int64
	_ [56]byte // a cache line each
}

func (c *stripedCount) sum() (n int64) {
	for i := range c {
		n += c[i].n.Load()
	}
	return n
}
