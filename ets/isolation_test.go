// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"errors"
	"testing"
)

type loose struct {
	tags []string
	next *loose
}

// TestRowsAreIsolated: whatever comes in or goes out of a table, by every way there is, is nobody else's.
func TestRowsAreIsolated(t *testing.T) {
	n := startNode(t)
	s := must[*OrderedSet[string, loose]](t)(NewOrderedSet[string, loose](n, ""))
	in := loose{[]string{"a"}, &loose{tags: []string{"b"}}}
	if err := s.Insert("k", in); err != nil {
		t.Fatal(err)
	}
	snap := must[*OrderedSnapshot[string, loose]](t)(s.Snapshot())
	spoil := func(v loose) {
		t.Helper()
		if v.tags[0] != "a" || v.next.tags[0] != "b" {
			t.Fatal("the row was changed:", v.tags, v.next.tags)
		}
		v.tags[0], v.next.tags[0] = "x", "x"
	}
	spoil(in)
	one, _ := s.Lookup("k")
	spoil(one)
	for _, v := range s.All() {
		spoil(v)
	}
	for _, v := range s.Range(From("a")) {
		spoil(v)
	}
	for _, v := range s.Backward(From("a")) {
		spoil(v)
	}
	for _, v := range s.SelectRange(From("a"), func(string, loose) bool { return true }) {
		spoil(v)
	}
	_, v, _ := s.First()
	spoil(v)
	for _, v := range snap.All() {
		spoil(v)
	}
	for _, v := range snap.Range(From("a")) {
		spoil(v)
	}
	v, _ = snap.Lookup("k")
	spoil(v)
	got, kept, err := s.Compute("k", func(v loose, _ bool) (loose, bool) { return v, true })
	if !kept || err != nil {
		t.Fatal(kept, err)
	}
	spoil(got)
	if ok, err := s.InsertNew("n", v); !ok || err != nil {
		t.Fatal(ok, err)
	}
	taken, _, _ := s.Take("k")
	spoil(taken)
	v, _ = snap.Lookup("k")
	spoil(v)

	d := must[*DuplicateBag[string, []string]](t)(NewDuplicateBag[string, []string](n, ""))
	list := []string{"a"}
	_ = d.Insert("k", list)
	list[0] = "x"
	for range 2 {
		got := d.Lookup("k")[0]
		if got[0] != "a" {
			t.Error("a bag's value was changed")
		}
		got[0] = "x"
	}
}

func TestRefusedTypes(t *testing.T) {
	n := startNode(t)
	if _, err := NewSet[*int, int](n, ""); err == nil {
		t.Error("a key that can be changed")
	}
	if _, err := NewSet[int, chan int](n, ""); err == nil {
		t.Error("a value that cannot be copied")
	}
	s := must[*Set[int, any]](t)(NewSet[int, any](n, ""))
	if err := s.Insert(1, make(chan int)); err == nil || s.Has(1) {
		t.Error("a value that cannot be copied, in an interface:", err)
	}
}

// rigid says that it does not change.
type rigid struct{ v []int }

func (rigid) Immutable() {}

// TestCheckedFindsAChangedRow: in debug mode a write to a shared value comes to light at the next read, by whatever way.
func TestCheckedFindsAChangedRow(t *testing.T) {
	for name, read := range map[string]func(*OrderedSet[string, rigid]){
		"lookup": func(s *OrderedSet[string, rigid]) { s.Lookup("k") },
		"all": func(s *OrderedSet[string, rigid]) {
			for range s.All() {
			}
		},
		"range": func(s *OrderedSet[string, rigid]) { s.First() },
	} {
		t.Run(name, func(t *testing.T) {
			var found []Violation
			s := must[*OrderedSet[string, rigid]](t)(NewOrderedSet[string, rigid](startNode(t), "t", Checked(func(v Violation) { found = append(found, v) })))
			v := rigid{[]int{1, 2}}
			_ = s.Insert("k", v)
			_ = s.Insert("other", rigid{[]int{1, 2}})
			if read(s); len(found) != 0 {
				t.Fatal("nothing changed:", found)
			}
			v.v[1] = 3
			if read(s); len(found) != 1 || found[0].Key != "k" || found[0].Table != "t" {
				t.Error(found)
			}
			_ = s.Insert("k", v)
			if read(s); len(found) != 1 {
				t.Error("it is another row now:", found)
			}
		})
	}
}

func TestCheckedPanicsByDefault(t *testing.T) {
	s := must[*Set[string, rigid]](t)(NewSet[string, rigid](startNode(t), "t", Checked(nil)))
	v := rigid{[]int{1}}
	_ = s.Insert("k", v)
	v.v[0] = 2
	defer func() {
		err, _ := recover().(error)
		if got := (Violation{}); !errors.As(err, &got) {
			t.Error(err)
		}
		audit(t, s.core)
	}()
	s.Lookup("k")
}

// deep says that it does not change, and has what can: pointers, maps, interfaces, a cycle.
type deep struct {
	next  *deep
	names map[string]*int
	other any
	f     float64
	ok    bool
}

func (deep) Immutable() {}

// TestCheckedLooksEverywhere: behind whatever a value holds.
func TestCheckedLooksEverywhere(t *testing.T) {
	one := 1
	for name, change := range map[string]func(*deep){
		"nothing":        nil,
		"pointer":        func(d *deep) { d.next.f = 2 },
		"map entry":      func(d *deep) { *d.names["a"] = 2 },
		"new map entry":  func(d *deep) { d.names["b"] = nil },
		"interface":      func(d *deep) { d.other.([]uint16)[0] = 2 },
		"cut the circle": func(d *deep) { d.next.next = nil },
		"bool":           func(d *deep) { d.next.ok = true },
	} {
		found := 0
		s := newSet[int, deep](t, Checked(func(Violation) { found++ }))
		v := deep{next: &deep{f: 1}, names: map[string]*int{"a": &one, "c": nil}, other: []uint16{1}}
		v.next.next = v.next // round
		one = 1
		_ = s.Insert(1, v)
		s.Lookup(1)
		if found != 0 {
			t.Errorf("%s: found before it was done", name)
		}
		if change != nil {
			change(&v)
		}
		if s.Lookup(1); (found != 0) != (change != nil) {
			t.Errorf("%s: found %d", name, found)
		}
	}
}
