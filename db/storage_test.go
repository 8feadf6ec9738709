// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestStorage: tables in memory are empty after a start, and may be used again; those on the disk are as they were; a transaction may span both.
func TestStorage(t *testing.T) {
	fs := vfs.NewCrashableMem()
	d := openOn(t, fs)
	kinds := []Storage{Disk, RAM, DiskRAM}
	open := func() (list []*Table[int, string]) {
		for _, s := range kinds {
			list = append(list, partitioned[int, string](t, d, s.String(), Stored(s), Partitioned()))
		}
		return list
	}
	tables := open()
	for i := range 20 {
		update(t, d, func(tx *Tx) (err error) {
			for _, tb := range tables {
				err = errors.Join(err, tb.Put(tx, i, fmt.Sprint(i)))
			}
			return err
		})
	}
	for i, tb := range tables {
		want(t, len(rows(t, d, tb, Range[int]{}, false)), 20)
		if _, err := NewTable[int, string](t.Context(), d, tb.Name(), Stored(kinds[(i+1)%3]), Partitioned()); !errors.Is(err, ErrType) {
			t.Errorf("%v is opened as %v: %v", kinds[i], kinds[(i+1)%3], err)
		}
	}
	d.left.running.Wait()
	after := fs.CrashClone(vfs.CrashCloneCfg{})
	d.Close()
	d = openOn(t, after)
	tables = open()
	for i, n := range []int{20, 0, 20} {
		want(t, len(rows(t, d, tables[i], Range[int]{}, false)), n)
		if _, ok, err := tables[i].Dirty(t.Context(), 7); ok != (n > 0) || err != nil {
			t.Errorf("%v after a start: %v %v", kinds[i], ok, err)
		}
		update(t, d, func(tx *Tx) error { return tables[i].Put(tx, 100, "new") })
		want(t, len(rows(t, d, tables[i], Range[int]{}, false)), n+1)
	}
	if err := d.Drop(t.Context(), "ram"); err != nil {
		t.Fatal(err)
	}
	list, err := d.Tables(t.Context())
	want(t, list, "[{disk int string key disk 3 1 0 0} {disk+ram int string key disk+ram 3 1 0 0}]")
	if err != nil {
		t.Error(err)
	}
}

// TestDirty: dirty reads see what is committed here, whatever the table is stored as, deletions and dropped tables included, and also what was there before the
// table was opened.
func TestDirty(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	for _, s := range []Storage{Disk, RAM, DiskRAM} {
		tb := partitioned[int, int](t, d, s.String(), Stored(s))
		update(t, d, func(tx *Tx) error { return errors.Join(tb.Put(tx, 1, 10), tb.Put(tx, 2, 20)) })
		read := func(tb *Table[int, int]) string {
			var list []string
			for k := range 4 {
				if v, ok, err := tb.Dirty(t.Context(), k, MaxLag(time.Second)); err != nil {
					t.Error(err)
				} else if ok {
					list = append(list, fmt.Sprintf("%d=%d", k, v))
				}
			}
			return fmt.Sprint(list)
		}
		want(t, read(tb), "[1=10 2=20]")
		update(t, d, func(tx *Tx) error { return errors.Join(tb.Put(tx, 1, 11), tb.Delete(tx, 2), Add(tx, tb, 3, 5)) })
		want(t, read(tb), "[1=11 3=5]")
		if s == DiskRAM { // as another process would find it
			d.copies.mu.Lock()
			clear(d.copies.tables)
			d.copies.mu.Unlock()
			again := partitioned[int, int](t, d, s.String(), Stored(s))
			want(t, read(again), "[1=11 3=5]")
			tb = again
		}
		if err := d.Drop(t.Context(), s.String()); err != nil {
			t.Fatal(err)
		}
		d.left.running.Wait()
		want(t, read(tb), "[]")
	}
}

// TestCopyKeepsUp: a copy that is made while rows are written misses none.
func TestCopyKeepsUp(t *testing.T) {
	const n = 300
	d := openOn(t, vfs.NewMem())
	tb := partitioned[int, int](t, d, "t", Stored(DiskRAM))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range n {
			if err := d.Update(t.Context(), func(tx *Tx) error { return tb.Put(tx, i, i) }); err != nil {
				t.Error(err)
			}
		}
	})
	for range 20 {
		d.copies.mu.Lock()
		clear(d.copies.tables)
		d.copies.mu.Unlock()
		if _, err := d.copies.table(&tb.tableRef); err != nil {
			t.Error(err)
		}
	}
	last, err := d.copies.table(&tb.tableRef)
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	seen := 0
	last.drop(func(string, *rowCopy) bool { seen++; return false })
	want(t, seen, n)
}
