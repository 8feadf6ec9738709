// SPDX-License-Identifier: Apache-2.0

package twophase

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// commitMany commits in several groups: all but one prepare, that one decides, by carrying its own part out, and then the others are told.
func (c *Coordinator) commitMany(ctx context.Context, start uint64, parts []Part) (txn.Outcome, ID, error) {
	id := txn.Entry{Session: c.Session, Start: start}
	id.Seq, id.Low = c.Numbers.Begin()
	record, others := recordOf(parts, id.Seq)
	id.Record = record.Group
	known := ID{id.Seq, id.Record}
	if c.Dies(StepBegin) {
		return txn.Outcome{}, known, ErrCrash
	}
	out, err := c.each(ctx, others, func(ctx context.Context, p Part) (txn.Outcome, error) {
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
		out, err = c.giveUp(ctx, others, id, out, err)
		return out, known, err
	}
	if c.Dies(StepPrepared) {
		return txn.Outcome{}, known, ErrCrash
	}
	if c.Flaw == txn.AnswerBeforeRecord {
		c.Later(func(ctx context.Context) error {
			if _, err := c.decide(ctx, record, id); err != nil {
				return err
			}
			return c.closeMany(ctx, others, record, id)
		})
		return out, known, nil
	}
	out, err = c.decide(ctx, record, id)
	switch {
	case errors.Is(err, ErrUnknown):
		c.Numbers.keep(id.Seq)
		c.Later(func(ctx context.Context) error { return c.closeMany(ctx, others, record, id) })
		return out, known, err
	case err != nil || out.Verdict != txn.Committed && c.Flaw != txn.CommitAnyway: // something has changed, or somebody was older, or has lost patience
		out, err = c.giveUp(ctx, others, id, out, err)
		return out, known, err
	}
	out.Verdict = txn.Committed
	if c.Dies(StepDecided) {
		return txn.Outcome{}, known, ErrCrash
	}
	c.Later(func(ctx context.Context) error { return c.resolveAll(ctx, others, id, true) })
	return out, known, nil
}

// decide carries out the part of a transaction that decides. If it did not do so, it never will; ErrUnknown: it may have, or may do so yet.
func (c *Coordinator) decide(ctx context.Context, record Part, id txn.Entry) (txn.Outcome, error) {
	out, err := c.enter(ctx, record, id, txn.KindDecide)
	if out.Verdict != txn.Blocked {
		return out, err
	}
	// A copy of it that was sent before may come when the lock is gone, and decide. So the number is closed; or it is found that a copy did.
	closed, late := c.close(ctx, record.Shard, id.Session, id.Seq)
	switch {
	case late != nil:
		return txn.Outcome{}, unknown(true, late)
	case closed.Verdict == txn.Committed:
		return closed, nil
	}
	return out, surelyNot(err)
}

// close makes sure that a transaction does not commit any more, where its record is, or finds out that it has.
func (c *Coordinator) close(ctx context.Context, record Shard, session txn.Session, seq uint64) (txn.Outcome, error) {
	return c.Propose(ctx, record, &txn.Entry{Kind: txn.KindClose, Session: session, Seq: seq})
}

// surelyNot is the error of an attempt that may have done something of which it is known now that it comes to nothing.
func surelyNot(err error) error {
	if errors.Is(err, ErrUnknown) {
		err = fmt.Errorf("%w: %v", ErrNoQuorum, err)
	}
	return err
}

// recordOf chooses the group that has the record, of those that last the longest: or the record might be forgotten before the transaction.
func recordOf(parts []Part, seq uint64) (record Part, others []Part) {
	var lasting []int
	for i, p := range parts {
		if !txn.ClassOf(p.Group).InRAM() {
			lasting = append(lasting, i)
		}
	}
	at := int(seq % uint64(len(parts)))
	if n := len(lasting); n > 0 {
		at = lasting[seq%uint64(n)]
	}
	return parts[at], slices.Delete(slices.Clone(parts), at, at+1)
}

// Prepare prepares a part of the transaction that id names; see enter.
func (c *Coordinator) Prepare(ctx context.Context, p Part, id txn.Entry) (txn.Outcome, error) {
	return c.enter(ctx, p, id, txn.KindPrepare)
}

// enter hands in a part of the transaction that id names. Whatever is in its way is pushed out of it as long as that is younger; it keeps what it has in other
// groups meanwhile. It never waits for an older one, so that there is no circle of those who wait. Blocked, with or without an error: it was, and is in the log perhaps.
func (c *Coordinator) enter(ctx context.Context, p Part, id txn.Entry, kind txn.Kind) (out txn.Outcome, err error) {
	e := *p.Entry
	e.Kind, e.Session, e.Seq, e.Low, e.Record, e.Start = kind, id.Session, id.Seq, id.Low, id.Record, id.Start
	for {
		now, err := c.Propose(ctx, p.Shard, &e)
		if err != nil {
			return out, err
		}
		if out = now; out.Verdict != txn.Blocked || out.Holder.Start <= id.Start {
			return out, nil
		}
		if _, err := c.End(ctx, out.Holder, p.Group); err != nil {
			return out, err
		}
	}
}

// giveUp ends a transaction that was not decided, and never will be: no decision was sent, or it is known how that ended. Its locks are given back before it is
// tried again, or it would be in its own way.
func (c *Coordinator) giveUp(ctx context.Context, others []Part, id txn.Entry, out txn.Outcome, err error) (txn.Outcome, error) {
	if late := c.resolveAll(ctx, others, id, false); late != nil {
		c.Later(func(ctx context.Context) error { return c.resolveAll(ctx, others, id, false) })
	}
	return out, surelyNot(err)
}

// resolveAll tells parts how the transaction has ended, and then is done with it.
func (c *Coordinator) resolveAll(ctx context.Context, parts []Part, id txn.Entry, commit bool) error {
	_, err := c.each(ctx, parts, func(ctx context.Context, p Part) (txn.Outcome, error) {
		_, err := c.resolve(ctx, p.Group, txn.Holder{Session: id.Session, Seq: id.Seq}, commit)
		if err == nil && c.Dies(StepResolved) {
			err = ErrCrash
		}
		return txn.Outcome{Verdict: txn.Committed}, err
	})
	if err == nil {
		c.Numbers.end(id.Seq)
	}
	return err
}

// closeMany settles a transaction of which it is not known whether it was decided.
func (c *Coordinator) closeMany(ctx context.Context, others []Part, record Part, id txn.Entry) error {
	out, err := c.close(ctx, record.Shard, id.Session, id.Seq)
	if err != nil {
		return err
	}
	return c.resolveAll(ctx, others, id, out.Verdict == txn.Committed)
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
