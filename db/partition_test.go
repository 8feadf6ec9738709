// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/txn"
)

func partitioned[K, V any](t *testing.T, d *DB, name string, o ...TableOption) *Table[K, V] {
	t.Helper()
	tb, err := NewTable[K, V](t.Context(), d, name, o...)
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// TestPartitioned: rows that lie in all groups are gone through in the order of their keys, both ways, with bounds, and page by page.
func TestPartitioned(t *testing.T) {
	const rowsInAll = 700
	d := openOn(t, vfs.NewMem())
	tb := partitioned[int, int](t, d, "t", Partitioned())
	groups := map[uint64]bool{}
	for i := range rowsInAll {
		groups[txn.GroupOf(tb.at(i))] = true
		update(t, d, func(tx *Tx) error { return tb.Put(tx, i, 2*i) })
	}
	if len(groups) != txn.Groups {
		t.Errorf("%d rows are in %d groups", rowsInAll, len(groups))
	}
	list := func(from, to int) (all []string) {
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf("%d=%d", i, 2*i))
		}
		return all
	}
	want(t, rows(t, d, tb, Range[int]{}, false), list(0, rowsInAll))
	want(t, rows(t, d, tb, Within(100, 350), false), list(100, 350))
	down := list(100, 350)
	slices.Reverse(down)
	want(t, rows(t, d, tb, Within(100, 350), true), down)
	one := partitioned[int, int](t, d, "one")
	for i := range rowsInAll {
		update(t, d, func(tx *Tx) error { return one.Put(tx, i, 2*i) })
	}
	want(t, rows(t, d, one, Within(3, rowsInAll-1), false), list(3, rowsInAll-1))
	if err := d.Drop(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	again := partitioned[int, int](t, d, "t", Partitioned())
	want(t, rows(t, d, again, Range[int]{}, false), "[]")
	want(t, len(rows(t, d, one, Range[int]{}, true)), rowsInAll)
}

type line struct {
	Customer string
	Order, N int
}

// TestTogether: rows with the same partition key are in one slot, in whatever table they are.
func TestTogether(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	customers := partitioned[string, int](t, d, "customers", PartitionBy("customer", func(k string) []byte { return []byte(k) }))
	lines := partitioned[line, int](t, d, "lines", PartitionBy("customer", func(k line) []byte { return []byte(k.Customer) }))
	slots := map[string]bool{}
	for i := range 50 {
		c := fmt.Sprint("customer", i)
		a, b := customers.at(c), lines.at(line{c, i, 1})
		if string(a[:3]) != string(b[:3]) {
			t.Fatalf("%s lies in slots %x and %x", c, a[:3], b[:3])
		}
		slots[string(a[:3])] = true
		update(t, d, func(tx *Tx) error { return errors.Join(customers.Put(tx, c, 1), lines.Put(tx, line{c, i, 1}, 1)) })
	}
	if len(slots) < 40 {
		t.Errorf("50 customers lie in %d slots", len(slots))
	}
	_, err := NewTable[string, int](t.Context(), d, "customers", Partitioned())
	if !errors.Is(err, ErrType) {
		t.Errorf("opened by another partition key: %v", err)
	}
	_, err = NewTable[string, int](t.Context(), d, "x", PartitionBy("customer", func(k line) []byte { return nil }))
	if err == nil || !strings.Contains(err.Error(), "keys are string") {
		t.Errorf("a partition key of another type of key: %v", err)
	}
}

// TestOldFolder: a folder of the form before groups is refused, in words that say why.
func TestOldFolder(t *testing.T) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("db/log", 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := open(fs, "db")
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "format 1") {
		t.Error(err)
	}
}
