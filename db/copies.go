// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// copies are the tables of one state store that have a full copy in memory, for dirty reads. It implements state.Watcher.
type copies struct {
	store *state.Store

	mu     sync.Mutex // held while a table is copied, which holds up the goroutine that applies
	tables map[uint32]*tableCopy
	some   atomic.Bool // there is a table, or there will be

	replacements atomic.Uint64 // of groups, begun and ended: odd while one goes on, and rows are missing
}

// settled waits until no group is being replaced, and reports whether one was since so many replacements: then what was missing may be there.
func (c *copies) settled(since uint64) bool {
	if since%2 == 0 && c.replacements.Load() == since {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return false
}

// tableCopy is the copy of one table, in parts so that readers and the one who writes seldom meet.
type tableCopy struct {
	seed  maphash.Seed
	parts [64]copyPart
}

type copyPart struct {
	mu   sync.RWMutex
	rows map[string]*rowCopy // by the key behind the prefix
}

// rowCopy is a row as it was stored. It is not changed, but for the decoded form.
type rowCopy struct {
	slot    uint16
	value   []byte
	decoded atomic.Pointer[any] // the value; nil until somebody has read it
}

func newCopies(s *state.Store) *copies {
	c := &copies{store: s, tables: map[uint32]*tableCopy{}}
	s.Watch(c)
	return c
}

// table finds the copy of a table, or makes it.
func (c *copies) table(ref *tableRef) (*tableCopy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tables[ref.id]; t != nil {
		return t, nil
	}
	t := &tableCopy{seed: maphash.MakeSeed()}
	for i := range t.parts {
		t.parts[i].rows = map[string]*rowCopy{}
	}
	// What is applied from here on waits until the copy is there, and is then put into it, again or for the first time. So some comes first: who
	// still finds it false has committed before the view is opened.
	c.some.Store(true)
	view := c.store.View()
	defer view.Close()
	for _, s := range ref.ranges() {
		if err := t.load(view, s); err != nil {
			return nil, fmt.Errorf("db: table %q: %w", ref.name, err)
		}
	}
	c.tables[ref.id] = t
	return t, nil
}

// load copies the rows of a range.
func (t *tableCopy) load(r pebble.Reader, s txn.Scan) (err error) {
	from, to := s.Bounds()
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	return s.Each(it, func(_, to []byte) error {
		for ok := true; ok && bytes.Compare(it.Key(), to) < 0; ok = it.Next() {
			if err := t.set(it.Key(), it.Value()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tableCopy) part(key []byte) *copyPart {
	return &t.parts[maphash.Bytes(t.seed, key)%uint64(len(t.parts))]
}

func (t *tableCopy) set(key, stored []byte) error {
	_, value, err := txn.CutRow(stored)
	if err != nil {
		return err
	}
	r := &rowCopy{slot: binary.BigEndian.Uint16(key[1:]), value: bytes.Clone(value)}
	key = key[txn.PrefixLen:]
	p := t.part(key)
	p.mu.Lock()
	p.rows[string(key)] = r
	p.mu.Unlock()
	return nil
}

func (t *tableCopy) get(key []byte) *rowCopy {
	p := t.part(key)
	p.mu.RLock()
	r := p.rows[string(key)]
	p.mu.RUnlock()
	return r
}

// drop removes the rows for which gone is true.
func (t *tableCopy) drop(gone func(key string, r *rowCopy) bool) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		for k, r := range p.rows {
			if gone(k, r) {
				delete(p.rows, k)
			}
		}
		p.mu.Unlock()
	}
}

// of is the copy that a key of the store belongs to, nil if none.
func (c *copies) of(key []byte) *tableCopy {
	id, ok := txn.TableOf(key)
	if !ok {
		return nil
	}
	return c.tables[id]
}

// Applied implements state.Watcher.
func (c *copies) Applied(_ uint64, b *pebble.Batch) {
	if !c.some.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := b.Reader(); ; {
		kind, key, value, ok, err := r.Next()
		if !ok || err != nil {
			return
		}
		t := c.of(key)
		if t == nil {
			continue
		}
		switch kind {
		case pebble.InternalKeyKindSet:
			_ = t.set(key, value) // it was written a moment ago
		case pebble.InternalKeyKindDelete:
			k := string(key[txn.PrefixLen:])
			p := t.part(key[txn.PrefixLen:])
			p.mu.Lock()
			delete(p.rows, k)
			p.mu.Unlock()
		case pebble.InternalKeyKindRangeDelete: // all rows of the table in a slot
			slot := binary.BigEndian.Uint16(key[1:])
			t.drop(func(_ string, r *rowCopy) bool { return r.slot == slot })
		}
	}
}

// Replaced implements state.Watcher.
func (c *copies) Replaced(group uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replacements.Add(1)
	defer c.replacements.Add(1)
	view := c.store.View()
	defer view.Close()
	from, to := txn.SlotsOf(group)
	for id, t := range c.tables {
		t.drop(func(_ string, r *rowCopy) bool { return r.slot >= from && r.slot <= to })
		p := txn.Prefix(from, id)
		_ = t.load(view, txn.Scan{From: p, To: txn.After(p), More: to - from}) // a store that cannot be read ends by itself
	}
}
