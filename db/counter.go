// SPDX-License-Identifier: Apache-2.0

package db

import "github.com/banyan-go/banyan/db/internal/txn"

// Add adds to a row that is a number; one that is not there counts as 0. Nothing is read: transactions that only add to a row do not conflict with each other, however many
// they are, and the row is what they come to. Who reads the row in the same transaction conflicts with them as ever. Sums that an int64 cannot hold wrap
// around.
func Add[K any, V ~int | ~int64](tx *Tx, t *Table[K, V], k K, by V) error {
	key, err := t.row(tx, k)
	if err != nil {
		return err
	}
	return tx.add(key, int64(by))
}

// add puts an addition on top of what the transaction has written.
func (tx *Tx) add(key []byte, by int64) error {
	if err := tx.usable(); err != nil {
		return err
	}
	p, err := tx.part(txn.GroupOf(key))
	if err != nil {
		return err
	}
	w, mine := p.writes[string(key)]
	switch {
	case !mine:
		w = txn.Write{Key: key, Add: true, By: by}
	case w.Add:
		w.By += by
	default: // a Delete has no value, which counts as 0
		if w.Value, err = txn.Sum(w.Value, by); err != nil {
			return err
		}
		w.Delete = false
	}
	return tx.write(w)
}
