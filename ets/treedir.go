// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"slices"
	"sync/atomic"
)

const (
	treeMost = 128 // rows of an ordered block: what an insert moves at most
	treeFew  = treeMost / 8
	chunkMax = 128 // blocks of a chunk of the index
)

// treeDir finds blocks by key: a tree of three floors whose two upper ones are never changed in place, so that a look-up
// takes no lock before that of the block it wants.
type treeDir[K comparable, V any] struct {
	order order[K]
	index atomic.Pointer[treeIndex[K, V]] // replaced under the table's structure lock
}

// treeIndex is immutable. lows are the first keys of the chunks.
type treeIndex[K comparable, V any] struct {
	lows   []K
	chunks []*chunk[K, V]
}

// chunk is immutable. lows are those of the blocks; the very first one of a table is not looked at.
type chunk[K comparable, V any] struct {
	lows   []K
	blocks []*block[K, V]
}

func newTreeDir[K comparable, V any](o order[K]) *treeDir[K, V] {
	d := &treeDir[K, V]{order: o}
	d.clear(0)
	return d
}

func (d *treeDir[K, V]) clear(epoch uint64) {
	var low K
	b := &block[K, V]{rows: newSorted[K, V](d.order), epoch: epoch}
	d.index.Store(&treeIndex[K, V]{[]K{low}, []*chunk[K, V]{{[]K{low}, []*block[K, V]{b}}}})
}

// last is the position of the last of lows that is not above k; the first one counts as below everything.
func (d *treeDir[K, V]) last(lows []K, k K) int {
	i, found := d.order(lows[1:], k)
	if found {
		i++
	}
	return i
}

func (d *treeDir[K, V]) find(k K) (*block[K, V], uint64) { return d.blockOf(k), 0 }

func (d *treeDir[K, V]) blockOf(k K) *block[K, V] {
	x := d.index.Load()
	c := x.chunks[d.last(x.lows, k)]
	return c.blocks[d.last(c.lows, k)]
}

func (d *treeDir[K, V]) first() *block[K, V] { return d.index.Load().chunks[0].blocks[0] }

func (d *treeDir[K, V]) end() *block[K, V] {
	x := d.index.Load()
	c := x.chunks[len(x.chunks)-1]
	return c.blocks[len(c.blocks)-1]
}

// place is where a living block stands.
func (d *treeDir[K, V]) place(x *treeIndex[K, V], b *block[K, V]) (i, j int) {
	if x.chunks[0].blocks[0] == b {
		return 0, 0
	}
	i = d.last(x.lows, b.low)
	return i, d.last(x.chunks[i].lows, b.low)
}

// findBelow is the block of the greatest keys below k, and whether it is the table's first.
func (d *treeDir[K, V]) findBelow(k K) (b *block[K, V], first bool) {
	x := d.index.Load()
	i, _ := d.order(x.lows[1:], k)
	c := x.chunks[i]
	j, _ := d.order(c.lows[1:], k)
	return c.blocks[j], i == 0 && j == 0
}

// after is the block behind b, which must be locked, so that it lives.
func (d *treeDir[K, V]) after(b *block[K, V]) *block[K, V] { return d.step(b, 1) }

// before is the block in front of b.
func (d *treeDir[K, V]) before(b *block[K, V]) *block[K, V] { return d.step(b, -1) }

func (d *treeDir[K, V]) step(b *block[K, V], by int) *block[K, V] {
	x := d.index.Load()
	i, j := d.place(x, b)
	j += by
	if j < 0 || j >= len(x.chunks[i].blocks) {
		if i += by; i < 0 || i >= len(x.chunks) {
			return nil
		}
		if j < 0 {
			j = len(x.chunks[i].blocks) - 1
		} else {
			j = 0
		}
	}
	return x.chunks[i].blocks[j]
}

func (d *treeDir[K, V]) full(b *block[K, V]) bool   { return b.rows.count() > treeMost }
func (d *treeDir[K, V]) sparse(b *block[K, V]) bool { return b.rows.count() < treeFew }

