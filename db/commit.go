// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// Update runs fn in a transaction, and commits it when fn returns nil; see the package's comment for how that can end. fn may
// run several times. An error of fn ends the transaction and is returned as it is; nothing is written then. Without a deadline in ctx it tries for 10 s.
func (d *DB) Update(ctx context.Context, fn func(tx *Tx) error) error {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	start := uint64(time.Now().UnixNano())
	for attempt := 0; ; attempt++ {
		tx := &Tx{db: d, ctx: ctx, start: start}
		out, err := d.attempt(tx, fn)
		if err != nil {
			return tx.lastly(err, attempt)
		}
		if out.Verdict == txn.Committed {
			tx.version = out.Version
			for _, f := range tx.after {
				f()
			}
			return nil
		}
		if err := d.again(ctx, tx, attempt, out); err != nil {
			return err
		}
	}
}

// lastly is the error of the last attempt. If it is that the time was over, what came before says more.
func (tx *Tx) lastly(err error, attempt int) error {
	if attempt > 0 && tx.ctx.Err() != nil && errors.Is(err, tx.ctx.Err()) && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrNoQuorum) {
		return fmt.Errorf("%w, %d times: %w", ErrConflict, attempt, err)
	}
	return err
}

// again clears what was in the way of a transaction, as far as it may, and waits, before it is tried once more; or says why it is not.
func (d *DB) again(ctx context.Context, tx *Tx, attempt int, out txn.Outcome) error {
	d.marks.doubt(out.Key)
	err := d.txns.Again(ctx, tx.start, attempt, out)
	if err == nil || errors.Is(err, ErrClosed) {
		return err
	}
	return fmt.Errorf("%w, %d times, last at key %x: %w", ErrConflict, attempt+1, out.Key, err)
}

// attempt runs fn once, and commits.
func (d *DB) attempt(tx *Tx, fn func(*Tx) error) (txn.Outcome, error) {
	if !d.users.enter() {
		return txn.Outcome{}, ErrClosed
	}
	defer d.users.leave()
	defer tx.end()
	if err := tx.usable(); err != nil {
		return txn.Outcome{}, err
	}
	if err := fn(tx); err != nil {
		return tx.failed(err)
	}
	tx.done = true
	out, err := d.commit(tx)
	if errors.Is(err, errViewOver) { // nothing was proposed: only views ask views
		return txn.Outcome{Verdict: txn.Conflict}, nil
	}
	return out, err
}

// failed is what becomes of a transaction whose function has failed. What it read may have been old, or never there at one moment, and it wrong about
// that: then it is tried again.
func (tx *Tx) failed(err error) (txn.Outcome, error) {
	if errors.Is(err, errViewOver) {
		return txn.Outcome{Verdict: txn.Conflict}, nil
	}
	if len(tx.parts) == 0 || tx.ctx.Err() != nil {
		return txn.Outcome{}, err
	}
	switch out, wrong := tx.validate(); {
	case wrong != nil:
		return txn.Outcome{}, fmt.Errorf("%w: it cannot be found out whether this is so: %w", wrong, err)
	case out.Verdict != txn.Committed:
		return out, nil
	}
	return txn.Outcome{}, err
}

// commit carries out what the transaction wants to write.
func (d *DB) commit(tx *Tx) (txn.Outcome, error) {
	parts := tx.sorted()
	writes := 0
	for _, p := range parts {
		writes += len(p.writes)
	}
	switch {
	case writes == 0 && tx.readOnly && len(parts) == 1:
		return tx.seen(parts[0])
	case writes == 0:
		return tx.validate()
	}
	out, id, err := d.txns.Commit(tx.ctx, tx.start, tx.coordinated())
	if errors.Is(err, ErrUnknown) {
		err = &UnknownError{TxID{d.session, id.Seq, id.Record}, err}
	}
	return out, err
}

// Outcome learns how a transaction ended whose Update returned ErrUnknown: true if it is committed. If it was not carried out so far, it
// never will be. It can be asked once for each transaction, and of the last 1024 of unknown outcome.
func (d *DB) Outcome(ctx context.Context, id TxID) (committed bool, err error) {
	if id.session != d.session {
		return false, fmt.Errorf("db: transaction %v is of another process", id)
	}
	ctx, cancel := d.limit(ctx)
	defer cancel()
	return d.txns.Outcome(ctx, twophase.ID{Seq: id.seq, Record: id.group})
}
