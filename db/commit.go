// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
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
	if out.Verdict == txn.Blocked {
		if verdict, err := d.push(ctx, out.Holder, txn.GroupOf(out.Key), tx.start); err == nil && verdict != txn.Prepared {
			return nil // the way is free
		}
	}
	err := d.pause(ctx, attempt)
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
	case len(parts) == 1:
		return d.commitOne(tx.ctx, parts[0])
	}
	return d.commitMany(tx, parts)
}

// commitOne commits in one group, by one entry.
func (d *DB) commitOne(ctx context.Context, p *part) (txn.Outcome, error) {
	e := p.entry(txn.KindCommit)
	e.Session = d.session
	e.Seq, e.Low = d.sessions.begin()
	out, err := d.propose(ctx, p.shard, e)
	if errors.Is(err, ErrUnknown) {
		d.sessions.keep(e.Seq)
		err = &UnknownError{TxID{e.Session, e.Seq, p.group}, err}
	}
	d.sessions.end(e.Seq)
	return out, err
}

// propose hands an entry in until its outcome is known. The same entry may be handed in again: its number keeps it from
// being carried out twice. An error that wraps ErrUnknown says that it may be carried out.
func (d *DB) propose(ctx context.Context, s shard, e *txn.Entry) (txn.Outcome, error) {
	data := e.Append(nil)
	open := false // an earlier attempt may still be carried out
	for attempt := 0; ; attempt++ {
		out, err := s.propose(ctx, data)
		switch {
		case err == nil:
			return out, nil
		case errors.Is(err, host.ErrTooLarge):
			return txn.Outcome{}, fmt.Errorf("%w: %w", ErrTooLarge, err)
		case errors.Is(err, host.ErrStopped):
			if open {
				return txn.Outcome{}, fmt.Errorf("%w: %w", ErrUnknown, d.stopped())
			}
			return txn.Outcome{}, d.stopped()
		case errors.Is(err, ErrNoQuorum):
			if open {
				return txn.Outcome{}, fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			return txn.Outcome{}, err
		case errors.Is(err, host.ErrUnknown):
			open = true
		}
		if err := d.pause(ctx, attempt); err != nil {
			if open {
				return txn.Outcome{}, fmt.Errorf("%w: %w", ErrUnknown, err)
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
	s, err := d.shard(id.group)
	if err != nil {
		return false, err
	}
	out, err := d.propose(ctx, s, &txn.Entry{Kind: txn.KindClose, Session: id.session, Seq: id.seq})
	if err != nil {
		return false, err
	}
	return out.Verdict == txn.Committed, nil
}
