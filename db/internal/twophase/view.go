// SPDX-License-Identifier: Apache-2.0

package twophase

import (
	"context"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// Validate finds out whether what was read in all groups was there at one moment, without an entry in any log: it was, if it is there still, and was
// there all the time, once it is sure that all views were old ones.
func (c *Coordinator) Validate(ctx context.Context, parts []Part) (txn.Outcome, error) {
	return c.each(ctx, parts, func(ctx context.Context, p Part) (txn.Outcome, error) {
		if err := c.Confirm(ctx, p.Shard); err != nil {
			return txn.Outcome{}, err
		}
		e := *p.Entry
		e.Kind, e.Commit = txn.KindCommit, len(parts) > 1
		seen, err := p.Shard.Consult(ctx, &e)
		if err != nil || seen.Verdict != txn.Committed {
			return seen.Outcome, err
		}
		return c.Undecided(ctx, p.Group, seen.Holders)
	})
}

// Undecided is Committed if none of the writers is committed yet: then what they are about to write in the group comes later than what was read. One that is decided
// has its part in the group resolved.
func (c *Coordinator) Undecided(ctx context.Context, group uint64, writers []txn.Holder) (txn.Outcome, error) {
	all := txn.Outcome{Verdict: txn.Committed}
	if c.Flaw == txn.PassLock {
		return all, nil
	}
	for _, h := range writers {
		verdict, err := c.ask(ctx, h, group)
		if err != nil {
			return txn.Outcome{}, err
		}
		if verdict != txn.Prepared && verdict != txn.Closed {
			all = txn.Outcome{Verdict: txn.Conflict}
		}
	}
	return all, nil
}
