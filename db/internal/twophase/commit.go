// SPDX-License-Identifier: Apache-2.0

package twophase

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// Commit commits a transaction that began at start. An outcome that is not Committed says why it is not; it may be tried again then, see Again. After
// ErrUnknown the number of id is held until its session has many more such ones, so that Outcome can be asked.
func (c *Coordinator) Commit(ctx context.Context, start uint64, parts []Part) (txn.Outcome, ID, error) {
	if len(parts) == 1 {
		return c.commitOne(ctx, parts[0])
	}
	return c.commitMany(ctx, start, parts)
}

// commitOne commits in one group, by one entry.
func (c *Coordinator) commitOne(ctx context.Context, p Part) (txn.Outcome, ID, error) {
	e := p.Entry
	e.Kind, e.Session = txn.KindCommit, c.Session
	e.Seq, e.Low = c.Numbers.Begin()
	defer c.Numbers.end(e.Seq)
	out, err := c.Propose(ctx, p.Shard, e)
	if errors.Is(err, ErrUnknown) {
		c.Numbers.keep(e.Seq)
	}
	return out, ID{e.Seq, p.Group}, err
}

// commitMany commits in several groups: all prepare, one decides, and then the others are told.
func (c *Coordinator) commitMany(ctx context.Context, start uint64, parts []Part) (txn.Outcome, ID, error) {
	id := txn.Entry{Session: c.Session, Start: start}
	id.Seq, id.Low = c.Numbers.Begin()
	record := recordOf(parts, id.Seq)
	id.Record = record.Group
	known := ID{id.Seq, id.Record}
	if c.Dies(StepBegin) {
		return txn.Outcome{}, known, ErrCrash
	}
	out, err := c.each(ctx, parts, func(ctx context.Context, p Part) (txn.Outcome, error) {
		out, err := c.Prepare(ctx, p, id)
		if err == nil && c.Dies(StepPartly) {
			err = ErrCrash
		}
		return out, err
	})
	if errors.Is(err, ErrCrash) {
		return txn.Outcome{}, known, err
	}
	if err != nil || out.Verdict != txn.Committed {
		out, err = c.giveUp(ctx, parts, id, out, err)
		return out, known, err
	}
	if c.Dies(StepPrepared) {
		return txn.Outcome{}, known, ErrCrash
	}
	decide := id
	decide.Kind = txn.KindDecide
	if c.Flaw == txn.AnswerBeforeRecord {
		c.Later(func(ctx context.Context) error {
			if _, err := c.Propose(ctx, record.Shard, &decide); err != nil {
				return err
			}
			return c.closeMany(ctx, parts, record, id)
		})
		return out, known, nil
	}
	out, err = c.Propose(ctx, record.Shard, &decide)
	switch {
	case errors.Is(err, ErrUnknown):
		c.Numbers.keep(id.Seq)
		c.Later(func(ctx context.Context) error { return c.closeMany(ctx, parts, record, id) })
		return out, known, err
	case err != nil:
		out, err = c.giveUp(ctx, parts, id, out, err)
		return out, known, err
	case out.Verdict != txn.Committed && c.Flaw != txn.CommitAnyway: // somebody was older, or has lost patience
		out, err = c.giveUp(ctx, parts, id, txn.Outcome{Verdict: txn.Conflict}, nil)
		return out, known, err
	}
	out.Verdict = txn.Committed
	if c.Dies(StepDecided) {
		return txn.Outcome{}, known, ErrCrash
	}
	c.Later(func(ctx context.Context) error { return c.resolveAll(ctx, parts, id, true) })
	return out, known, nil
}

// recordOf chooses the group that has the record, of those that last the longest: or the record might be forgotten before the transaction.
func recordOf(parts []Part, seq uint64) Part {
	var lasting []Part
	for _, p := range parts {
		if !txn.ClassOf(p.Group).InRAM() {
			lasting = append(lasting, p)
		}
	}
	if len(lasting) == 0 {
		lasting = parts
	}
	return lasting[seq%uint64(len(lasting))]
}

// Prepare prepares a part of the transaction that id names. Whatever is in its way is pushed out of it as long as that is younger; it keeps what it has in other
// groups meanwhile. It never waits for an older one, so that there is no circle of those who wait.
func (c *Coordinator) Prepare(ctx context.Context, p Part, id txn.Entry) (txn.Outcome, error) {
	e := *p.Entry
	e.Kind, e.Session, e.Seq, e.Low, e.Record, e.Start = txn.KindPrepare, id.Session, id.Seq, id.Low, id.Record, id.Start
	for {
		out, err := c.Propose(ctx, p.Shard, &e)
		if err != nil || out.Verdict != txn.Blocked || out.Holder.Start <= id.Start {
			return out, err
		}
		if _, err := c.End(ctx, out.Holder, p.Group); err != nil {
			return out, err
		}
	}
}

// giveUp ends a transaction that was not decided, and never will be. Its locks are given back before it is tried again, or it would be in its own way.
func (c *Coordinator) giveUp(ctx context.Context, parts []Part, id txn.Entry, out txn.Outcome, err error) (txn.Outcome, error) {
	if late := c.resolveAll(ctx, parts, id, false); late != nil {
		c.Later(func(ctx context.Context) error { return c.resolveAll(ctx, parts, id, false) })
	}
	if errors.Is(err, ErrUnknown) { // a part may be prepared or not: it is not committed
		err = fmt.Errorf("%w: %v", ErrNoQuorum, err)
	}
	return out, err
}

// resolveAll tells all parts how the transaction has ended, and then is done with it.
func (c *Coordinator) resolveAll(ctx context.Context, parts []Part, id txn.Entry, commit bool) error {
	_, err := c.each(ctx, parts, func(ctx context.Context, p Part) (txn.Outcome, error) {
		ok := txn.Outcome{Verdict: txn.Committed}
		if commit && p.Group == id.Record {
			return ok, nil // the decision has done it
		}
		_, err := c.resolve(ctx, p.Group, txn.Holder{Session: id.Session, Seq: id.Seq}, commit)
		if err == nil && c.Dies(StepResolved) {
			err = ErrCrash
		}
		return ok, err
	})
	if err == nil {
		c.Numbers.end(id.Seq)
	}
	return err
}

// closeMany settles a transaction of which it is not known whether it was decided.
func (c *Coordinator) closeMany(ctx context.Context, parts []Part, record Part, id txn.Entry) error {
	out, err := c.Propose(ctx, record.Shard, &txn.Entry{Kind: txn.KindClose, Session: id.Session, Seq: id.Seq})
	if err != nil {
		return err
	}
	return c.resolveAll(ctx, parts, id, out.Verdict == txn.Committed)
}

// each does something for all parts at the same time. An outcome that is not Committed or Prepared is that of all, if there is one; the first error ends the others.
func (c *Coordinator) each(ctx context.Context, parts []Part, do func(context.Context, Part) (txn.Outcome, error)) (txn.Outcome, error) {
	outs := make([]txn.Outcome, len(parts))
	err := c.Each(ctx, len(parts), func(ctx context.Context, i int) (err error) {
		outs[i], err = do(ctx, parts[i])
		if err != nil {
			outs[i] = txn.Outcome{}
		}
		return err
	})
	for _, out := range outs {
		if out.Verdict != 0 && out.Verdict != txn.Committed && out.Verdict != txn.Prepared {
			return out, err
		}
	}
	return txn.Outcome{Verdict: txn.Committed}, err
}
