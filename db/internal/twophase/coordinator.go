// SPDX-License-Identifier: Apache-2.0

package twophase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// Expiry is how long a transaction may be in the way of a younger one, unless somebody says otherwise.
const Expiry = time.Second

// Coordinator carries out the transactions of one session. Its methods may be called from any goroutine.
type Coordinator struct {
	World
	// Session names it; no other has the same, nor ever had.
	Session txn.Session
	// Expiry is after which time a transaction that is in the way of a younger one is ended.
	Expiry time.Duration
	// Flaw is a bug that a test should catch.
	Flaw txn.Flaw
	// Numbers are those of its transactions.
	Numbers Numbers

	met met
}

// Part is what a transaction has to do with one group. Entry says what was read, and what shall be written; Commit sets the rest.
type Part struct {
	Group uint64
	Shard Shard
	Entry *txn.Entry
}

// ID names a transaction: its number in the session, and the group that knows how it ended.
type ID struct{ Seq, Record uint64 }

// Confirm waits until every view that is opened afterwards has all that was committed before Confirm was called.
func (c *Coordinator) Confirm(ctx context.Context, s Shard) error {
	for attempt := 0; ; attempt++ {
		err := s.Confirm(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, host.ErrStopped):
			return c.Stopped()
		case errors.Is(err, ErrNoQuorum):
			return err
		}
		if err := c.Pause(ctx, attempt); err != nil {
			return fmt.Errorf("%w: %w", ErrNoQuorum, err)
		}
	}
}

// Propose hands an entry in until its outcome is known. The same entry may be handed in again: its number keeps it from
// being carried out twice. An error that wraps ErrUnknown says that it may be carried out.
func (c *Coordinator) Propose(ctx context.Context, s Shard, e *txn.Entry) (txn.Outcome, error) {
	data := e.Append(nil)
	open := false // an earlier attempt may still be carried out
	for attempt := 0; ; attempt++ {
		out, err := s.Propose(ctx, data)
		switch {
		case err == nil:
			return out, nil
		case errors.Is(err, host.ErrTooLarge):
			return txn.Outcome{}, fmt.Errorf("%w: %w", ErrTooLarge, err)
		case errors.Is(err, host.ErrStopped):
			return txn.Outcome{}, unknown(open, c.Stopped())
		case errors.Is(err, ErrNoQuorum):
			return txn.Outcome{}, unknown(open, err)
		case errors.Is(err, host.ErrUnknown):
			open = c.Flaw != txn.SurelyNot
		}
		if err := c.Pause(ctx, attempt); err != nil {
			if !open {
				err = fmt.Errorf("%w: %w", ErrNoQuorum, err)
			}
			return txn.Outcome{}, unknown(open, err)
		}
	}
}

func unknown(open bool, err error) error {
	if open {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// Outcome learns how one of the coordinator's transactions ended whose commit returned ErrUnknown: true if it is committed. If it was not carried out so far, it never
// will be.
func (c *Coordinator) Outcome(ctx context.Context, id ID) (committed bool, err error) {
	s, err := c.Shard(id.Record)
	if err != nil {
		return false, err
	}
	out, err := c.close(ctx, s, c.Session, id.Seq)
	return out.Verdict == txn.Committed, err
}

// Again clears what was in the way of a transaction that began at start, as far as it may, and waits, before it is tried once more. An error says that it
// cannot be: that of Pause.
func (c *Coordinator) Again(ctx context.Context, start uint64, attempt int, out txn.Outcome) error {
	if out.Verdict == txn.Blocked {
		if verdict, err := c.push(ctx, out.Holder, txn.GroupOf(out.Key), start); err == nil && verdict != txn.Prepared {
			return nil // the way is free
		}
	}
	return c.Pause(ctx, attempt)
}
