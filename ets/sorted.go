// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"cmp"
	"slices"
)

// order is how the keys of an ordered table compare, as a search: the position of k in keys, or where it belongs.
// A search in place of a comparison lets the compiler inline the comparison of simple keys.
type order[K any] func(keys []K, k K) (int, bool)

// natural is Go's own order; NaN comes first, as in package cmp.
func natural[K cmp.Ordered](keys []K, k K) (int, bool) {
	lo, hi := 0, len(keys)
	if k != k {
		return slices.BinarySearch(keys, k)
	}
	for lo < hi { // NaN < k is false, and NaN stands first: !(key >= k) finds it
		mid := int(uint(lo+hi) >> 1)
		if !(keys[mid] >= k) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(keys) && keys[lo] == k
}

func orderBy[K any](compare func(a, b K) int) order[K] {
	return func(keys []K, k K) (int, bool) { return slices.BinarySearchFunc(keys, k, compare) }
}

// sorted keeps its rows in two arrays, so that a search touches keys only and a scan runs over memory.
type sorted[K comparable, V any] struct {
	// Invariant: keys rise strictly, and len(keys) == len(vals).
	keys  []K
	vals  []V
	order order[K]
}

func newSorted[K comparable, V any](o order[K]) *sorted[K, V] { return &sorted[K, V]{order: o} }

func (s *sorted[K, V]) get(k K) (V, bool) {
	i, ok := s.order(s.keys, k)
	if !ok {
		var zero V
		return zero, false
	}
	return s.vals[i], true
}

func (s *sorted[K, V]) getAt(k K, _ uint64) (V, bool) { return s.get(k) }

func (s *sorted[K, V]) putAt(k K, _ uint64, v V) bool { return s.put(k, v) }

func (s *sorted[K, V]) put(k K, v V) bool {
	i, ok := s.order(s.keys, k)
	if ok {
		s.vals[i] = v
		return false
	}
	s.keys, s.vals = slices.Insert(s.keys, i, k), slices.Insert(s.vals, i, v)
	return true
}

func (s *sorted[K, V]) del(k K) bool {
	i, ok := s.order(s.keys, k)
	if ok {
		s.keys, s.vals = slices.Delete(s.keys, i, i+1), slices.Delete(s.vals, i, i+1)
	}
	return ok
}

func (s *sorted[K, V]) count() int { return len(s.keys) }

func (s *sorted[K, V]) clone() rows[K, V] {
	return &sorted[K, V]{slices.Clone(s.keys), slices.Clone(s.vals), s.order}
}

func (s *sorted[K, V]) each(f func(K, V) bool) bool {
	for i, k := range s.keys {
		if !f(k, s.vals[i]) {
			return false
		}
	}
	return true
}

// part copies the rows from i to j into a block of their own, with room to grow.
func (s *sorted[K, V]) part(i, j int) *sorted[K, V] {
	p := newSorted[K, V](s.order)
	p.keys = append(make([]K, 0, max(j-i, 8)*5/4), s.keys[i:j]...)
	p.vals = append(make([]V, 0, cap(p.keys)), s.vals[i:j]...)
	return p
}

func (s *sorted[K, V]) places() int64 { return int64(cap(s.keys)) }
