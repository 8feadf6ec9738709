// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/lease"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/txn"
)

func init() {
	banyan.RegisterType[lifeRow]("{}")
	banyan.RegisterType[lockRow]("{}")
	banyan.RegisterType[votersRow]("{}")
}

// Who lives, and who votes on it, are rows of the meta group, changed by transactions like any others.
var (
	livesTable  = systemTable[uint64, lifeRow]("lives", 40)
	votersTable = systemTable[string, votersRow]("lease voters", 41)
)

const votersRowKey = "voters"

// lifeRow is the newest life of a node.
type lifeRow struct {
	Inc       uint64
	State     int // lifeUp and so on; what is not lifeUp is final for Inc
	Why       string
	Cancelled uint64 // rounds of burial
	Name      string // the node's name, for people
	Lock      lockRow
}

// The states of a life.
const (
	lifeUp = iota
	lifeLeft
	lifeDown
)

// lockRow says where the file is that this life's process has locked: see proof.
type lockRow struct{ Machine, Path, Mark string }

func (r lifeRow) member(node uint64) lease.Member {
	return lease.Member{Life: lease.Life{Node: node, Inc: r.Inc}, Over: r.State != lifeUp, Cancelled: r.Cancelled}
}

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

// admit gives a node its next life. What was before it is over: the process that asks has the folder that its predecessor had locked, or
// has given that life up itself.
func (d *DB) admit(ctx context.Context, number uint64, name string, lock lockRow) (lease.Life, error) {
	var inc uint64
	err := d.Update(ctx, func(tx *Tx) error {
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
		return livesTable.Put(tx, number, lifeRow{Inc: inc, Name: name, Lock: lock})
	})
	return lease.Life{Node: number, Inc: inc}, err
}

// carryOut makes a proposal of the lease's core a transaction. One that does not apply any more changes nothing, and is no error.
func (d *DB) carryOut(ctx context.Context, p lease.Proposal) error {
	return d.Update(ctx, func(tx *Tx) error {
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
		if err != nil || !p.Applies(conf, r.member(p.Life.Node)) {
			return err
		}
		if p.Kind == lease.ProposeDown {
			r.State, r.Why = lifeDown, fmt.Sprintf("its lease ended: a majority of %v had not heard it", conf.Voters())
		} else {
			r.Cancelled = p.Round
		}
		return livesTable.Put(tx, p.Life.Node, r)
	})
}

// endLife ends a life whose end is proved. It is no error if it is over.
func (d *DB) endLife(ctx context.Context, l lease.Life, state int, why string) error {
	return d.Update(ctx, func(tx *Tx) error {
		r, err := livesTable.Get(tx, l.Node)
		if err != nil || r.Inc != l.Inc || r.State != lifeUp {
			return err
		}
		r.State, r.Why = state, why
		return livesTable.Put(tx, l.Node, r)
	})
}

// lives is what this node has of the rows: perhaps not the newest.
type lives struct {
	at   uint64
	conf lease.Conf
	rows map[uint64]lifeRow
	gone []uint64
}

func (v *lives) view() lease.View {
	out := lease.View{Conf: v.conf, Gone: v.gone}
	for n, r := range v.rows {
		out.Members = append(out.Members, r.member(n))
	}
	slices.SortFunc(out.Members, func(a, b lease.Member) int { return int(a.Node) - int(b.Node) })
	return out
}

// localLives reads the rows from this node's replica of the meta group, unless they are those of an index that is known.
func (d *DB) localLives(ctx context.Context, known uint64) (*lives, error) {
	s := &local{group: txn.MetaGroup, host: d.host, state: d.state}
	v, err := s.view(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	if v.at() == known {
		return nil, nil
	}
	out := &lives{at: v.at(), rows: map[uint64]lifeRow{}}
	voters, err := v.get(ctx, votersTable.at(votersRowKey))
	if err == nil && voters.version != 0 {
		var r Row[string, votersRow]
		if r, err = votersTable.decode(voters.key, voters.value); err == nil {
			out.conf = r.Value.conf(voters.version)
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
			out.rows[r.Key] = r.Value
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
				out.gone = append(out.gone, r.number)
			}
		}
	}
	return out, err
}
