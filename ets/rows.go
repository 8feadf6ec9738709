// SPDX-License-Identifier: Apache-2.0

package ets

import "maps"

// rows are the rows of one block. They are changed in place under the block's lock, unless a snapshot holds them too.
type rows[K comparable, V any] interface {
	get(k K) (V, bool)
	put(k K, v V) (added bool)
	del(k K) bool
	count() int
	places() int64 // rows that its memory could hold, about
	clone() rows[K, V]
	each(f func(K, V) bool) bool // in order, if there is one; false if f said so
}

// hashed is Go's own map. A map is one word, so that rows hold it without another pointer.
type hashed[K comparable, V any] map[K]V

func (h hashed[K, V]) get(k K) (V, bool) { v, ok := h[k]; return v, ok }

// put finds out by the length whether the key is new, which saves a second look-up.
func (h hashed[K, V]) put(k K, v V) bool {
	n := len(h)
	h[k] = v
	return len(h) != n
}

func (h hashed[K, V]) del(k K) bool {
	n := len(h)
	delete(h, k)
	return len(h) != n
}

func (h hashed[K, V]) count() int { return len(h) }

// clone copies memory, whole groups at a time.
func (h hashed[K, V]) clone() rows[K, V] { return maps.Clone(h) }

func (h hashed[K, V]) each(f func(K, V) bool) bool {
	for k, v := range h {
		if !f(k, v) {
			return false
		}
	}
	return true
}

// places follows how Go's map grows: by doubling, when seven of eight places are taken.
func (h hashed[K, V]) places() int64 {
	n := int64(8)
	for n*7/8 < int64(len(h)) {
		n *= 2
	}
	return n
}
