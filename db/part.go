// SPDX-License-Identifier: Apache-2.0

package db

import (
	"maps"
	"slices"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// part is what a transaction has to do with one group.
type part struct {
	group  uint64
	shard  shard
	view   view // nil until something is read
	reads  map[string]uint64
	scans  []txn.Scan
	writes map[string]txn.Write
}

// part finds or begins the transaction's part in a group.
func (tx *Tx) part(group uint64) (*part, error) {
	if p := tx.parts[group]; p != nil {
		return p, nil
	}
	s, err := tx.db.shard(group)
	if err != nil {
		return nil, err
	}
	p := &part{group: group, shard: s}
	if tx.parts == nil {
		tx.parts = map[uint64]*part{}
	}
	tx.parts[group] = p
	return p, nil
}

// open opens the view of a part.
func (tx *Tx) open(p *part) error {
	if p.view != nil {
		return nil
	}
	if tx.readOnly {
		if err := tx.db.txns.Confirm(tx.ctx, p.shard); err != nil {
			return err
		}
	}
	var err error
	p.view, err = p.shard.view(tx.ctx)
	return err
}

// sorted are the parts by group.
func (tx *Tx) sorted() (list []*part) {
	for _, g := range slices.Sorted(maps.Keys(tx.parts)) {
		list = append(list, tx.parts[g])
	}
	return list
}

// entry is the part as the log has it.
func (p *part) entry(k txn.Kind) *txn.Entry {
	e := &txn.Entry{Kind: k, Scans: p.scans}
	if p.view != nil {
		e.At = p.view.at()
	}
	for _, k := range slices.Sorted(maps.Keys(p.reads)) {
		e.Reads = append(e.Reads, txn.Read{Key: []byte(k), Version: p.reads[k]})
	}
	for _, k := range slices.Sorted(maps.Keys(p.writes)) {
		e.Writes = append(e.Writes, p.writes[k])
	}
	return e
}

func (p *part) read(key []byte, version uint64) {
	if p.reads == nil {
		p.reads = map[string]uint64{}
	}
	p.reads[string(key)] = version
}

func (p *part) write(w txn.Write) {
	if p.writes == nil {
		p.writes = map[string]txn.Write{}
	}
	p.writes[string(w.Key)] = w
}
