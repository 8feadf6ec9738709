// SPDX-License-Identifier: Apache-2.0

package ets

// Bounds are a range of keys of an ordered table. The zero value is all keys; From, After, To and Before narrow it, each
// giving a new value.
type Bounds[K any] struct {
	lo, hi       K
	low, high    bool // lo, hi count
	loOut, hiOut bool // lo, hi themselves do not belong to it
}

// From is the keys from k on.
func From[K any](k K) Bounds[K] { return Bounds[K]{}.From(k) }

// Before is the keys below k.
func Before[K any](k K) Bounds[K] { return Bounds[K]{}.Before(k) }

// Between is the keys from lo on and below hi, as in a slice.
func Between[K any](lo, hi K) Bounds[K] { return From(lo).Before(hi) }

// From narrows b to keys from k on.
func (b Bounds[K]) From(k K) Bounds[K] { b.lo, b.low, b.loOut = k, true, false; return b }

// After narrows b to keys above k.
func (b Bounds[K]) After(k K) Bounds[K] { b.lo, b.low, b.loOut = k, true, true; return b }

// To narrows b to keys up to k, with k.
func (b Bounds[K]) To(k K) Bounds[K] { b.hi, b.high, b.hiOut = k, true, false; return b }

// Before narrows b to keys below k.
func (b Bounds[K]) Before(k K) Bounds[K] { b.hi, b.high, b.hiOut = k, true, true; return b }

// in gives the positions of a sorted list of keys that lie within b: from i up to j.
func (b *Bounds[K]) in(keys []K, o order[K]) (i, j int) {
	j = len(keys)
	if b.low {
		var found bool
		if i, found = o(keys, b.lo); found && b.loOut {
			i++
		}
	}
	if b.high {
		var found bool
		if j, found = o(keys, b.hi); found && !b.hiOut {
			j++
		}
	}
	return i, max(i, j)
}
