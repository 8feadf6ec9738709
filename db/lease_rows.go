// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/lease"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/tenure"
	"github.com/banyan-go/banyan/db/internal/txn"
)

func init() {
	banyan.RegisterType[tenure.Row]("{}")
	banyan.RegisterType[tenure.Lock]("{}")
	banyan.RegisterType[votersRow]("{}")
}

// Who lives, and who votes on it, are rows of the meta group, changed by transactions like any others.
var (
	livesTable  = systemTable[uint64, tenure.Row]("lives", 40)
	votersTable = systemTable[string, votersRow]("lease voters", 41)
)

const votersRowKey = "voters"

// votersRow is who votes on leases. Old is empty when they are not changing.
type votersRow struct{ Old, New []uint64 }

func (r votersRow) conf(version uint64) lease.Conf {
	c := lease.Conf{Version: version}
	for _, l := range [][]uint64{r.Old, r.New} {
		if len(l) > 0 {
			c.Lists = append(c.Lists, l)
		}
	}
	return c
}

// versionRead is the version of a row that the transaction has read.
func (tx *Tx) versionRead(key []byte) uint64 {
	if p := tx.parts[txn.GroupOf(key)]; p != nil {
		return p.reads[string(key)]
	}
	return 0
}

func confOf(tx *Tx) (lease.Conf, error) {
	r, _, err := votersTable.Lookup(tx, votersRowKey)
	return r.conf(tx.versionRead(votersTable.at(votersRowKey))), err
}

// book is the database as package tenure needs it.
type book struct{ db *DB }

// Admit implements tenure.Book.
func (b book) Admit(ctx context.Context, number uint64, name string, lock tenure.Lock) (lease.Life, error) {
	var inc uint64
	err := b.db.Update(ctx, func(tx *Tx) error {
		if _, ok, err := votersTable.Lookup(tx, votersRowKey); err != nil {
			return err
		} else if !ok {
			if err := votersTable.Put(tx, votersRowKey, votersRow{New: []uint64{number}}); err != nil {
				return err
			}
		}
		r, err := livesTable.Get(tx, number)
		if err != nil {
			return err
		}
		inc = r.Inc + 1
		return livesTable.Put(tx, number, tenure.Row{Inc: inc, Name: name, Lock: lock})
	})
	return lease.Life{Node: number, Inc: inc}, err
}

// CarryOut implements tenure.Book.
func (b book) CarryOut(ctx context.Context, p lease.Proposal) error {
	return b.db.Update(ctx, func(tx *Tx) error {
		conf, err := confOf(tx)
		if err != nil {
			return err
		}
		if p.Kind == lease.ProposeVoters {
			if !p.Applies(conf, lease.Member{}) {
				return nil
			}
			r := votersRow{New: p.Lists[len(p.Lists)-1]}
			if len(p.Lists) == 2 {
				r.Old = p.Lists[0]
			}
			return votersTable.Put(tx, votersRowKey, r)
		}
		r, err := livesTable.Get(tx, p.Life.Node)
		if err != nil || !p.Applies(conf, r.Member(p.Life.Node)) {
			return err
		}
		if p.Kind == lease.ProposeDown {
			r.State, r.Why = tenure.Down, fmt.Sprintf("its lease ended: a majority of %v had not heard it", conf.Voters())
		} else {
			r.Cancelled = p.Round
		}
		return livesTable.Put(tx, p.Life.Node, r)
	})
}

// End implements tenure.Book.
func (b book) End(ctx context.Context, l lease.Life, state tenure.State, why string) error {
	return b.db.Update(ctx, func(tx *Tx) error {
		r, err := livesTable.Get(tx, l.Node)
		if err != nil || r.Inc != l.Inc || r.State != tenure.Up {
			return err
		}
		r.State, r.Why = state, why
		return livesTable.Put(tx, l.Node, r)
	})
}

// Read implements tenure.Book: it reads this node's replica of the meta group.
func (b book) Read(ctx context.Context, known uint64) (*tenure.Page, error) {
	v, err := b.db.here(txn.MetaGroup).view(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	if v.at() == known {
		return nil, nil
	}
	out := &tenure.Page{At: v.at(), Rows: map[uint64]tenure.Row{}}
	voters, err := v.get(ctx, votersTable.at(votersRowKey))
	if err == nil && voters.version != 0 {
		var r Row[string, votersRow]
		if r, err = votersTable.decode(voters.key, voters.value); err == nil {
			out.Conf = r.Value.conf(voters.version)
		}
	}
	if err != nil {
		return nil, err
	}
	runs, err := v.page(ctx, livesTable.ranges()[0], false, 1<<20)
	for _, run := range runs {
		for _, row := range run.rows {
			r, wrong := livesTable.decode(row.key, row.value)
			err = errors.Join(err, wrong)
			out.Rows[r.Key] = r.Value
		}
	}
	if err != nil {
		return nil, err
	}
	from := append(bytes.Clone(nodesTable), 'n')
	runs, err = v.page(ctx, txn.Scan{From: from, To: txn.After(from)}, false, 1<<20)
	for _, run := range runs {
		for _, row := range run.rows {
			r, wrong := decodeNode(row.key, row.value)
			if err = errors.Join(err, wrong); r.state == placement.Gone {
				out.Gone = append(out.Gone, r.number)
			}
		}
	}
	return out, err
}

// Led implements tenure.Book.
func (b book) Led() (leading bool, voters []uint64) {
	st, ok := b.db.host.Status(txn.MetaGroup)
	if !ok || !st.Leading {
		return false, nil
	}
	if st.Conf.Joint() {
		return true, nil
	}
	for _, id := range st.Conf.Raft.GetVoters() {
		if m, ok := st.Conf.Member(id); ok {
			voters = append(voters, m.Node)
		}
	}
	return true, voters
}

// Ended implements tenure.Book.
func (b book) Ended(node uint64) { b.db.peerDown(node) }
