// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errBack is what a program's transaction is given up with.
var errBack = errors.New("given up")

// modelTable is a table, and what it should have.
type modelTable struct {
	*Table[int, int]
	options []TableOption
	rows    map[int]int
}

// list is what a range of the model has.
func list(rows map[int]int, from, to int, backward bool) (all []string) {
	for k := from; k < to; k++ {
		if v, ok := rows[k]; ok {
			all = append(all, fmt.Sprintf("%d=%d", k, v))
		}
	}
	if backward {
		slices.Reverse(all)
	}
	return all
}

// TestModel runs random programs on tables of all kinds, and on maps.
func TestModel(t *testing.T) {
	const keys = 40
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 0xdb))
		d := openOn(t, vfs.NewMem())
		if seed%2 == 1 {
			d.txns.Expiry = 0 // nobody has patience
		}
		tables := []*modelTable{{options: nil}, {options: []TableOption{Partitioned()}}, {options: []TableOption{Partitioned(), Stored(RAM)}}, {options: []TableOption{Stored(RAM), Replicas(1 + 4*int(seed%2))}},
			{options: []TableOption{PartitionBy("tens", func(k int) []byte { return []byte{byte(k / 10)} }), Stored(DiskRAM)}}}
		create := func(i int) {
			tables[i].Table = partitioned[int, int](t, d, fmt.Sprint("t", i), tables[i].options...)
			tables[i].rows = map[int]int{}
		}
		for i := range tables {
			create(i)
		}
		for range 120 {
			if rng.IntN(20) == 0 {
				i := rng.IntN(len(tables))
				if err := d.Drop(t.Context(), tables[i].Name()); err != nil {
					t.Fatal(err)
				}
				if err := d.Update(t.Context(), func(tx *Tx) error { return tables[i].Put(tx, 1, 1) }); !errors.Is(err, ErrNoTable) {
					t.Fatalf("seed %d: a dropped table is written: %v", seed, err)
				}
				create(i)
			}
			program, back := rng.Uint64(), rng.IntN(5) == 0
			var after []map[int]int
			err := d.Update(t.Context(), func(tx *Tx) error {
				after = nil
				for _, m := range tables {
					copied := map[int]int{}
					for k, v := range m.rows {
						copied[k] = v
					}
					after = append(after, copied)
				}
				if err := step(rand.New(rand.NewPCG(program, 1)), tx, tables, after, keys); err != nil {
					return err
				}
				if back {
					return errBack
				}
				return nil
			})
			switch {
			case back && !errors.Is(err, errBack), !back && err != nil:
				t.Fatalf("seed %d: %v", seed, err)
			case !back:
				for i := range tables {
					tables[i].rows = after[i]
				}
			}
		}
		for _, m := range tables {
			want(t, rows(t, d, m.Table, Range[int]{}, false), list(m.rows, 0, keys, false))
			want(t, rows(t, d, m.Table, Range[int]{}, true), list(m.rows, 0, keys, true))
		}
		d.left.running.Wait()
		for _, m := range tables {
			for k := range keys {
				v, ok, err := m.Dirty(t.Context(), k)
				if have, there := m.rows[k]; err != nil || ok != there || v != have {
					t.Errorf("seed %d: dirty %d of %s: %d %v, want %d %v, %v", seed, k, m.Name(), v, ok, have, there, err)
				}
			}
		}
		d.Close()
	}
}

// step is one transaction's random operations, on the tables and on maps. What they read must be the same; an old state may be read first, but then the
// difference does not count, because the function runs again.
func step(rng *rand.Rand, tx *Tx, tables []*modelTable, after []map[int]int, keys int) error {
	for range 1 + rng.IntN(6) {
		i, k, n := rng.IntN(len(tables)), rng.IntN(keys), rng.IntN(100)
		m, model := tables[i], after[i]
		var err error
		switch rng.IntN(6) {
		case 0, 1:
			err = m.Put(tx, k, n)
			model[k] = n
		case 2:
			err = m.Delete(tx, k)
			delete(model, k)
		case 3:
			err = Add(tx, m.Table, k, n)
			model[k] += n
		case 4:
			var v int
			var ok bool
			v, ok, err = m.Lookup(tx, k)
			if have, there := model[k]; err == nil && (ok != there || v != have) {
				err = fmt.Errorf("key %d of %s is %d %v, want %d %v", k, m.Name(), v, ok, have, there)
			}
		case 5:
			from, backward, stop := k, rng.IntN(2) == 0, 1+rng.IntN(keys)
			to := from + rng.IntN(keys-from+1)
			seq := m.All(tx, Within(from, to))
			if backward {
				seq = m.Backward(tx, Within(from, to))
			}
			var got []string
			for r, e := range seq {
				if e != nil {
					return e
				}
				if got = append(got, fmt.Sprintf("%d=%d", r.Key, r.Value)); len(got) == stop {
					break
				}
			}
			all := list(model, from, to, backward)
			if w := all[:min(stop, len(all))]; !slices.Equal(got, w) {
				err = fmt.Errorf("rows %d to %d of %s are %v, want %v", from, to, m.Name(), got, w)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
