// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/txn"
)

func init() { banyan.RegisterType[homeRow]("{}") }

// A database begins with the groups of tables on the disk in three copies. Those of other classes are made when the first table of a class is: each has a row in the meta group, which
// says where it begins. For a group in memory the row says besides in which stores it may have a replica: when none of these stores is left, it begins anew, with nothing,
// and its epoch rises. Of an earlier epoch there is no replica then that could still answer, so no two epochs serve at a time.
var homesTable = systemTable[uint64, homeRow]("homes", 43)

// homeRow is the row of a group.
type homeRow struct {
	// Epoch counts the beginnings. Replica ids and indexes of one are above all those of the one before: nothing of it is taken for its like of now.
	Epoch uint64
	// Node and Store are where its first replica is. Made: it is there, with the marks of all tables.
	Node, Store uint64
	Made        bool
	// Stores are those that may have a replica, of a group in memory. Invariant: each replica's store is among them before the replica is added, and until it is removed.
	Stores []uint64
	// Lost is how often all was lost that was in it, Since when that was noticed the last time, in seconds since 1970.
	Lost  uint64
	Since int64
}

func (r homeRow) replica() uint64 { return r.Epoch<<32 | 1 }
func (r homeRow) index() uint64   { return r.Epoch << 40 }

// epochOf is the epoch of a replica.
func epochOf(replica uint64) uint64 { return replica >> 32 }

// errUnmade: the groups of a table are not there, yet or again. Nothing has happened.
var errUnmade = fmt.Errorf("%w: the groups of the table are being made", ErrNoQuorum)

// fromBirth reports whether every database has the groups of a class.
func fromBirth(c txn.Class) bool { return c == txn.Disk || c == txn.Meta }

func (d *DB) number() uint64 {
	if d.member != nil {
		return d.member.number
	}
	return founder
}

// made makes a transaction depend on the groups of a class: errUnmade, if they are not there. Who writes and removes marks asks it, so that a group that begins anew
// begins with the right ones.
func (tx *Tx) made(c txn.Class) error {
	if fromBirth(c) {
		return nil
	}
	for _, g := range c.Groups() {
		if r, err := homesTable.Get(tx, g); err != nil || !r.Made {
			return errors.Join(err, errUnmade)
		}
	}
	return nil
}

// makeGroups makes the groups of a class, here if nobody has begun to.
func (d *DB) makeGroups(ctx context.Context, c txn.Class) error {
	for attempt := 0; ; attempt++ {
		ready, mine := true, false
		err := d.Update(ctx, func(tx *Tx) error {
			ready, mine = true, false
			for _, g := range c.Groups() {
				r, ok, err := homesTable.Lookup(tx, g)
				if err != nil {
					return err
				}
				if !ok {
					r = homeRow{Epoch: 1, Node: d.number(), Store: d.engineOf(g).log.ID()}
					r.Stores = []uint64{r.Store}
					if err := homesTable.Put(tx, g, r); err != nil {
						return err
					}
				}
				ready, mine = ready && r.Made, mine || !r.Made && r.Store == d.engineOf(g).log.ID()
			}
			return nil
		})
		if err == nil && mine {
			err = d.found(ctx)
		}
		if err != nil || ready {
			return err
		}
		if d.member != nil && mine {
			d.member.filled(ctx, c)
		}
		if err := d.pause(ctx, attempt); err != nil {
			return fmt.Errorf("%w: %w", errUnmade, err)
		}
	}
}

// found makes the groups that shall begin in this process's stores.
func (d *DB) found(ctx context.Context) error {
	var todo []Row[uint64, homeRow]
	marks := map[uint64][]byte{}
	err := d.View(ctx, func(tx *Tx) error {
		todo = nil
		for r, err := range homesTable.All(tx, Range[uint64]{}) {
			if err != nil {
				return err
			}
			if d.shards[r.Key] != nil && !r.Value.Made && r.Value.Store == d.engineOf(r.Key).log.ID() {
				todo = append(todo, r)
			}
		}
		var refs []tableRef
		if err := tx.definitions(func(name string, def definition) error { refs = append(refs, def.ref(name)); return nil }); err != nil {
			return err
		}
		for _, r := range todo { // nobody changes them as long as the group is not made
			marks[r.Key] = marksOf(r.Key, r.Value, refs)
		}
		return nil
	})
	for _, r := range todo {
		if err == nil {
			err = d.foundOne(ctx, r.Key, r.Value, marks[r.Key])
		}
	}
	return err
}

