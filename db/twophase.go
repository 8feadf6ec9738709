// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// The steps between which a coordinator may die; see DB.crash.
const (
	stepBegin    = "begin"    // nothing is done
	stepPartly   = "partly"   // one group is prepared
	stepPrepared = "prepared" // all groups are
	stepDecided  = "decided"  // the transaction is committed, and no lock is given back
	stepResolved = "resolved" // one lock is given back
)

var errCrash = errors.New("the coordinator dies, as a test wants it")

// dies is where tests let the coordinator die.
func (d *DB) dies(step string) bool { return d.crash != nil && d.crash(step) }

// commitMany commits in several groups: all prepare, one decides, and then the others are told.
func (d *DB) commitMany(tx *Tx, parts []*part) (txn.Outcome, error) {
	id := txn.Entry{Session: d.session, Start: tx.start}
	id.Seq, id.Low = d.sessions.begin()
	record := recordOf(parts, id.Seq)
	id.Record = record.group
	if d.dies(stepBegin) {
		return txn.Outcome{}, errCrash
	}
	if d.crash != nil { // one after the other, so that there is something to die between
		if _, err := d.prepare(tx.ctx, parts[0], id); err == nil && d.dies(stepPartly) {
			return txn.Outcome{}, errCrash
		}
	}
	out, err := each(tx.ctx, parts, func(ctx context.Context, p *part) (txn.Outcome, error) { return d.prepare(ctx, p, id) })
	if err != nil || out.Verdict != txn.Committed {
		return d.giveUp(tx.ctx, parts, id, out, err)
	}
	if d.dies(stepPrepared) {
		return txn.Outcome{}, errCrash
	}
	decide := id
	decide.Kind = txn.KindDecide
	out, err = d.propose(tx.ctx, record.shard, &decide)
	switch {
	case errors.Is(err, ErrUnknown):
		d.sessions.keep(id.Seq)
		d.later(func(ctx context.Context) error { return d.closeMany(ctx, parts, record, id) })
		return out, &UnknownError{TxID{id.Session, id.Seq, record.group}, err}
	case err != nil:
		return d.giveUp(tx.ctx, parts, id, out, err)
	case out.Verdict != txn.Committed: // somebody was older, or has lost patience
		return d.giveUp(tx.ctx, parts, id, txn.Outcome{Verdict: txn.Conflict}, nil)
	}
	if d.dies(stepDecided) {
		return txn.Outcome{}, errCrash
	}
	d.later(func(ctx context.Context) error { return d.resolveAll(ctx, parts, id, true) })
	return out, nil
}

// recordOf chooses the group that has the record, of those that last the longest: or the record might be forgotten before the transaction.
func recordOf(parts []*part, seq uint64) *part {
	var lasting []*part
	for _, p := range parts {
		if txn.ClassOf(p.group) != txn.RAM {
			lasting = append(lasting, p)
		}
	}
	if len(lasting) == 0 {
		lasting = parts
	}
	return lasting[seq%uint64(len(lasting))]
}

// prepare prepares a part. Whatever is in its way is pushed out of it as long as that is younger; it keeps what it has in other groups meanwhile. It never
// waits for an older one, so that there is no circle of those who wait.
func (d *DB) prepare(ctx context.Context, p *part, id txn.Entry) (txn.Outcome, error) {
	e := p.entry(txn.KindPrepare)
	e.Session, e.Seq, e.Low, e.Record, e.Start = id.Session, id.Seq, id.Low, id.Record, id.Start
	for {
		out, err := d.propose(ctx, p.shard, e)
		if err != nil || out.Verdict != txn.Blocked || out.Holder.Start <= id.Start {
			return out, err
		}
		if _, err := d.end(ctx, out.Holder, p.group); err != nil {
			return out, err
		}
	}
}

// giveUp ends a transaction that was not decided, and never will be. Its locks are given back before it is tried again, or it would be in its own way.
func (d *DB) giveUp(ctx context.Context, parts []*part, id txn.Entry, out txn.Outcome, err error) (txn.Outcome, error) {
	if late := d.resolveAll(ctx, parts, id, false); late != nil {
		d.later(func(ctx context.Context) error { return d.resolveAll(ctx, parts, id, false) })
	}
	if errors.Is(err, ErrUnknown) { // a part may be prepared or not: it is not committed
		err = fmt.Errorf("%w: %w", ErrNoQuorum, errors.Unwrap(err))
	}
	return out, err
}

// resolveAll tells all parts how the transaction has ended, and then is done with it.
func (d *DB) resolveAll(ctx context.Context, parts []*part, id txn.Entry, commit bool) error {
	_, err := each(ctx, parts, func(ctx context.Context, p *part) (txn.Outcome, error) { // their views are closed
		if commit && p.group == id.Record {
			return txn.Outcome{Verdict: txn.Committed}, nil // the decision has done it
		}
		_, err := d.resolve(ctx, p.group, txn.Holder{Session: id.Session, Seq: id.Seq}, commit)
		if err == nil && d.dies(stepResolved) {
			err = errCrash
		}
		return txn.Outcome{Verdict: txn.Committed}, err
	})
	if err == nil {
		d.sessions.end(id.Seq)
	}
	return err
}

// closeMany settles a transaction of which it is not known whether it was decided.
func (d *DB) closeMany(ctx context.Context, parts []*part, record *part, id txn.Entry) error {
	out, err := d.propose(ctx, record.shard, &txn.Entry{Kind: txn.KindClose, Session: id.Session, Seq: id.Seq})
	if err != nil {
		return err
	}
	return d.resolveAll(ctx, parts, id, out.Verdict == txn.Committed)
}

// expiry is how long a transaction may be in the way of a younger one.
const expiry = time.Second
