// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// seen ends a view of one group. Its moment is that of the state that it read; it is wrong only if somebody was committed by then whose writes
// were not in the rows yet.
func (tx *Tx) seen(p *part) (txn.Outcome, error) {
	ok := txn.Outcome{Verdict: txn.Committed}
	if p.view == nil {
		return ok, nil
	}
	writers, err := p.view.writers(tx.ctx, p.entry(txn.KindCommit))
	if err != nil {
		return txn.Outcome{}, err
	}
	return tx.undecided(tx.ctx, p, writers)
}

// validate finds out whether what was read in all groups was there at one moment, without an entry in any log: it was, if it is there still, and was
// there all the time, once it is sure that all views were old ones.
func (tx *Tx) validate() (txn.Outcome, error) {
	throughout := len(tx.parts) > 1
	return each(tx.ctx, tx.sorted(), func(ctx context.Context, p *part) (txn.Outcome, error) {
		if err := tx.db.confirm(ctx, p.shard); err != nil {
			return txn.Outcome{}, err
		}
		e := p.entry(txn.KindCommit)
		e.Commit = throughout
		seen, err := p.shard.consult(ctx, e)
		if err != nil || seen.Verdict != txn.Committed {
			return seen.Outcome, err
		}
		return tx.undecided(ctx, p, seen.Holders)
	})
}

// undecided is Committed if none of the writers is committed yet: then what they are about to write comes later than what was read. One that is decided
// has its part in the group resolved.
func (tx *Tx) undecided(ctx context.Context, p *part, writers []txn.Holder) (txn.Outcome, error) {
	all := txn.Outcome{Verdict: txn.Committed}
	for _, h := range writers {
		verdict, err := tx.db.ask(ctx, h, p.group)
		if err != nil {
			return txn.Outcome{}, err
		}
		if verdict != txn.Prepared && verdict != txn.Closed {
			all = txn.Outcome{Verdict: txn.Conflict}
		}
	}
	return all, nil
}

// each does something for all parts at the same time. The first outcome that is not Committed or Prepared is that of all; the first error ends the others.
func each(ctx context.Context, parts []*part, do func(context.Context, *part) (txn.Outcome, error)) (txn.Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		out txn.Outcome
		err error
	}
	answers := make(chan answer, len(parts))
	for _, p := range parts {
		go func() {
			out, err := do(ctx, p)
			answers <- answer{out, err}
		}()
	}
	all := txn.Outcome{Verdict: txn.Committed}
	var err error
	for range parts {
		switch a := <-answers; {
		case a.err != nil && err == nil:
			err = a.err
			cancel()
		case a.err == nil && a.out.Verdict != txn.Committed && a.out.Verdict != txn.Prepared:
			all = a.out
		}
	}
	return all, err
}