// marksOf are the marks of a group's tables, as rows of a snapshot.
func marksOf(group uint64, r homeRow, refs []tableRef) (rows []byte) {
	var keys [][]byte
	for _, ref := range refs {
		for _, s := range ref.ranges() {
			if txn.GroupOf(s.From) == group {
				keys = append(keys, txn.MarkKey(group, ref.id))
			}
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	for _, k := range keys {
		rows = state.AppendRow(rows, k, txn.MarkRow(r.index()))
	}
	return rows
}

func (d *DB) foundOne(ctx context.Context, group uint64, r homeRow, marks []byte) error {
	e := d.engineOf(group)
	if st, ok := e.host.Status(group); ok && epochOf(st.Replica) < r.Epoch {
		if err := e.abandon(ctx, group); err != nil {
			return err
		}
	}
	var err error
	if !e.do(func(c *host.Core) { err = c.Begin(group, r.replica(), r.index(), marks) }) {
		return d.stopped()
	}
	if err != nil && !errors.Is(err, host.ErrRefused) { // refused: it was here, and has moved on
		return fmt.Errorf("db: group %d: %w", group, err)
	}
	return d.Update(ctx, func(tx *Tx) error {
		now, err := homesTable.Get(tx, group)
		if err != nil || now.Epoch != r.Epoch || now.Made {
			return err
		}
		now.Made = true
		return homesTable.Put(tx, group, now)
	})
}

// abandon ends the replica of a group that is here.
func (e *engine) abandon(ctx context.Context, group uint64) error {
	done := make(chan struct{})
	if !e.host.Do(func(c *host.Core) { c.Abandon(group, func() { close(done) }) }) {
		return host.ErrStopped
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.host.Done():
		return host.ErrStopped
	}
}

// renew lets groups begin anew of which nothing is left: those in memory, and those that were never made.
func (d *DB) renew(ctx context.Context) error {
	return d.Update(ctx, func(tx *Tx) error {
		alive := map[uint64]bool{d.log.ID(): true, d.ram.log.ID(): true}
		if d.member != nil {
			rows, err := nodesOf(tx)
			if err != nil {
				return err
			}
			alive = storesOf(rows)
		}
		var lost []Row[uint64, homeRow]
		for r, err := range homesTable.All(tx, Range[uint64]{}) {
			if err != nil {
				return err
			}
			if d.shards[r.Key] != nil && r.Value.over(r.Key, alive) {
				lost = append(lost, r)
			}
		}
		for _, r := range lost {
			h := homeRow{Epoch: r.Value.Epoch + 1, Node: d.number(), Store: d.engineOf(r.Key).log.ID(), Lost: r.Value.Lost, Since: r.Value.Since}
			h.Stores = []uint64{h.Store}
			if r.Value.Made {
				h.Lost, h.Since = h.Lost+1, time.Now().Unix()
			}
			if err := homesTable.Put(tx, r.Key, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// over reports whether nothing is left of a group, given the stores that there are.
func (r homeRow) over(group uint64, alive map[uint64]bool) bool {
	if r.Made && !txn.ClassOf(group).InRAM() {
		return false // what is on disks may come back
	}
	return !slices.ContainsFunc(r.Stores, func(s uint64) bool { return alive[s] })
}

// storesOf are the stores that nodes have: a node's newest process has the only one in memory, and a node that is gone has none.
func storesOf(rows []nodeRow) map[uint64]bool {
	m := map[uint64]bool{}
	for _, r := range rows {
		if r.state != placement.Gone {
			m[r.store], m[r.ram] = true, true
		}
	}
	delete(m, 0)
	return m
}
