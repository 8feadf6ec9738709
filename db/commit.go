// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// Update runs fn in a transaction, and commits it when fn returns nil; see the package's comment for how that can end. fn may
// run several times. An error of fn ends the transaction and is returned as it is; nothing is written then. Without a deadline in ctx it tries for 10 s.
func (d *DB) Update(ctx context.Context, fn func(tx *Tx) error) error {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	for attempt := 0; ; attempt++ {
		tx := &Tx{db: d, ctx: ctx}
		if err := d.run(tx, fn); err != nil {
			return err
		}
		out, err := d.commit(ctx, tx)
		if err != nil {
			return err
		}
		if out.Verdict == txn.Committed {
			for _, f := range tx.after {
				f()
			}
			return nil
		}
		if err := d.pause(ctx, attempt); err != nil {
			if errors.Is(err, ErrClosed) {
				return err
			}
			return fmt.Errorf("%w, %d times, last at key %x: %w", ErrConflict, attempt+1, out.Key, err)
		}
	}
}

// commit makes an entry of what the transaction has read and written.
func (d *DB) commit(ctx context.Context, tx *Tx) (txn.Outcome, error) {
	e := tx.entry()
	if len(tx.writes) == 0 {
		// Nothing goes into the log. What was read must be the newest at some moment of now: it still is, once this replica is sure to be up to date.
		if err := d.confirm(ctx); err != nil {
			return txn.Outcome{}, err
		}
		key, err := txn.Check(e, d.state.Reader())
		if err != nil || key != nil {
			return txn.Outcome{Verdict: txn.Conflict, Key: key}, err
		}
		return txn.Outcome{Verdict: txn.Committed}, nil
	}
	e.Session = d.session
	e.Seq, e.Low = d.sessions.begin()
	out, err := d.propose(ctx, e)
	if errors.Is(err, ErrUnknown) {
		d.sessions.keep(e.Seq)
	} else {
		d.sessions.end(e.Seq)
	}
	return out, err
}

// propose hands an entry in until its outcome is known. The same entry may be handed in again: its number keeps it from
// being carried out twice.
func (d *DB) propose(ctx context.Context, e *txn.Entry) (txn.Outcome, error) {
	data := e.Append(nil)
	open := false // an earlier attempt may still be carried out
	unknown := func(err error) error { return &UnknownError{TxID{e.Session, e.Seq}, err} }
	for attempt := 0; ; attempt++ {
		r, err := d.host.Propose(ctx, group, data)
		switch {
		case err == nil:
			return r.Value.(txn.Outcome), nil
		case errors.Is(err, host.ErrTooLarge):
			return txn.Outcome{}, fmt.Errorf("%w: %w", ErrTooLarge, err)
		case errors.Is(err, host.ErrStopped):
			if open {
				return txn.Outcome{}, unknown(d.stopped())
			}
			return txn.Outcome{}, d.stopped()
		case errors.Is(err, host.ErrUnknown):
			open = true
		}
		if err := d.pause(ctx, attempt); err != nil {
			if open {
				return txn.Outcome{}, unknown(err)
			}
			return txn.Outcome{}, fmt.Errorf("%w: %w", ErrNoQuorum, err)
		}
	}
}

// Outcome learns how a transaction ended whose Update returned ErrUnknown: true if it is committed. If it was not carried out so far, it
// never will be. It can be asked once for each transaction, and of the last 1024 of unknown outcome.
func (d *DB) Outcome(ctx context.Context, id TxID) (committed bool, err error) {
	if id.session != d.session {
		return false, fmt.Errorf("db: transaction %v is of another process", id)
	}
	ctx, cancel := d.limit(ctx)
	defer cancel()
	out, err := d.propose(ctx, &txn.Entry{Kind: txn.KindClose, Session: id.session, Seq: id.seq})
	if err != nil {
		return false, err
	}
	return out.Verdict == txn.Committed, nil
}
