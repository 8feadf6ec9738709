// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// The definitions of tables are rows of table 0 of the meta group, under 'd' and the table's name; the next number for a table is there under 'n'.
// Besides, a table has a mark in each group where it may have rows. Who uses a table reads the mark in the group that it uses, and never the definition: so
// its commit does not touch the meta group. Definition and marks come and go in one transaction.
var schema = txn.Prefix(txn.Meta.Base(), 0)

// firstTable is the first number of a table of users. Those below are for the tables of the database itself; see systemTable.
const firstTable = 1024

func definitionKey(name string) []byte { return appendString(append(bytes.Clone(schema), 'd'), name) }

func nextKey() []byte { return append(bytes.Clone(schema), 'n') }

// tableRef is what a transaction knows of a table.
type tableRef struct {
	name    string
	id      uint32
	class   txn.Class
	storage Storage
	part    string // names the partition key; empty: the table lies in one slot
	system  bool   // it has no definition, and is always there
}

// ranges are where the table has rows, one range for each group, from the first to the last of the slots there.
func (r *tableRef) ranges() (list []txn.Scan) {
	prefixes := func(slot, more uint16) {
		p := txn.Prefix(slot, r.id)
		list = append(list, txn.Scan{From: p, To: txn.After(p), More: more})
	}
	if r.part == "" {
		prefixes(txn.TableSlot(r.class, r.id), 0)
		return list
	}
	for _, g := range r.class.Groups() {
		from, to := txn.SlotsOf(g)
		prefixes(from, to-from)
	}
	return list
}

// use makes the transaction depend on the table's being there, so that none commits to a table that was dropped meanwhile.
func (tx *Tx) use(t *tableRef, group uint64) error {
	if err := tx.usable(); err != nil || t.system {
		return err
	}
	mark := txn.MarkKey(group, t.id)
	p, err := tx.part(group)
	if err != nil {
		return err
	}
	seen, read := p.reads[string(mark)]
	if seen != 0 {
		return nil
	}
	// A view has no commit that would find out; and who has found no mark stays with that, or the commit would not either.
	if version := tx.db.marks.of(group, t.id); version != 0 && !tx.readOnly && !read {
		p.read(mark, version)
		return nil
	}
	_, ok, err := tx.get(mark)
	if err == nil && !ok {
		err = fmt.Errorf("db: table %q: %w", t.name, ErrNoTable)
	}
	if err == nil {
		tx.db.marks.learn(group, t.id, p.reads[string(mark)])
	}
	return err
}

// definition is what is written down of a table.
type definition struct {
	ID         uint32
	Storage    Storage
	Copies     int // 0: 3
	Key, Value string
	Part       string
}

func (d definition) ref(name string) tableRef {
	return tableRef{name: name, id: d.ID, class: d.class(), storage: d.Storage, part: d.Part}
}

func (d definition) copies() int { return cmp.Or(d.Copies, txn.Disk.Copies()) }

// class is that of the table's groups. The options of tables let no others through than those that there is one for.
func (d definition) class() txn.Class {
	c, _ := txn.ClassFor(d.Storage == RAM, d.copies())
	return c
}

func (d definition) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, d.ID)
	b = append(b, byte(d.Storage))
	b = appendString(appendString(appendString(b, d.Key), d.Value), d.Part)
	if d.copies() != txn.Disk.Copies() {
		b = append(b, byte(d.Copies))
	}
	return b
}

func decodeDefinition(b []byte) (d definition, err error) {
	if len(b) < 5 {
		return d, errKey
	}
	d.ID, d.Storage = binary.BigEndian.Uint32(b), Storage(b[4])
	b = b[5:]
	for _, s := range []*string{&d.Key, &d.Value, &d.Part} {
		if *s, b, err = cutString(b); err != nil {
			return d, err
		}
	}
	if len(b) > 0 {
		d.Copies = int(b[0])
	}
	if _, ok := txn.ClassFor(d.Storage == RAM, d.copies()); !ok {
		return d, errKey
	}
	return d, nil
}

// fits says why a table cannot be opened as another one.
func (d definition) fits(want definition) error {
	switch {
	case d.Key != want.Key || d.Value != want.Value:
		return fmt.Errorf("%w: keys %s and values %s, not %s and %s", ErrType, d.Key, d.Value, want.Key, want.Value)
	case d.Part != want.Part:
		return fmt.Errorf("%w: it is partitioned by %q, not by %q", ErrType, d.Part, want.Part)
	case d.Storage != want.Storage:
		return fmt.Errorf("%w: it is stored as %v, not as %v", ErrType, d.Storage, want.Storage)
	case d.copies() != want.copies():
		return fmt.Errorf("%w: it is replicated to %s, not to %s", ErrType, copiesText(d.copies()), copiesText(want.copies()))
	}
	return nil
}

// define finds a table's definition, or makes it, and the groups that it lies in.
func (d *DB) define(ctx context.Context, name string, want definition) (ref tableRef, err error) {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	for {
		ref, err = d.defineOnce(ctx, name, want)
		if !errors.Is(err, errUnmade) || ctx.Err() != nil {
			return ref, err
		}
		if err := d.makeGroups(ctx, want.class()); err != nil {
			return ref, err
		}
	}
}