// split puts two blocks in the place of b. If new is its last key then keys seem to rise, and all but that stay where they
// are: who inserts in order gets full blocks. With the structure and b locked.
func (d *treeDir[K, V]) split(b *block[K, V], new K) {
	s := b.rows.(*sorted[K, V])
	at := len(s.keys) / 2
	if s.keys[len(s.keys)-1] == new && d.end() == b {
		at = len(s.keys) - 1
	}
	left := &block[K, V]{rows: s.part(0, at), low: b.low, epoch: b.epoch, stripe: b.stripe}
	right := &block[K, V]{rows: s.part(at, len(s.keys)), low: s.keys[at], epoch: b.epoch, stripe: (b.stripe + 1) % stripes}
	for i, k := range s.keys {
		if i < at {
			left.inherit(b, k)
		} else {
			right.inherit(b, k)
		}
	}
	d.replace(b, 1, left, right)
}

// neighbour is the block behind b, or else the one before.
func (d *treeDir[K, V]) neighbour(b *block[K, V]) *block[K, V] {
	if n := d.after(b); n != nil {
		return n
	}
	return d.before(b)
}

// join puts one block in the place of two neighbours. With the structure and both locked.
func (d *treeDir[K, V]) join(b, n *block[K, V]) bool {
	if b.rows.count()+n.rows.count() > treeMost*3/4 {
		return false
	}
	if d.after(b) != n {
		b, n = n, b
	}
	s := b.rows.(*sorted[K, V]).part(0, b.rows.count())
	m := n.rows.(*sorted[K, V])
	s.keys, s.vals = append(s.keys, m.keys...), append(s.vals, m.vals...)
	both := &block[K, V]{rows: s, low: b.low, epoch: b.epoch, stripe: b.stripe}
	for i, k := range s.keys {
		if i < b.rows.count() {
			both.inherit(b, k)
		} else {
			both.inherit(n, k)
		}
	}
	d.replace(b, 2, both)
	return true
}

// replace puts blocks in the place of b and the n-1 that follow it: one new chunk, or two when it has grown too long, and a
// new list of chunks.
func (d *treeDir[K, V]) replace(b *block[K, V], n int, with ...*block[K, V]) {
	x := d.index.Load()
	i, j := d.place(x, b)
	blocks := slices.Clone(x.chunks[i].blocks)
	chunks := 1
	if j+n > len(blocks) { // the neighbour stands in the next chunk
		blocks = append(blocks, x.chunks[i+1].blocks...)
		chunks = 2
	}
	blocks = slices.Replace(blocks, j, j+n, with...)
	y := &treeIndex[K, V]{chunks: slices.Clone(x.chunks)}
	if len(blocks) > chunkMax {
		at := len(blocks) / 2
		if i == len(x.chunks)-1 {
			at = len(blocks) - 1 - chunkMax/8
		}
		y.chunks = slices.Replace(y.chunks, i, i+chunks, newChunk(blocks[:at]), newChunk(blocks[at:]))
	} else {
		y.chunks = slices.Replace(y.chunks, i, i+chunks, newChunk(blocks))
	}
	for _, c := range y.chunks {
		y.lows = append(y.lows, c.lows[0])
	}
	d.index.Store(y)
}

func newChunk[K comparable, V any](blocks []*block[K, V]) *chunk[K, V] {
	c := &chunk[K, V]{blocks: slices.Clone(blocks)}
	for _, b := range blocks {
		c.lows = append(c.lows, b.low)
	}
	return c
}

func (d *treeDir[K, V]) at(c cursor[K]) *block[K, V] {
	if !c.keyed {
		return d.first()
	}
	return d.blockOf(c.low)
}

func (d *treeDir[K, V]) next(b *block[K, V]) cursor[K] {
	n := d.after(b)
	if n == nil {
		return cursor[K]{end: true}
	}
	return cursor[K]{low: n.low, keyed: true}
}

func (d *treeDir[K, V]) collect(b *block[K, V], c cursor[K], list []row[K, V]) []row[K, V] {
	s := b.rows.(*sorted[K, V])
	i := 0
	if c.keyed {
		i, _ = d.order(s.keys, c.low)
	}
	for ; i < len(s.keys); i++ {
		list = append(list, row[K, V]{s.keys[i], s.vals[i]})
	}
	return list
}
