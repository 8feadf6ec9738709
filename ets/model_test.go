// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is a table of one row per key as a map, to which the real ones are compared.
type model struct {
	rows map[int]int
	old  []frozen // snapshots, and what they must show
}

type frozen struct {
	rows map[int]int
	snap *Snapshot[int, int]
	ord  *OrderedSnapshot[int, int]
}

// TestSetAgainstModel and TestOrderedSetAgainstModel run random programs on a table and on a map. Keys come from ranges of
// several sizes, so that blocks are split and joined.
func TestSetAgainstModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSet[int, int](t)
			against(t, seed, s.Table, nil)
		})
	}
}

func TestOrderedSetAgainstModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newInts(t)
			if seed%2 == 1 {
				s = must[*OrderedSet[int, int]](t)(NewOrderedSetFunc[int, int](startNode(t), "", cmp.Compare[int]))
			}
			against(t, seed, s.Table, s)
		})
	}
}

func against(t *testing.T, seed uint64, s Table[int, int], ord *OrderedSet[int, int]) {
	r := rand.New(rand.NewPCG(seed, 1))
	m := &model{rows: map[int]int{}}
	for phase := range 8 {
		span, deletes := []int{20, 3000, 30000}[r.IntN(3)], r.IntN(8)
		for range 3000 {
			m.step(t, r, s, r.IntN(span)-span/2, deletes)
		}
		if t.Failed() {
			t.Fatalf("phase %d, keys %d, deletes %d", phase, span, deletes)
		}
		m.compare(t, s, ord)
		m.freeze(t, s, ord)
		audit(t, s.core)
		if r.IntN(6) == 0 {
			_ = s.DeleteAll()
			m.rows = map[int]int{}
		}
		if phase == 4 { // down to nothing, one by one, in order
			for _, k := range slices.Sorted(maps.Keys(m.rows)) {
				if ok, err := s.Delete(k); !ok || err != nil {
					t.Fatal(k, ok, err)
				}
			}
			m.rows = map[int]int{}
			audit(t, s.core)
			if n := must[Stats](t)(s.Stats()).Blocks; n > 40 {
				t.Errorf("%d blocks for nothing", n)
			}
		}
	}
	for _, f := range m.old {
		f.check(t)
	}
}

func (m *model) step(t *testing.T, r *rand.Rand, s Table[int, int], k, deletes int) {
	v := r.Int()
	old, was := m.rows[k]
	op := r.IntN(12)
	if op < deletes {
		op = 3
	}
	switch op {
	case 0:
		if ok, err := s.InsertNew(k, v); ok == was || err != nil {
			t.Error("insert new", k, ok, was, err)
		}
		if !was {
			m.rows[k] = v
		}
	case 1:
		if got, ok, err := s.Take(k); ok != was || got != old || err != nil {
			t.Error("take", k, got, ok)
		}
		delete(m.rows, k)
	case 2:
		got, kept, err := s.Compute(k, func(o int, ok bool) (int, bool) {
			if o != old || ok != was {
				t.Error("compute saw", o, ok)
			}
			return o + 1, o%3 != 0
		})
		if kept != (old%3 != 0) || kept && got != old+1 || err != nil {
			t.Error("compute", got, kept, err)
		}
		if delete(m.rows, k); kept {
			m.rows[k] = old + 1
		}
	case 3:
		if ok, err := s.Delete(k); ok != was || err != nil {
			t.Error("delete", k, ok, was)
		}
		delete(m.rows, k)
	case 4:
		if got, err := Add(s, k, 5); got != old+5 || err != nil {
			t.Error("add", got, old)
		}
		m.rows[k] = old + 5
	case 5:
		if got, ok := s.Lookup(k); got != old || ok != was || s.Has(k) != was {
			t.Error("lookup", k, got, ok)
		}
	case 6:
		if ok, err := s.Update(k, func(v int) int { return -v }); ok != was || err != nil {
			t.Error("update", ok)
		}
		if was {
			m.rows[k] = -old
		}
	default:
		if err := s.Insert(k, v); err != nil {
			t.Error(err)
		}
		m.rows[k] = v
	}
}