func (d *DB) defineOnce(ctx context.Context, name string, want definition) (ref tableRef, err error) {
	err = d.Update(ctx, func(tx *Tx) error {
		b, ok, err := tx.get(definitionKey(name))
		if err != nil {
			return err
		}
		if ok {
			have, err := decodeDefinition(b)
			if err == nil {
				err = have.fits(want)
			}
			ref = have.ref(name)
			return err
		}
		if err := tx.made(want.class()); err != nil {
			return err
		}
		want.ID = firstTable
		if b, ok, err := tx.get(nextKey()); err != nil {
			return err
		} else if ok && len(b) == 4 {
			want.ID = binary.BigEndian.Uint32(b)
		}
		ref = want.ref(name)
		if err := tx.write(txn.Write{Key: nextKey(), Value: binary.BigEndian.AppendUint32(nil, want.ID+1)}); err != nil {
			return err
		}
		if err := tx.mark(ref); err != nil {
			return err
		}
		return tx.write(txn.Write{Key: definitionKey(name), Value: want.encode()})
	})
	return ref, err
}

// mark writes a table's marks.
func (tx *Tx) mark(ref tableRef) (err error) {
	for _, r := range ref.ranges() {
		err = errors.Join(err, tx.write(txn.Write{Key: txn.MarkKey(txn.GroupOf(r.From), ref.id)}))
	}
	return err
}

// Drop removes a table with all its rows. Transactions that use it and are not committed yet end with ErrNoTable. A table that is not there is
// ErrNoTable too.
func (d *DB) Drop(ctx context.Context, name string) error {
	return d.Update(ctx, func(tx *Tx) error {
		b, ok, err := tx.get(definitionKey(name))
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("db: table %q: %w", name, ErrNoTable)
		}
		def, err := decodeDefinition(b)
		if err != nil {
			return err
		}
		ref := def.ref(name)
		if err := tx.made(ref.class); err != nil {
			return err
		}
		for _, r := range ref.ranges() {
			mark := txn.MarkKey(txn.GroupOf(r.From), ref.id)
			if err := errors.Join(tx.write(txn.Write{Key: r.From, Clear: true, More: r.More}), tx.write(txn.Write{Key: mark, Delete: true})); err != nil {
				return err
			}
		}
		return tx.write(txn.Write{Key: definitionKey(name), Delete: true})
	})
}

// TableInfo describes a table.
type TableInfo struct {
	Name       string
	Key, Value string // the types, as they are written down
	// Partition names the partition key; it is empty for a table that lies in one slot.
	Partition string
	Storage   Storage
	// Copies is how many nodes shall have a copy of each row; Everywhere: all of them. Present is how many have one now, and are heard: of the group of the table that has the
	// fewest; 0: nobody knows, since nobody leads it.
	Copies, Present int
	// Lost is how often a table in RAM has lost rows because too many nodes ended at once, LostAt when the last time, in seconds since 1970.
	Lost   int
	LostAt int64
}

// Tables lists the tables by name.
func (d *DB) Tables(ctx context.Context) (list []TableInfo, err error) {
	var refs []tableRef
	err = d.View(ctx, func(tx *Tx) error {
		list, refs = nil, nil
		err := tx.definitions(func(name string, def definition) error {
			list = append(list, TableInfo{Name: name, Key: def.Key, Value: def.Value, Partition: def.Part, Storage: def.Storage, Copies: def.copies()})
			refs = append(refs, def.ref(name))
			return nil
		})
		for i, ref := range refs {
			for _, r := range ref.ranges() {
				if err != nil || fromBirth(ref.class) {
					break
				}
				var h homeRow
				h, err = homesTable.Get(tx, txn.GroupOf(r.From))
				if int(h.Lost) > list[i].Lost {
					list[i].Lost, list[i].LostAt = int(h.Lost), h.Since
				}
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var present map[uint64]int
	if d.member != nil {
		present = d.member.present(ctx)
	}
	for i, ref := range refs {
		for n, r := range ref.ranges() {
			copies := 1
			if d.member != nil {
				copies = present[txn.GroupOf(r.From)]
			}
			if n == 0 || copies < list[i].Present {
				list[i].Present = copies
			}
		}
	}
	return list, nil
}

// definitions goes through the definitions of all tables, by name.
func (tx *Tx) definitions(fn func(name string, def definition) error) error {
	prefix := append(bytes.Clone(schema), 'd')
	var bad error
	err := tx.rows([]txn.Scan{{From: prefix, To: txn.After(prefix)}}, false, func(key, value []byte) bool {
		name, _, err := cutString(key[len(prefix):])
		var def definition
		if err == nil {
			def, err = decodeDefinition(value)
		}
		if err == nil {
			err = fn(name, def)
		}
		bad = err
		return err == nil
	})
	if bad != nil {
		return bad
	}
	return err
}
