// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/db/internal/check"
)

// even waits until all rows that replicas here have are those that a strict read finds.
func (w *worker) even() {
	ctx, cancel := context.WithTimeout(w.ctx, 120*time.Second)
	defer cancel()
	rows := 0
	for _, f := range []func(context.Context) (int, error){
		evenly(w.db, w.accounts[0]), evenly(w.db, w.accounts[1]), evenly(w.db, w.lists), evenly(w.db, w.registers), evenly(w.db, w.stamps),
	} {
		for {
			n, err := f(ctx)
			if err == nil {
				rows += n
				break
			}
			if !pause(ctx, 100*time.Millisecond) {
				w.say("even not: %v", err)
				return
			}
		}
	}
	w.say("even %d", rows)
}

// evenly compares one table.
func evenly[V any](d *db.DB, t *db.Table[string, V]) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		var rows []db.Row[string, V]
		err := d.View(ctx, func(tx *db.Tx) error {
			rows = rows[:0]
			for r, err := range t.All(tx, db.Range[string]{}) {
				if err != nil {
					return err
				}
				rows = append(rows, r)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		for _, r := range rows {
			v, ok, err := t.Dirty(ctx, r.Key)
			if err != nil {
				return 0, err
			}
			if !ok || !reflect.DeepEqual(v, r.Value) {
				return 0, fmt.Errorf("table %s, row %s: %v here, %v, and elsewhere %v", t.Name(), r.Key, ok, v, r.Value)
			}
		}
		return len(rows), nil
	}
}

// lastKeys are what clients have ever written to.
type lastKeys struct{ Lists, Registers []string }

// lastReads reads all that was ever written, so that nothing that was lost stays unseen. It answers "ok".
func (w *worker) lastReads(file string) string {
	var keys lastKeys
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Minute)
	defer cancel()
	read := func(do func() check.Outcome) bool {
		for do() != check.Committed {
			if !pause(ctx, 50*time.Millisecond) {
				return false
			}
		}
		return true
	}
	for _, key := range keys.Lists {
		if !read(func() check.Outcome { return w.overLists(0, []check.Op{{Key: key}}, true) }) {
			return fmt.Sprintf("the list %s cannot be read", key)
		}
	}
	for _, key := range keys.Registers {
		if !read(func() check.Outcome {
			e := &event{Kind: register, Key: key}
			w.read(e, w.db.View)
			return e.Outcome
		}) {
			return fmt.Sprintf("the register %s cannot be read", key)
		}
	}
	if !read(func() check.Outcome { return w.auditOf(0, 0, 1) }) {
		return "the accounts cannot be read"
	}
	return "ok"
}
