// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// Tx is a transaction, for the function that DB.Update or DB.View runs and for no longer.
type Tx struct {
	db       *DB
	ctx      context.Context
	readOnly bool
	done     bool

	view   *pebble.Snapshot
	at     uint64
	reads  map[string]uint64
	scans  []txn.Scan
	writes map[string]txn.Write
	after  []func()
}

// Context is the transaction's, with its deadline.
func (tx *Tx) Context() context.Context { return tx.ctx }

// OnCommit runs f once the transaction is committed, on the goroutine that called Update and before it returns: the place for messages. If the
// process dies in between, f does not run.
func (tx *Tx) OnCommit(f func()) { tx.after = append(tx.after, f) }

func (tx *Tx) usable() error {
	if tx.done {
		return ErrTxDone
	}
	return tx.ctx.Err()
}

// get reads a row, the transaction's own writes included, and remembers that it was read.
func (tx *Tx) get(key []byte) (value []byte, ok bool, err error) {
	if err := tx.usable(); err != nil {
		return nil, false, err
	}
	if w, mine := tx.writes[string(key)]; mine {
		return w.Value, !w.Delete, nil
	}
	v, closer, err := tx.view.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		tx.read(key, 0)
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("db: %w", err)
	}
	defer closer.Close()
	version, stored, err := txn.CutRow(v)
	if err != nil {
		return nil, false, err
	}
	tx.read(key, version)
	return bytes.Clone(stored), true, nil
}

func (tx *Tx) read(key []byte, version uint64) {
	if tx.readOnly {
		return // nothing will be compared
	}
	if tx.reads == nil {
		tx.reads = map[string]uint64{}
	}
	tx.reads[string(key)] = version
}

func (tx *Tx) write(w txn.Write) error {
	if err := tx.usable(); err != nil {
		return err
	}
	if tx.readOnly {
		return ErrReadOnly
	}
	if tx.writes == nil {
		tx.writes = map[string]txn.Write{}
	}
	tx.writes[string(w.Key)] = w
	return nil
}

// entry is the transaction as the log has it.
func (tx *Tx) entry() *txn.Entry {
	e := &txn.Entry{Kind: txn.KindCommit, At: tx.at, Scans: tx.scans}
	for _, k := range slices.Sorted(maps.Keys(tx.reads)) {
		e.Reads = append(e.Reads, txn.Read{Key: []byte(k), Version: tx.reads[k]})
	}
	for _, k := range slices.Sorted(maps.Keys(tx.writes)) {
		e.Writes = append(e.Writes, tx.writes[k])
	}
	return e
}

// rows goes through a range of keys in order, the transaction's own writes included, and remembers how far it came. Yield
// returns false to end it.
func (tx *Tx) rows(from, to []byte, backward bool, yield func(key, value []byte) bool) (err error) {
	if err := tx.usable(); err != nil {
		return err
	}
	it, err := tx.view.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("db: %w", err)
	}
	scan := txn.Scan{From: from, To: to}
	defer func() {
		err = errors.Join(err, it.Error(), it.Close())
		if !tx.readOnly {
			tx.scans = append(tx.scans, scan)
		}
	}()
	mine := tx.between(from, to, backward)
	step, ok := it.Next, false
	if backward {
		step, ok = it.Prev, it.Last()
	} else {
		ok = it.First()
	}
	for ok || len(mine) > 0 {
		key, value := []byte(nil), []byte(nil)
		order := 1 // the stored row comes behind mine
		switch {
		case len(mine) == 0:
			order = -1
		case ok:
			order = bytes.Compare(it.Key(), mine[0].Key)
			if backward {
				order = -order
			}
		}
		skip := false
		if order <= 0 { // the stored row is next, or is the one that mine replaces
			scan.Rows++
			key = bytes.Clone(it.Key())
			_, v, err := txn.CutRow(it.Value())
			if err != nil {
				return err
			}
			value = bytes.Clone(v)
			ok = step()
		}
		if order >= 0 {
			key, value, skip = mine[0].Key, mine[0].Value, mine[0].Delete
			mine = mine[1:]
		}
		if !skip && !yield(key, value) {
			if backward { // what lies beyond was not looked at
				scan.From = key
			} else {
				scan.To = append(bytes.Clone(key), 0)
			}
			return nil
		}
		if err := tx.usable(); err != nil {
			return err
		}
	}
	return nil
}

// between are the transaction's own writes in a range.
func (tx *Tx) between(from, to []byte, backward bool) (list []txn.Write) {
	for _, k := range slices.Sorted(maps.Keys(tx.writes)) {
		if k >= string(from) && k < string(to) {
			list = append(list, tx.writes[k])
		}
	}
	if backward {
		slices.Reverse(list)
	}
	return list
}
