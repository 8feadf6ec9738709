// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"maps"
	"slices"
	"testing"
)

// TestSelect is about typed predicates: which rows they give, count and delete, of tables and of snapshots, also where nothing in between
// matches for many blocks.
func TestSelect(t *testing.T) {
	n := startNode(t)
	s := must[*Set[int, int]](t)(NewSet[int, int](n, ""))
	o := must[*OrderedSet[int, int]](t)(NewOrderedSet[int, int](n, ""))
	for i := range 10000 {
		_ = s.Insert(i, i%1000)
		_ = o.Insert(i, i%1000)
	}
	seven := func(_, v int) bool { return v == 7 }
	want := []int{7, 1007, 2007, 3007, 4007, 5007, 6007, 7007, 8007, 9007}
	keys := func(rows map[int]int) []int { return slices.Sorted(maps.Keys(rows)) }
	snap, osnap := must[*Snapshot[int, int]](t)(s.Snapshot()), must[*OrderedSnapshot[int, int]](t)(o.Snapshot())
	if got := keys(maps.Collect(s.Select(seven))); !slices.Equal(got, want) {
		t.Error(got)
	}
	if got := keys(maps.Collect(snap.Select(seven))); !slices.Equal(got, want) {
		t.Error(got)
	}
	var got []int
	for k := range o.SelectRange(From(1000).To(9007), seven) {
		got = append(got, k)
	}
	if !slices.Equal(got, want[1:]) {
		t.Error(got)
	}
	if got := s.Count(seven); got != 10 {
		t.Error(got)
	}
	for k := range osnap.Select(seven) {
		if k != 7 {
			t.Error("not the first in order:", k)
		}
		break
	}
	for _, table := range []Table[int, int]{s.Table, o.Table} {
		if n, err := table.DeleteWhere(seven); n != 10 || err != nil || table.Len() != 9990 || table.Count(seven) != 0 {
			t.Error(n, err, table.Len())
		}
		audit(t, table.core)
	}
}

// TestSnapshotHoldsNobodyUp: while a snapshot is half read, everything can be written, and the snapshot does not see it.
func TestSnapshotHoldsNobodyUp(t *testing.T) {
	n := startNode(t)
	for name, s := range map[string]Table[int, int]{
		"set": must[*Set[int, int]](t)(NewSet[int, int](n, "")).Table, "ordered": must[*OrderedSet[int, int]](t)(NewOrderedSet[int, int](n, "")).Table,
	} {
		for i := range 5000 {
			_ = s.Insert(i, i)
		}
		snap, seen := must[*Snapshot[int, int]](t)(s.Snapshot()), 0
		for k, v := range snap.All() {
			if seen++; seen == 100 {
				done := make(chan error)
				go func() { // another goroutine: who held a lock here would hold it up for ever
					for i := range 5000 {
						_ = s.Insert(i, -1)
					}
					done <- s.DeleteAll()
				}()
				if err := <-done; err != nil {
					t.Error(name, err)
				}
			}
			if k != v {
				t.Fatal(name, k, v)
			}
		}
		if seen != 5000 || s.Len() != 0 {
			t.Error(name, seen, s.Len())
		}
	}
}

func TestAddUpTo(t *testing.T) {
	s := newSet[string, int](t)
	for i, step := range []struct{ d, limit, reset, want int }{{4, 10, 0, 4}, {6, 10, 0, 10}, {1, 10, 3, 3}, {-3, 0, 9, 0}, {-1, 0, 9, 9}} {
		if got, err := AddUpTo(s, "k", step.d, step.limit, step.reset); got != step.want || err != nil {
			t.Error(i, got, err)
		}
	}
}
