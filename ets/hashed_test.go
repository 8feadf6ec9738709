// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"math/rand/v2"
	"testing"
)

// TestHashedRowsAgainstMap drives the rows of one block, with a hash so poor that ways overlap and go round the end.
func TestHashedRowsAgainstMap(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		h := newHashed[int, int](func(k int) uint64 { return uint64(k%5)<<tagShift + ^uint64(k%7) }, 0)
		want := map[int]int{}
		for i := range 2000 {
			k := r.IntN(60)
			_, there := want[k]
			if r.IntN(2) == 0 {
				if added := h.put(k, i); added == there {
					t.Fatalf("seed %d, step %d: put %d says added %v", seed, i, k, added)
				}
				want[k] = i
			} else {
				if ok := h.del(k); ok != there {
					t.Fatalf("seed %d, step %d: del %d says %v", seed, i, k, ok)
				}
				delete(want, k)
			}
			for k := range 60 {
				w, there := want[k]
				if v, ok := h.get(k); v != w || ok != there {
					t.Fatalf("seed %d, step %d: get %d gives %d, %v; want %d, %v", seed, i, k, v, ok, w, there)
				}
			}
			if h.count() != len(want) {
				t.Fatalf("seed %d, step %d: %d rows, want %d", seed, i, h.count(), len(want))
			}
		}
	}
}
