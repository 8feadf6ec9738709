// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"hash/maphash"
	"sync/atomic"
)

const (
	hashMost  = 384 // rows of a hashed block: as many as there is room for in 512 places
	hashFew   = hashMost / 8
	hashDepth = 4 // 16 blocks at least, so that small tables have several locks
)

// hashDir finds blocks by the first bits of the key's hash: extendible hashing. It grows by halving one block at a time,
// so no insert ever pays for a whole table.
type hashDir[K comparable, V any] struct {
	hash  func(K) uint64
	index atomic.Pointer[hashIndex[K, V]] // copy on write, under the table's structure lock
}

// hashIndex is never changed but for entries of a block that is being replaced. Invariant: blocks[i] has the prefix i in its
// first depth bits.
type hashIndex[K comparable, V any] struct {
	shift  uint8 // 64 - the number of bits that are looked at
	blocks []atomic.Pointer[block[K, V]]
}

func newHashDir[K comparable, V any]() *hashDir[K, V] {
	seed := maphash.MakeSeed()
	d := &hashDir[K, V]{hash: func(k K) uint64 { return maphash.Comparable(seed, k) }}
	d.clear(0)
	return d
}

func (d *hashDir[K, V]) clear(epoch uint64) {
	x := &hashIndex[K, V]{shift: 64 - hashDepth, blocks: make([]atomic.Pointer[block[K, V]], 1<<hashDepth)}
	for i := range x.blocks {
		x.blocks[i].Store(d.block(uint64(i)<<x.shift, hashDepth, 0, epoch))
	}
	d.index.Store(x)
}

func (d *hashDir[K, V]) block(prefix uint64, depth uint8, size int, epoch uint64) *block[K, V] {
	return &block[K, V]{rows: newHashed[K, V](d.hash, size), epoch: epoch, prefix: prefix, depth: depth, stripe: uint8(prefix >> (64 - depth) % stripes)}
}

func (d *hashDir[K, V]) find(k K) (*block[K, V], uint64) {
	hash := d.hash(k)
	x := d.index.Load()
	return x.blocks[hash>>x.shift].Load(), hash
}

func (d *hashDir[K, V]) first() *block[K, V] { return d.index.Load().blocks[0].Load() }

func (d *hashDir[K, V]) after(b *block[K, V]) *block[K, V] {
	next := b.prefix + 1<<(64-b.depth)
	if next == 0 {
		return nil
	}
	x := d.index.Load()
	return x.blocks[next>>x.shift].Load()
}

// put enters a block wherever its prefix leads.
func (x *hashIndex[K, V]) put(b *block[K, V]) {
	from := b.prefix >> x.shift
	for i := range uint64(1) << (64 - b.depth - x.shift) {
		x.blocks[from+i].Store(b)
	}
}

func (d *hashDir[K, V]) full(b *block[K, V]) bool {
	return b.rows.count() > hashMost && b.depth < 28 // a hash that does not spread must not fill memory with directory
}

func (d *hashDir[K, V]) sparse(b *block[K, V]) bool {
	return b.rows.count() < hashFew && b.depth > hashDepth
}

// split puts two blocks in the place of b, each with half of its keys. With the structure and b locked.
func (d *hashDir[K, V]) split(b *block[K, V], _ K) {
	bit := uint64(1) << (63 - b.depth)
	half := [2]*block[K, V]{d.block(b.prefix, b.depth+1, hashMost/2, b.epoch), d.block(b.prefix|bit, b.depth+1, hashMost/2, b.epoch)}
	b.rows.each(func(k K, v V) bool {
		to := half[0]
		if d.hash(k)&bit != 0 {
			to = half[1]
		}
		to.rows.put(k, v)
		to.inherit(b, k)
		return true
	})
	x := d.index.Load()
	if 64-b.depth == x.shift {
		x = x.doubled()
	}
	x.put(half[0])
	x.put(half[1])
	d.index.Store(x)
}

func (x *hashIndex[K, V]) doubled() *hashIndex[K, V] {
	y := &hashIndex[K, V]{shift: x.shift - 1, blocks: make([]atomic.Pointer[block[K, V]], 2*len(x.blocks))}
	for i := range y.blocks {
		y.blocks[i].Store(x.blocks[i/2].Load())
	}
	return y
}

// neighbour is the block that b could be joined with.
func (d *hashDir[K, V]) neighbour(b *block[K, V]) *block[K, V] {
	x := d.index.Load()
	n := x.blocks[(b.prefix^1<<(64-b.depth))>>x.shift].Load()
	if n.depth != b.depth {
		return nil
	}
	return n
}

// join puts one block in the place of two. With the structure and both locked.
func (d *hashDir[K, V]) join(b, n *block[K, V]) bool {
	if b.rows.count()+n.rows.count() > hashMost/2 {
		return false
	}
	both := d.block(b.prefix&n.prefix, b.depth-1, b.rows.count()+n.rows.count(), b.epoch)
	for _, from := range []*block[K, V]{b, n} {
		from.rows.each(func(k K, v V) bool {
			both.rows.put(k, v)
			both.inherit(from, k)
			return true
		})
	}
	d.index.Load().put(both)
	return true
}

func (d *hashDir[K, V]) at(c cursor[K]) *block[K, V] {
	x := d.index.Load()
	return x.blocks[c.hash>>x.shift].Load()
}

func (d *hashDir[K, V]) next(b *block[K, V]) cursor[K] {
	next := b.prefix + 1<<(64-b.depth)
	return cursor[K]{hash: next, end: next == 0}
}

func (d *hashDir[K, V]) collect(b *block[K, V], c cursor[K], list []row[K, V]) []row[K, V] {
	b.rows.each(func(k K, v V) bool {
		if b.prefix >= c.hash || d.hash(k) >= c.hash { // blocks have been joined: some of it was seen before
			list = append(list, row[K, V]{k, v})
		}
		return true
	})
	return list
}
