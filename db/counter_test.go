// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestAddersDoNotConflict: transactions that add to a row run once each, also those over several groups; who reads it is in order with them.
func TestAddersDoNotConflict(t *testing.T) {
	const adders, each = 8, 30
	d := openOn(t, vfs.NewMem())
	counts := partitioned[string, int](t, d, "counts", Partitioned())
	other := partitioned[int, int](t, d, "other", Partitioned())
	d.left.running.Wait()
	var mu sync.Mutex
	runs := 0
	var wg sync.WaitGroup
	for a := range adders {
		wg.Go(func() {
			for i := range each {
				err := d.Update(t.Context(), func(tx *Tx) error {
					mu.Lock()
					runs++
					mu.Unlock()
					if i%2 == 0 {
						return Add(tx, counts, "hits", 2)
					}
					return errors.Join(Add(tx, counts, "hits", 2), other.Put(tx, a*each+i, 1), other.Put(tx, -a*each-i, 1))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want(t, rows(t, d, counts, Range[string]{}, false), "[hits=480]")
	if runs != adders*each {
		t.Errorf("%d transactions ran %d times", adders*each, runs)
	}
}

// TestAddInATransaction: additions are seen by the transaction itself, on top of what is stored and of what it has written.
func TestAddInATransaction(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := partitioned[string, int](t, d, "t", Partitioned())
	update(t, d, func(tx *Tx) error { return errors.Join(tb.Put(tx, "a", 10), tb.Put(tx, "b", 10), tb.Put(tx, "c", 10)) })
	d.left.running.Wait() // or the function below might begin on less, and run again
	update(t, d, func(tx *Tx) error {
		err := errors.Join(Add(tx, tb, "a", 1), Add(tx, tb, "a", 2), tb.Delete(tx, "b"), Add(tx, tb, "b", 5), tb.Put(tx, "c", 1), Add(tx, tb, "c", 1),
			Add(tx, tb, "d", -4))
		a, err2 := tb.Get(tx, "a")
		e, ok, err3 := tb.Lookup(tx, "d")
		want(t, []any{a, e, ok}, "[13 -4 true]")
		var list []int
		for r, err := range tb.All(tx, Range[string]{}) {
			if err != nil {
				return err
			}
			list = append(list, r.Value)
		}
		want(t, list, "[13 5 2 -4]")
		return errors.Join(err, err2, err3)
	})
	want(t, rows(t, d, tb, Range[string]{}, false), "[a=13 b=5 c=2 d=-4]")
}

// TestReadersOfCounters: one that reads a counter and writes what it says is not overtaken by adders.
func TestReadersOfCounters(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := partitioned[string, int](t, d, "t", Partitioned())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if err := d.Update(t.Context(), func(tx *Tx) error { return Add(tx, tb, "n", 1) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 25 {
			err := d.Update(t.Context(), func(tx *Tx) error {
				n, err := tb.Get(tx, "n")
				return errors.Join(err, tb.Put(tx, "n", n+1))
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	want(t, rows(t, d, tb, Range[string]{}, false), "[n=125]")
}
