// SPDX-License-Identifier: Apache-2.0

package ets

// rows are the rows of one block. They are changed in place under the block's lock, unless a snapshot holds them too.
type rows[K comparable, V any] interface {
	get(k K) (V, bool)
	getAt(k K, hash uint64) (V, bool) // with the hash that found the block
	put(k K, v V) (added bool)
	putAt(k K, hash uint64, v V) (added bool)
	del(k K) bool
	count() int
	places() int64 // rows that its memory could hold, about
	clone() rows[K, V]
	each(f func(K, V) bool) bool // in order, if there is one; false if f said so
}
