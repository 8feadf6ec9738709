// SPDX-License-Identifier: Apache-2.0

package box

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// attempt is a transaction that is tried once: it reads views, and collects what it shall write.
type attempt struct {
	p        *process
	ctx      *deadline
	readOnly bool
	parts    map[uint64]*part
}

// part is what it has to do with one group.
type part struct {
	shard  *shard
	view   view // n is nil until something is read
	reads  map[string]uint64
	scans  []txn.Scan
	writes map[string]txn.Write
}

func (a *attempt) part(group uint64) *part {
	if a.parts[group] == nil {
		a.parts[group] = &part{shard: &shard{a.p, group}, reads: map[string]uint64{}, writes: map[string]txn.Write{}}
	}
	return a.parts[group]
}

// open opens the view of a part. That of a transaction that writes may be an old one: it is checked when it commits.
func (a *attempt) open(p *part) (err error) {
	if p.view.n != nil {
		return nil
	}
	if a.readOnly {
		if err := a.p.txns.Confirm(a.ctx, p.shard); err != nil {
			return err
		}
	}
	p.view, err = p.shard.view(a.ctx)
	return err
}

func (a *attempt) close() {
	for _, p := range a.parts {
		p.view.close()
	}
}

// stored is a row as it is read.
type stored struct {
	key, value []byte
	version    uint64
}

func getRow(r pebble.Reader, key []byte) (row stored, err error) {
	b, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return stored{key: key}, nil
	} else if err != nil {
		return row, err
	}
	defer closer.Close()
	version, value, err := txn.CutRow(b)
	return stored{key, bytes.Clone(value), version}, err
}

// get reads a row, or what the transaction has written to it.
func (a *attempt) get(key []byte) ([]byte, error) {
	p := a.part(txn.GroupOf(key))
	if w, ok := p.writes[string(key)]; ok {
		return w.Value, nil
	}
	if err := a.open(p); err != nil {
		return nil, err
	}
	row, err := read(a.ctx, p.view, func(r pebble.Reader) (stored, error) { return getRow(r, key) })
	if err == nil {
		p.reads[string(key)] = row.version
	}
	return row.value, err
}

// scan goes through the rows of a table in a group.
func (a *attempt) scan(group uint64, table uint32) ([]stored, error) {
	p := a.part(group)
	if err := a.open(p); err != nil {
		return nil, err
	}
	s := txn.Scan{From: prefix(group, table)}
	s.To = txn.After(s.From)
	rows, err := read(a.ctx, p.view, func(r pebble.Reader) (rows []stored, err error) {
		it, err := r.NewIter(&pebble.IterOptions{LowerBound: s.From, UpperBound: s.To})
		if err != nil {
			return nil, err
		}
		for ok := it.First(); ok && err == nil; ok = it.Next() {
			row := stored{key: bytes.Clone(it.Key())}
			row.version, row.value, err = txn.CutRow(it.Value())
			row.value = bytes.Clone(row.value)
			rows = append(rows, row)
		}
		return rows, errors.Join(err, it.Error(), it.Close())
	})
	if err == nil {
		s.Rows = uint64(len(rows))
		p.scans = append(p.scans, s)
	}
	return rows, err
}

func (a *attempt) write(w txn.Write) { a.part(txn.GroupOf(w.Key)).writes[string(w.Key)] = w }

func (a *attempt) put(key, value []byte) { a.write(txn.Write{Key: key, Value: value}) }

// coordinated are the parts, as a coordinator needs them.
func (a *attempt) coordinated() (list []twophase.Part, writes int) {
	for _, g := range slices.Sorted(maps.Keys(a.parts)) {
		p := a.parts[g]
		e := &txn.Entry{Kind: txn.KindCommit, At: p.view.index, Scans: p.scans}
		for _, k := range slices.Sorted(maps.Keys(p.reads)) {
			e.Reads = append(e.Reads, txn.Read{Key: []byte(k), Version: p.reads[k]})
		}
		for _, k := range slices.Sorted(maps.Keys(p.writes)) {
			e.Writes = append(e.Writes, p.writes[k])
		}
		writes += len(e.Writes)
		list = append(list, twophase.Part{Group: g, Shard: p.shard, Entry: e})
	}
	return list, writes
}

// end commits it, or finds out whether what it has read was there at one moment.
func (a *attempt) end() (txn.Outcome, twophase.ID, error) {
	parts, writes := a.coordinated()
	start := uint64(0)
	if !a.readOnly {
		start = a.ctx.start()
	}
	switch {
	case writes > 0:
		return a.p.txns.Commit(a.ctx, start, parts)
	case a.readOnly && len(parts) == 1:
		p := a.parts[parts[0].Group]
		if p.view.n == nil {
			return txn.Outcome{Verdict: txn.Committed}, twophase.ID{}, nil
		}
		writers, err := read(a.ctx, p.view, func(r pebble.Reader) ([]txn.Holder, error) { return txn.Writers(r, p.shard.group, parts[0].Entry) })
		if err != nil {
			return txn.Outcome{}, twophase.ID{}, err
		}
		out, err := a.p.txns.Undecided(a.ctx, p.shard.group, writers)
		return out, twophase.ID{}, err
	}
	out, err := a.p.txns.Validate(a.ctx, parts)
	return out, twophase.ID{}, err
}

// start is when the transaction was first tried, by the clock of its node, which need not be right.
func (d *deadline) start() uint64 {
	skew := int64(d.t.p.n.id%3) * 100e6
	return uint64(int64(d.until-patience) + skew + 1e9)
}

// transact runs fn until it commits, as package db does. The error says how that ended: nil, ErrUnknown with the id to ask for, or that surely nothing was done.
func (p *process) transact(t *task, readOnly bool, fn func(a *attempt) error) (id twophase.ID, err error) {
	ctx := p.limit(t)
	for n := 0; ; n++ {
		a := &attempt{p: p, ctx: ctx, readOnly: readOnly, parts: map[uint64]*part{}}
		var out txn.Outcome
		if err = fn(a); err == nil {
			out, id, err = a.end()
		}
		a.close()
		switch {
		case errors.Is(err, errViewOver):
			out = txn.Outcome{Verdict: txn.Conflict}
		case err != nil:
			return id, err
		case out.Verdict == txn.Committed:
			return id, nil
		}
		if err := p.txns.Again(ctx, ctx.start(), n, out); err != nil {
			return id, err
		}
	}
}

// The tables.
const (
	accounts uint32 = iota + 1
	counters
	tokens
	lists
	digests // for the checker: one mark in each group
)

// prefix is where the rows of a table are in a group.
func prefix(group uint64, table uint32) []byte {
	from, _ := txn.SlotsOf(group)
	return txn.Prefix(from, table)
}

func keyOf(group uint64, table uint32, name string) []byte {
	return append(prefix(group, table), name...)
}

func encodeNumbers(list ...int64) (b []byte) {
	for _, n := range list {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}

func decodeNumbers(b []byte) (list []int64) {
	for ; len(b) >= 8; b = b[8:] {
		list = append(list, int64(binary.BigEndian.Uint64(b)))
	}
	return list
}
