// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"fmt"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// seen ends a view of one group. Its moment is that of the state that it read; it is wrong only if somebody was committed by then whose writes
// were not in the rows yet.
func (tx *Tx) seen(p *part) (txn.Outcome, error) {
	if p.view == nil {
		return txn.Outcome{Verdict: txn.Committed}, nil
	}
	writers, err := p.view.writers(tx.ctx, p.entry(txn.KindCommit))
	if err != nil {
		return txn.Outcome{}, err
	}
	out, err := tx.db.txns.Undecided(tx.ctx, p.group, writers)
	return out, ofRead(err)
}

// validate finds out whether what was read in all groups was there at one moment.
func (tx *Tx) validate() (txn.Outcome, error) {
	out, err := tx.db.txns.Validate(tx.ctx, tx.coordinated())
	return out, ofRead(err)
}

// ofRead is the error of who only reads. That nobody knows whether a group was told how somebody else's transaction ended means that the read is not vouched for: nothing of its own is
// unknown.
func ofRead(err error) error {
	if errors.Is(err, ErrUnknown) {
		return fmt.Errorf("%w: %v", ErrNoQuorum, err)
	}
	return err
}
