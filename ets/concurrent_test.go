// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConcurrentCounters: no addition is lost, however blocks are split, joined and copied meanwhile.
func TestConcurrentCounters(t *testing.T) {
	t.Run("set", func(t *testing.T) { concurrentCounters(t, newSet[int, int](t).Table) })
	t.Run("ordered", func(t *testing.T) { concurrentCounters(t, newInts(t).Table) })
}

func concurrentCounters(t *testing.T, s Table[int, int]) {
	const writers, each, keys = 4, 20000, 3000
	var sum atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { // makes writers copy blocks, and rows come and go
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Snapshot(); err != nil {
				t.Error(err)
			}
			for k := keys; k < keys+2000; k++ {
				if n%2 == 0 {
					_ = s.Insert(k, 0)
				} else {
					_, _ = s.Delete(k)
				}
			}
		}
	})
	for w := range writers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 2))
			for range each {
				d := r.IntN(10)
				if _, err := Add(s, r.IntN(keys), d); err != nil {
					t.Error(err)
				}
				sum.Add(int64(d))
			}
		})
	}
	wg.Wait()
	close(stop)
	others.Wait()
	var got int64
	for _, v := range s.All() {
		got += int64(v)
	}
	if got != sum.Load() {
		t.Errorf("sum %d, want %d", got, sum.Load())
	}
	audit(t, s.core)
}

// TestSnapshotIsOneMoment: writers write a pair of rows, first one then the other, each with a number that rises. A snapshot
// that has the second has the first, at least as new; two snapshots never go back.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Run("set", func(t *testing.T) { oneMoment(t, newSet[int, int](t).Table) })
	t.Run("ordered", func(t *testing.T) { oneMoment(t, newInts(t).Table) })
}

func oneMoment(t *testing.T, s Table[int, int]) {
	const pairs, rounds, far = 40, 400, 1 << 20
	var wg sync.WaitGroup
	var done atomic.Int32
	for w := range 2 {
		wg.Go(func() {
			defer done.Add(1)
			r := rand.New(rand.NewPCG(uint64(w), 3))
			for n := 1; n <= rounds; n++ {
				for p := w; p < pairs; p += 2 {
					_ = s.Insert(p, n)
					_ = s.Insert(p+far, n)
				}
				_ = s.Insert(100+r.IntN(20000), 0) // splits blocks
			}
		})
	}
	last := make(map[int]int)
	for done.Load() < 2 {
		snap, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		for p := range pairs {
			a, _ := snap.Lookup(p)
			b, _ := snap.Lookup(p + far)
			if a != b && a != b+1 {
				t.Fatalf("pair %d: %d was written before %d", p, a, b)
			}
			if b < last[p] {
				t.Fatalf("pair %d went back from %d to %d", p, last[p], b)
			}
			last[p] = b
		}
	}
	wg.Wait()
	audit(t, s.core)
}

// TestIterationMissesNothing: rows that are there all the time come exactly once, while others come and go around them.
func TestIterationMissesNothing(t *testing.T) {
	t.Run("set", func(t *testing.T) { missesNothing(t, newSet[int, int](t).Table, nil) })
	t.Run("ordered", func(t *testing.T) {
		s := newInts(t)
		missesNothing(t, s.Table, s)
	})
}

func missesNothing(t *testing.T, s Table[int, int], ord *OrderedSet[int, int]) {
	const stay = 2000 // keys that are multiples of 10
	for k := range stay {
		_ = s.Insert(k*10, 0)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 4))
			for grow := true; ; grow = !grow {
				for k := range stay * 10 {
					select {
					case <-stop:
						return
					default:
					}
					switch {
					case k%10 == 0:
					case grow:
						_ = s.Insert(k, 1)
					case r.IntN(100) > 0:
						_, _ = s.Delete(k)
					}
				}
			}
		})
	}
	for range 15 {
		seen := map[int]int{}
		last := -1
		for k := range s.All() {
			seen[k]++
			if ord != nil && k <= last {
				t.Fatal("out of order", k, last)
			}
			last = k
		}
		check := func() {
			t.Helper()
			for k := range stay {
				if seen[k*10] != 1 {
					t.Fatalf("row %d came %d times", k*10, seen[k*10])
				}
			}
		}
		check()
		if ord != nil {
			clear(seen)
			for k := range ord.Backward(Bounds[int]{}) {
				seen[k]++
			}
			check()
		}
	}
	close(stop)
	wg.Wait()
	audit(t, s.core)
}

// TestPanicInCompute: the row stays as it was, and nothing stays locked.
func TestPanicInCompute(t *testing.T) {
	s := newSet[string, int](t)
	_ = s.Insert("a", 1)
	func() {
		defer func() { _ = recover() }()
		_, _, _ = s.Compute("a", func(int, bool) (int, bool) { panic("no") })
	}()
	if v, ok := s.Lookup("a"); v != 1 || !ok {
		t.Error(v, ok)
	}
	audit(t, s.core)
}
