// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/txn"
	"github.com/banyan-go/banyan/etf"
)

// DirtyOption is an option of Dirty.
type DirtyOption struct{ maxLag time.Duration }

// MaxLag bounds how old what Dirty reads may be: what was committed that long before the call is seen. The replica must have asked its leader, and have got all that the leader had then,
// within that time; if not, a View reads instead, which takes a round trip, or fails. Reads keep the replica asking: who reads
// twice as often as the bound is long is seldom made to wait.
func MaxLag(d time.Duration) DirtyOption { return DirtyOption{d} }

// Dirty reads a row as this process's replica has it: without a transaction, a lock, or a question to anybody. It sees what has been committed here, which may be
// less than what has been committed, and of a transaction over several groups perhaps only a part. In a process without a replica of the
// row's group, and beyond MaxLag, it reads in a View.
//
// From a table that is stored as RAM or DiskRAM the value comes from memory, and readers of a row share it: what it refers to must not be changed.
func (t *Table[K, V]) Dirty(ctx context.Context, k K, options ...DirtyOption) (v V, ok bool, err error) {
	select {
	case <-t.db.closed:
		return v, false, ErrClosed
	default:
	}
	if len(options) > 0 && t.lags(t.at(k), options) {
		return t.viewed(ctx, k)
	}
	if t.copy != nil {
		return t.fromCopy(ctx, k)
	}
	key := t.at(k)
	st, here := t.db.replica(txn.GroupOf(key))
	if !here {
		return t.viewed(ctx, k)
	}
	if !t.db.users.enter() {
		return v, false, ErrClosed
	}
	defer t.db.users.leave()
	stored, closer, err := st.Reader().Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return t.missing(ctx, k, txn.GroupOf(key))
	} else if err != nil {
		return v, false, fmt.Errorf("db: table %q: %w", t.name, err)
	}
	defer closer.Close()
	_, value, err := txn.CutRow(stored)
	if err == nil {
		err = etf.Unmarshal(value, &v)
	}
	return v, err == nil, err
}

// fromCopy reads in memory. What was decoded once is kept beside the row.
func (t *Table[K, V]) fromCopy(ctx context.Context, k K) (v V, ok bool, err error) {
	var room [64]byte
	key, ok := plainKey(room[:0], &k)
	if !ok {
		other := k // so that k itself stays off the heap
		key = t.key.append(nil, reflect.ValueOf(&other).Elem())
	}
	group := txn.GroupOfSlot(t.slotOf(k, key))
	if _, here := t.db.replica(group); !here {
		return t.viewed(ctx, k)
	}
	all := t.db.engineOf(group).copies
	since := all.replacements.Load()
	r := t.copy.get(key)
	for r == nil && !all.settled(since) {
		since = all.replacements.Load()
		r = t.copy.get(key)
	}
	if r == nil {
		return t.missing(ctx, k, group)
	}
	if d := r.decoded.Load(); d != nil {
		if v, ok := (*d).(V); ok {
			return v, true, nil
		}
	}
	if err := etf.Unmarshal(r.value, &v); err != nil {
		return v, false, fmt.Errorf("db: table %q: %w", t.name, err)
	}
	d := any(v)
	r.decoded.Store(&d)
	return v, true, nil
}

// missing says that a row is not there, if the replica that did not have it is still one: what it had goes when it is removed.
func (t *Table[K, V]) missing(ctx context.Context, k K, group uint64) (v V, ok bool, err error) {
	if _, here := t.db.replica(group); !here {
		return t.viewed(ctx, k)
	}
	return v, false, nil
}

func (t *Table[K, V]) viewed(ctx context.Context, k K) (v V, ok bool, err error) {
	err = t.db.View(ctx, func(tx *Tx) (err error) {
		v, ok, err = t.Lookup(tx, k)
		return err
	})
	return v, ok, err
}

// lags reports whether what the replica here has may be too old. It has it asked anew when half of the time is over.
func (t *Table[K, V]) lags(key []byte, options []DirtyOption) bool {
	s, err := t.db.shard(txn.GroupOf(key))
	if err != nil {
		return true // a view tells
	}
	lag, most := s.lag(), never
	for _, o := range options {
		most = min(most, o.maxLag)
	}
	if lag > most/2 && lag <= most {
		s.refresh()
	}
	return lag > most
}
