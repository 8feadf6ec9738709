// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBagAgainstModel runs random programs on both kinds of bags and on a map of lists.
func TestBagAgainstModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := startNode(t)
			bag := must[*Bag[int, int]](t)(NewBag[int, int](n, ""))
			dup := must[*DuplicateBag[int, int]](t)(NewDuplicateBag[int, int](n, ""))
			bagAgainst(t, seed, bag.bagTable, true, bag.Insert)
			bagAgainst(t, seed, dup.bagTable, false, func(k, v int) (bool, error) { return true, dup.Insert(k, v) })
		})
	}
}

func bagAgainst(t *testing.T, seed uint64, b bagTable[int, int], once bool, insert func(k, v int) (bool, error)) {
	r := rand.New(rand.NewPCG(seed, 5))
	model := map[int][]int{}
	type old struct {
		snap *BagSnapshot[int, int]
		rows map[int][]int
	}
	var olds []old
	for step := range 20000 {
		k, v := r.IntN(700), r.IntN(30)
		list := model[k]
		switch r.IntN(12) {
		case 0:
			if ok, err := b.Delete(k); ok != (list != nil) || err != nil {
				t.Fatal("delete", ok, err)
			}
			delete(model, k)
		case 1:
			if got, err := b.Take(k); !slices.Equal(got, list) || err != nil {
				t.Fatal("take", got, list)
			}
			delete(model, k)
		case 2, 3:
			n, err := b.DeleteValues(k, func(w int) bool { return w == v })
			left := slices.DeleteFunc(slices.Clone(list), func(w int) bool { return w == v })
			if n != len(list)-len(left) || err != nil {
				t.Fatal("delete values", n, err)
			}
			if model[k] = left; len(left) == 0 {
				delete(model, k)
			}
		default:
			want := !once || !slices.Contains(list, v)
			if added, err := insert(k, v); added != want || err != nil {
				t.Fatal("insert", added, err)
			}
			if want {
				model[k] = append(slices.Clone(list), v)
			}
		}
		if got := b.Lookup(k); !slices.Equal(got, model[k]) || b.Has(k) != (model[k] != nil) {
			t.Fatal("lookup", k, got, model[k])
		}
		if step%4000 == 0 {
			rows := map[int][]int{}
			for k, l := range model {
				rows[k] = slices.Clone(l)
			}
			olds = append(olds, old{must[*BagSnapshot[int, int]](t)(b.Snapshot()), rows})
		}
	}
	total := 0
	for _, l := range model {
		total += len(l)
	}
	got := map[int][]int{}
	for k, v := range b.All() {
		got[k] = append(got[k], v)
	}
	if b.Len() != total || b.Keys() != len(model) || len(got) != len(model) {
		t.Error(b.Len(), total, b.Keys(), len(model), len(got))
	}
	for k, l := range model {
		if !slices.Equal(got[k], l) {
			t.Error("all", k, got[k], l)
		}
	}
	for _, o := range olds {
		for k := range 700 {
			if l := o.snap.Lookup(k); !slices.Equal(l, o.rows[k]) {
				t.Fatal("snapshot", k, l, o.rows[k])
			}
		}
	}
	audit(t, b.r.core)
}

// TestBagOfMany: a key with many values stays quick to write, and right.
func TestBagOfMany(t *testing.T) {
	b := must[*Bag[string, int]](t)(NewBag[string, int](startNode(t), ""))
	for round := range 2 {
		for v := range 20000 {
			if added, err := b.Insert("k", v); added != (round == 0) || err != nil {
				t.Fatal(round, v, added, err)
			}
		}
	}
	if ok, err := b.DeleteObject("k", 7); !ok || err != nil || b.Contains("k", 7) || !b.Contains("k", 8) {
		t.Error(ok, err)
	}
	if b.Len() != 19999 || b.Keys() != 1 {
		t.Error(b.Len(), b.Keys())
	}
}

func TestBagRefusesValuesThatCannotBeCompared(t *testing.T) {
	if _, err := NewBag[string, *int](startNode(t), ""); err == nil {
		t.Error("pointers would never be equal after a copy")
	}
}
