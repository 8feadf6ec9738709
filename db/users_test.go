// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"sync"
	"testing"
)

// A database that is closed under transactions, views and dirty reads lets them come to an end first: none reads in a store that is closed.
func TestCloseUnderUse(t *testing.T) {
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tab, err := NewTable[int, int](t.Context(), d, "t")
	if err != nil {
		t.Fatal(err)
	}
	var users sync.WaitGroup
	begun := make(chan struct{}, 100)
	use := func(what string, do func(i int) error) {
		users.Go(func() {
			for i := 0; ; i++ {
				err := do(i)
				if i == 10 {
					begun <- struct{}{}
				}
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrConflict) {
					t.Errorf("%s: %v", what, err)
					return
				}
			}
		})
	}
	for k := range 4 {
		use("update", func(i int) error {
			return d.Update(t.Context(), func(tx *Tx) error { return tab.Put(tx, k, i) })
		})
		use("view", func(int) error {
			return d.View(t.Context(), func(tx *Tx) error {
				for range 20 {
					if _, err := tab.Get(tx, k); err != nil {
						return err
					}
				}
				return nil
			})
		})
		use("dirty", func(int) error {
			_, _, err := tab.Dirty(t.Context(), k)
			return err
		})
	}
	for range 12 {
		<-begun
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	users.Wait()
}
