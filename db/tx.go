// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// Tx is a transaction, for the function that DB.Update or DB.View runs and for no longer.
type Tx struct {
	db       *DB
	ctx      context.Context
	readOnly bool
	done     bool
	start    uint64 // when it was first tried: of two that are in each other's way the older one goes first

	parts map[uint64]*part // by group
	after []func()

	version uint64 // of what it has written, for after
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
	select {
	case <-tx.db.closed:
		return ErrClosed
	default:
	}
	return tx.ctx.Err()
}

// end closes the views.
func (tx *Tx) end() {
	for _, p := range tx.parts {
		if p.view != nil {
			p.view.close()
		}
	}
	tx.done = true
}

// get reads a row, the transaction's own writes included, and remembers that it was read.
func (tx *Tx) get(key []byte) (value []byte, ok bool, err error) {
	if err := tx.usable(); err != nil {
		return nil, false, err
	}
	p, err := tx.part(txn.GroupOf(key))
	if err != nil {
		return nil, false, err
	}
	w, mine := p.writes[string(key)]
	if mine && !w.Add {
		return w.Value, !w.Delete, nil
	}
	if err := tx.open(p); err != nil {
		return nil, false, err
	}
	r, err := p.view.get(tx.ctx, key)
	if err != nil {
		return nil, false, err
	}
	p.read(key, r.version)
	if w.Add {
		sum, err := txn.Sum(r.value, w.By)
		return sum, true, err
	}
	return r.value, r.version != 0, nil
}

func (tx *Tx) write(w txn.Write) error {
	if err := tx.usable(); err != nil {
		return err
	}
	if tx.readOnly {
		return ErrReadOnly
	}
	p, err := tx.part(txn.GroupOf(w.Key))
	if err != nil {
		return err
	}
	p.write(w)
	return nil
}
