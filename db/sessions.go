// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// forgetSessions ends the sessions that earlier processes had with this store: nobody uses them any more.
func (d *DB) forgetSessions(ctx context.Context) error {
	list, err := d.madeGroups(ctx)
	if err == nil {
		err = d.endSessions(ctx, list, d.mine)
	}
	return err
}

// mine reports whether a session is of an earlier process with this store.
func (d *DB) mine(s txn.Session) bool { return s != d.session && storeOf(s) == d.log.ID() }

// madeGroups are the groups that there are.
func (d *DB) madeGroups(ctx context.Context) (list []uint64, err error) {
	err = d.View(ctx, func(tx *Tx) error {
		list = groups()
		for r, err := range homesTable.All(tx, Range[uint64]{}) {
			if err != nil {
				return err
			}
			if d.shards[r.Key] != nil && r.Value.Made {
				list = append(list, r.Key)
			}
		}
		return nil
	})
	return list, err
}

// endSessions ends sessions in groups, wherever these have their replicas.
func (d *DB) endSessions(ctx context.Context, groups []uint64, ended func(txn.Session) bool) error {
	known := func(group uint64) (list []txn.Session, err error) {
		seen, err := d.shards[group].Consult(ctx, &txn.Entry{Kind: txn.KindExpire})
		for _, h := range seen.Holders {
			list = append(list, h.Session)
		}
		return list, err
	}
	return d.txns.Forget(ctx, groups, known, ended)
}
