// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

type person struct {
	Name string
	Tags []string
}

func TestSaveAndLoad(t *testing.T) {
	n := startNode(t)
	path := filepath.Join(t.TempDir(), "people")
	s := must[*OrderedSet[string, person]](t)(NewOrderedSet[string, person](n, ""))
	want := map[string]string{}
	for i := range 3000 {
		k := fmt.Sprint(i)
		want[k] = k
		_ = s.Insert(k, person{k, []string{"x", k}})
	}
	for range 2 { // the second one replaces the first
		if err := s.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	r := must[*OrderedSet[string, person]](t)(NewOrderedSet[string, person](n, ""))
	if got, err := r.Load(path); got != 3000 || err != nil {
		t.Fatal(got, err)
	}
	got := map[string]string{}
	for k, p := range r.All() {
		got[k] = p.Tags[1]
	}
	if !maps.Equal(got, want) {
		t.Error(len(got))
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Error("something was left behind:", files)
	}
	other := must[*Set[string, person]](t)(NewSet[string, person](n, ""))
	if _, err := other.Load(path); !errors.Is(err, ErrTableType) || other.Len() != 0 {
		t.Error(err)
	}
}

func TestSaveAndLoadOfBags(t *testing.T) {
	n := startNode(t)
	dir := t.TempDir()
	b := must[*Bag[int, int]](t)(NewBag[int, int](n, ""))
	d := must[*DuplicateBag[int, int]](t)(NewDuplicateBag[int, int](n, ""))
	for i := range 1000 {
		_, _ = b.Insert(i%10, i)
		_ = d.Insert(i%10, i%20)
	}
	if err := errors.Join(b.Save(dir+"/b"), d.Save(dir+"/d")); err != nil {
		t.Fatal(err)
	}
	b2 := must[*Bag[int, int]](t)(NewBag[int, int](n, ""))
	d2 := must[*DuplicateBag[int, int]](t)(NewDuplicateBag[int, int](n, ""))
	_, err := b2.Load(dir + "/b")
	_, err2 := d2.Load(dir + "/d")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for k := range 10 {
		if !slices.Equal(b.Lookup(k), b2.Lookup(k)) || !slices.Equal(d.Lookup(k), d2.Lookup(k)) || len(d2.Lookup(k)) != 100 {
			t.Error(k)
		}
	}
}

// TestDamagedFiles: a file that was cut at any place, or in which any byte was changed, is refused, and nothing of it is
// loaded.
func TestDamagedFiles(t *testing.T) {
	n := startNode(t)
	path := filepath.Join(t.TempDir(), "f")
	s := must[*Set[int, string]](t)(NewSet[int, string](n, ""))
	for i := range 40 {
		_ = s.Insert(i, fmt.Sprint(i))
	}
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := must[*Set[int, string]](t)(NewSet[int, string](n, ""))
	try := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Load(path); n != 0 || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTableType) || r.Len() != 0 {
			t.Fatal(what, n, err)
		}
	}
	for i := range whole {
		try(fmt.Sprint("cut at ", i), whole[:i])
		b := slices.Clone(whole)
		b[i] ^= 0x41
		try(fmt.Sprint("byte ", i), b)
	}
	try("longer", append(slices.Clone(whole), 0))
	if _, err := r.Load(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := s.Save(filepath.Join(path, "no", "folder")); err == nil {
		t.Error("saved to nowhere")
	}
}
