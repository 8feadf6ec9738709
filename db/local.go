// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// local is a group that is led by this process.
type local struct {
	group uint64
	host  *host.Host
	state *state.Store
}

func (l *local) Confirm(ctx context.Context) error { return l.host.Read(ctx, l.group) }

func (l *local) lag() time.Duration { return 0 }

func (l *local) refresh() {}

func (l *local) Propose(ctx context.Context, data []byte) (txn.Outcome, error) {
	r, err := l.host.Propose(ctx, l.group, data)
	if err != nil {
		return txn.Outcome{}, err
	}
	return r.Value.(txn.Outcome), nil
}

func (l *local) Consult(_ context.Context, e *txn.Entry) (txn.Seen, error) {
	v := l.state.View() // all of one moment
	defer v.Close()
	if _, err := l.state.At(v, l.group); err != nil { // the replica was removed: that nothing is known here means nothing
		return txn.Seen{}, err
	}
	return txn.Look(v, l.group, e)
}

func (l *local) view(context.Context) (view, error) {
	v := &localView{group: l.group, snap: l.state.View()}
	var err error
	if v.index, err = l.state.At(v.snap, l.group); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// localView is a snapshot of this process's state store.
type localView struct {
	group uint64
	snap  *pebble.Snapshot
	it    *pebble.Iterator // made when it is needed, and then moved about
	index uint64
}

func (v *localView) at() uint64 { return v.index }

func (v *localView) writers(_ context.Context, e *txn.Entry) ([]txn.Holder, error) {
	return txn.Writers(v.snap, v.group, e)
}

func (v *localView) close() {
	if v.it != nil {
		_ = v.it.Close() // page has told its errors
	}
	_ = v.snap.Close() // it never fails
}

func (v *localView) get(_ context.Context, key []byte) (row, error) {
	b, closer, err := v.snap.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return row{key: key}, nil
	}
	if err != nil {
		return row{}, fmt.Errorf("db: %w", err)
	}
	defer closer.Close()
	return cutRow(key, b)
}

func cutRow(key, stored []byte) (row, error) {
	version, value, err := txn.CutRow(stored)
	return row{key: key, value: bytes.Clone(value), version: version}, err
}

func (v *localView) page(_ context.Context, s txn.Scan, backward bool, max int) (runs []run, err error) {
	from, to := s.Bounds()
	if v.it == nil {
		if v.it, err = v.snap.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to}); err != nil {
			return nil, fmt.Errorf("db: %w", err)
		}
	} else {
		v.it.SetBounds(from, to)
	}
	it := v.it
	err = s.Each(it, func(from, to []byte) error {
		var r run
		ok, step := true, it.Next
		within := func() bool { return bytes.Compare(it.Key(), to) < 0 }
		if backward {
			ok, step = it.SeekLT(to), it.Prev
			within = func() bool { return bytes.Compare(it.Key(), from) >= 0 }
		}
		for ; ok && within(); ok = step() {
			if len(r.rows) == max {
				r.more = true
				break
			}
			row, err := cutRow(bytes.Clone(it.Key()), it.Value())
			if err != nil {
				return err
			}
			r.rows = append(r.rows, row)
		}
		runs = append(runs, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	return runs, nil
}
