// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A transaction that was tried again and again until its time was over says so, wherever the end of the time finds it.
func TestConflictAtTheDeadline(t *testing.T) {
	d, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tab, err := NewTable[string, int](t.Context(), d, "t")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	runs := 0
	err = d.Update(ctx, func(tx *Tx) error {
		if _, err := tab.Get(tx, "x"); err != nil {
			return err
		}
		if runs++; runs > 2 {
			<-ctx.Done()
			_, err := tab.Get(tx, "y")
			return err
		}
		if err := d.Update(t.Context(), func(tx *Tx) error { return tab.Put(tx, "x", runs) }); err != nil {
			return err
		}
		return tab.Put(tx, "x", -1)
	})
	if !errors.Is(err, ErrConflict) || !errors.Is(err, context.DeadlineExceeded) || runs != 3 {
		t.Errorf("after %d runs: %v", runs, err)
	}
}