func (m *model) compare(t *testing.T, s Table[int, int], ord *OrderedSet[int, int]) {
	t.Helper()
	if got := maps.Collect(s.All()); !maps.Equal(got, m.rows) || s.Len() != len(m.rows) {
		t.Fatalf("%d rows, Len %d, want %d", len(got), s.Len(), len(m.rows))
	}
	odd := func(k, _ int) bool { return k%2 != 0 }
	n := 0
	for k := range m.rows {
		if odd(k, 0) {
			n++
		}
	}
	if s.Count(odd) != n {
		t.Error("count")
	}
	if ord != nil {
		compareOrder(t, ord, slices.Sorted(maps.Keys(m.rows)))
	}
}

// compareOrder tries all kinds of bounds on a table with the given keys.
func compareOrder(t *testing.T, s *OrderedSet[int, int], keys []int) {
	t.Helper()
	snap := must[*OrderedSnapshot[int, int]](t)(s.Snapshot())
	try := func(b Bounds[int], in func(int) bool) {
		t.Helper()
		var want []int
		for _, k := range keys {
			if in(k) {
				want = append(want, k)
			}
		}
		var up, down, snapUp, snapDown, picked []int
		for k := range s.Range(b) {
			up = append(up, k)
		}
		for k := range s.SelectRange(b, func(int, int) bool { return true }) {
			picked = append(picked, k)
		}
		for k := range s.Backward(b) {
			down = append(down, k)
		}
		for k := range snap.Range(b) {
			snapUp = append(snapUp, k)
		}
		for k := range snap.Backward(b) {
			snapDown = append(snapDown, k)
		}
		if !slices.Equal(up, want) || !slices.Equal(snapUp, want) || !slices.Equal(picked, want) {
			t.Errorf("range %+v: %d, %d, %d rows, want %d", b, len(up), len(snapUp), len(picked), len(want))
		}
		slices.Reverse(want)
		if !slices.Equal(down, want) || !slices.Equal(snapDown, want) {
			t.Errorf("backward %+v: %d, %d rows, want %d", b, len(down), len(snapDown), len(want))
		}
	}
	try(Bounds[int]{}, func(int) bool { return true })
	for range 20 {
		lo, hi := rand.IntN(2000)-1000, rand.IntN(2000)-1000
		if len(keys) > 0 && rand.IntN(2) == 0 {
			lo, hi = keys[rand.IntN(len(keys))], keys[rand.IntN(len(keys))]
		}
		try(From(lo), func(k int) bool { return k >= lo })
		try(Bounds[int]{}.After(lo), func(k int) bool { return k > lo })
		try(Before(hi), func(k int) bool { return k < hi })
		try(Bounds[int]{}.To(hi), func(k int) bool { return k <= hi })
		try(Between(lo, hi), func(k int) bool { return k >= lo && k < hi })
		try(Bounds[int]{}.After(lo).To(hi), func(k int) bool { return k > lo && k <= hi })
	}
	at := func(i int) (int, bool) {
		if i < 0 || i >= len(keys) {
			return 0, false
		}
		return keys[i], true
	}
	same := func(what string, k int, ok bool, i int) {
		t.Helper()
		if want, there := at(i); k != want || ok != there {
			t.Error(what, k, ok, "want", want, there)
		}
	}
	k, _, ok := s.First()
	same("first", k, ok, 0)
	k, _, ok = s.Last()
	same("last", k, ok, len(keys)-1)
	for range 50 {
		if len(keys) == 0 {
			break
		}
		i := rand.IntN(len(keys))
		k, _, ok = s.Next(keys[i])
		same("next", k, ok, i+1)
		k, _, ok = s.Prev(keys[i])
		same("prev", k, ok, i-1)
	}
}

func (m *model) freeze(t *testing.T, s Table[int, int], ord *OrderedSet[int, int]) {
	f := frozen{rows: maps.Clone(m.rows)}
	if ord != nil {
		f.ord = must[*OrderedSnapshot[int, int]](t)(ord.Snapshot())
		f.snap = &f.ord.Snapshot
	} else {
		f.snap = must[*Snapshot[int, int]](t)(s.Snapshot())
	}
	m.old = append(m.old, f)
}

// check compares a snapshot, however old, with what was there when it was taken.
func (f frozen) check(t *testing.T) {
	t.Helper()
	if got := maps.Collect(f.snap.All()); !maps.Equal(got, f.rows) || f.snap.Len() != len(f.rows) {
		t.Errorf("a snapshot has %d rows, want %d", len(got), len(f.rows))
	}
	for k := -40; k < 40; k++ {
		want, there := f.rows[k]
		if v, ok := f.snap.Lookup(k); v != want || ok != there {
			t.Error("snapshot lookup", k, v, ok)
		}
	}
}
