// SPDX-License-Identifier: Apache-2.0

package ets

import "slices"

// hashed keeps the rows of a block by their hash, in two arrays: a byte for each place that tells most keys apart, and the
// rows. A place is looked for from the hash on upwards (linear probing), so a look-up reads one line of each array, and both
// addresses follow from the hash alone: the processor fetches them at the same time. The hash is the one that found the block,
// of whose bits the directory takes the first and this the last.
type hashed[K comparable, V any] struct {
	// Invariant: len(tags) == len(rows) is a power of 2; tags[i] is 0 where rows[i] is free; between a row and the place
	// of its hash no place is free.
	tags []uint8
	rows []row[K, V]
	n    int
	hash func(K) uint64
}

const (
	hashedLeast = 8 // places
	tagShift    = 32
)

// newHashed has room for size rows.
func newHashed[K comparable, V any](hash func(K) uint64, size int) *hashed[K, V] {
	places := hashedLeast
	for size > room(places) {
		places *= 2
	}
	return &hashed[K, V]{make([]uint8, places), make([]row[K, V], places), 0, hash}
}

// room is how many rows may be in so many places: longer ways cost more than memory.
func room(places int) int { return places * 3 / 4 }

// tag is never 0.
func tag(hash uint64) uint8 { return uint8(hash>>tagShift) | 0x80 }

// place finds the row of a key, or the free place where it belongs.
func (h *hashed[K, V]) place(k K, hash uint64) (i int, ok bool) {
	t, last := tag(hash), uint64(len(h.tags)-1)
	for at := hash & last; ; at = (at + 1) & last {
		switch h.tags[at] {
		case t:
			if h.rows[at].k == k {
				return int(at), true
			}
		case 0:
			return int(at), false
		}
	}
}

func (h *hashed[K, V]) get(k K) (V, bool) { return h.getAt(k, h.hash(k)) }

func (h *hashed[K, V]) getAt(k K, hash uint64) (v V, ok bool) {
	i, ok := h.place(k, hash)
	if !ok {
		return v, false
	}
	return h.rows[i].v, true
}

func (h *hashed[K, V]) put(k K, v V) bool { return h.putAt(k, h.hash(k), v) }

func (h *hashed[K, V]) putAt(k K, hash uint64, v V) bool {
	i, ok := h.place(k, hash)
	if ok {
		h.rows[i].v = v
		return false
	}
	if h.n == room(len(h.tags)) {
		h.grow()
		i, _ = h.place(k, hash)
	}
	h.tags[i], h.rows[i] = tag(hash), row[K, V]{k, v}
	h.n++
	return true
}

func (h *hashed[K, V]) grow() {
	g := newHashed[K, V](h.hash, room(2*len(h.tags)))
	for i, t := range h.tags {
		if t != 0 {
			at, _ := g.place(h.rows[i].k, h.hash(h.rows[i].k))
			g.tags[at], g.rows[at] = t, h.rows[i]
		}
	}
	h.tags, h.rows = g.tags, g.rows
}

// del closes the gap with a row from above that may stand there, and then the gap of that one.
func (h *hashed[K, V]) del(k K) bool {
	gap, ok := h.place(k, h.hash(k))
	if !ok {
		return false
	}
	last := len(h.tags) - 1
	for i := (gap + 1) & last; h.tags[i] != 0; i = (i + 1) & last {
		home := int(h.hash(h.rows[i].k)) & last
		if (i-home)&last >= (i-gap)&last {
			h.tags[gap], h.rows[gap] = h.tags[i], h.rows[i]
			gap = i
		}
	}
	h.tags[gap], h.rows[gap] = 0, row[K, V]{}
	h.n--
	return true
}

func (h *hashed[K, V]) count() int { return h.n }

func (h *hashed[K, V]) clone() rows[K, V] {
	return &hashed[K, V]{slices.Clone(h.tags), slices.Clone(h.rows), h.n, h.hash}
}

func (h *hashed[K, V]) each(f func(K, V) bool) bool {
	for i, t := range h.tags {
		if t != 0 && !f(h.rows[i].k, h.rows[i].v) {
			return false
		}
	}
	return true
}

func (h *hashed[K, V]) places() int64 { return int64(len(h.tags)) }
