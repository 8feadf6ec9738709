// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// A node without a replica of a group reads in a view that the group's leader keeps for it. There are so many of them at a leader at one
// time, and a view that nobody has used for viewIdle is closed: its reader is told errViewOver, and its transaction begins again.
const (
	views    = 1024
	viewIdle = 10 * time.Second
	// pageRows is how many rows of each slot one answer has at most.
	pageRows = 500
)

// errViewOver: the view was not used for too long, or its node does not answer. The transaction is tried again.
var errViewOver = errors.New("db: a view on another node is over")

func init() {
	banyan.RegisterCall[viewCall]("banyan_db_view")
	banyan.RegisterCall[getCall]("banyan_db_get")
	banyan.RegisterCall[pageCall]("banyan_db_page")
	banyan.RegisterCall[writersCall]("banyan_db_writers")
	banyan.RegisterCast[closeNote]("banyan_db_close")
	banyan.RegisterType[rowsAnswer]("{}")
	banyan.RegisterType[farRow]("{}")
	banyan.RegisterType[farRun]("{}")
}

// servedView is a view that this node keeps for another one. The desk uses it, one call at a time.
type servedView struct {
	*localView
	used time.Time
}

// viewCall opens a view of the newest state.
type viewCall struct{ Cluster, Group uint64 }

// Call implements banyan.Query.
func (q viewCall) Call(d *desk, self *banyan.Self) (answer, error) {
	return d.later(self, q.Cluster, q.Group, func(c *host.Core, reply func(answer)) {
		c.ReadIndex(q.Group, func(_ uint64, err error) {
			if err != nil {
				reply(failure(err))
				return
			}
			v, err := d.m.db.here(q.Group).view(d.m.ctx)
			if err != nil {
				reply(failure(err))
				return
			}
			id, ok := d.m.keep(v.(*localView))
			if !ok {
				v.close()
				reply(answer{Code: codeBusy})
				return
			}
			reply(answer{View: id, At: v.at()})
		})
	})
}

// keep notes a view.
func (m *member) keep(v *localView) (id uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.views) >= views || m.ctx.Err() != nil {
		return 0, false
	}
	m.lastView++
	m.views[m.lastView] = &servedView{v, time.Now()}
	return m.lastView, true
}

// kept takes a view out to use it: nobody closes it meanwhile.
func (m *member) kept(id uint64) *servedView {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.views[id]
	delete(m.views, id)
	return v
}

// putBack ends the use of a view.
func (m *member) putBack(id uint64, v *servedView) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		v.close()
		return
	}
	v.used = time.Now()
	m.views[id] = v
}

// dropViews closes the views that were not used for so long; 0: all.
func (m *member) dropViews(idle time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, v := range m.views {
		if time.Since(v.used) >= idle {
			v.close()
			delete(m.views, id)
		}
	}
}

// farRow is a row on the wire.
type farRow struct {
	Key, Value []byte
	Version    uint64
}

// farRun is a run of rows on the wire.
type farRun struct {
	Rows []farRow
	More bool
}

// rowsAnswer is a row, or a page, or who writes; Over: the view is over.
type rowsAnswer struct {
	Over    bool
	Row     farRow
	Runs    []farRun
	Holders []byte
}

// getCall reads a row of a view.
type getCall struct {
	View uint64
	Key  []byte
}

// Call implements banyan.Query.
func (q getCall) Call(d *desk, self *banyan.Self) (rowsAnswer, error) {
	v := d.m.kept(q.View)
	if v == nil {
		return rowsAnswer{Over: true}, nil
	}
	defer d.m.putBack(q.View, v)
	r, err := v.get(self, q.Key)
	return rowsAnswer{Row: farRow{q.Key, r.value, r.version}}, err
}

// pageCall reads a page of a view. Entry is an encoded entry with one scan, the range.
type pageCall struct {
	View     uint64
	Entry    []byte
	Backward bool
	Most     int
}

// Call implements banyan.Query.
func (q pageCall) Call(d *desk, self *banyan.Self) (a rowsAnswer, err error) {
	e, err := txn.Decode(q.Entry)
	if err != nil || len(e.Scans) != 1 {
		return a, errors.Join(txn.ErrEntry, err)
	}
	v := d.m.kept(q.View)
	if v == nil {
		return rowsAnswer{Over: true}, nil
	}
	defer d.m.putBack(q.View, v)
	runs, err := v.page(self, e.Scans[0], q.Backward, min(max(q.Most, 1), pageRows))
	for _, r := range runs {
		far := farRun{More: r.more}
		for _, x := range r.rows {
			far.Rows = append(far.Rows, farRow{x.key, x.value, x.version})
		}
		a.Runs = append(a.Runs, far)
	}
	return a, err
}

// writersCall asks who is about to change what was read in a view.
type writersCall struct {
	View  uint64
	Entry []byte
}

// Call implements banyan.Query.
func (q writersCall) Call(d *desk, self *banyan.Self) (a rowsAnswer, err error) {
	e, err := txn.Decode(q.Entry)
	if err != nil {
		return a, err
	}
	v := d.m.kept(q.View)
	if v == nil {
		return rowsAnswer{Over: true}, nil
	}
	defer d.m.putBack(q.View, v)
	list, err := v.writers(self, e)
	return rowsAnswer{Holders: txn.AppendHolders(nil, list)}, err
}

// closeNote ends a view.
type closeNote struct{ View uint64 }

// Cast implements banyan.Note.
func (n closeNote) Cast(d *desk, _ *banyan.Self) error {
	if v := d.m.kept(n.View); v != nil {
		v.close()
	}
	return nil
}

// farView is a view that another node keeps.
type farView struct {
	s     *spread
	node  uint64
	id    uint64
	index uint64
}

func (v *farView) at() uint64 { return v.index }

func (v *farView) close() {
	m := v.s.m
	_ = banyan.Cast(banyan.NoWait(m.ctx), banyan.At[*desk](askDoor, m.peers.name(v.node)), closeNote{v.id}) // lost: it is closed for being idle
}

// read sends a call to the view's node. When that does not answer, the transaction cannot go on.
func read[Q banyan.Query[*desk, rowsAnswer]](ctx context.Context, v *farView, q Q) (rowsAnswer, error) {
	m := v.s.m
	name := m.peers.name(v.node)
	ctx, cancel := m.health.during(ctx, v.node)
	defer cancel()
	a, err := banyan.Call(banyan.NoConnect(m.node.Context(ctx)), banyan.At[*desk](askDoor, name), q)
	switch {
	case err == nil && a.Over:
		return a, errViewOver
	case err != nil:
		return a, fmt.Errorf("%w: node %s: %w", errViewOver, name, err)
	}
	return a, nil
}

func (v *farView) get(ctx context.Context, key []byte) (row, error) {
	a, err := read(ctx, v, getCall{v.id, key})
	return row{key: key, value: a.Row.Value, version: a.Row.Version}, err
}

func (v *farView) page(ctx context.Context, s txn.Scan, backward bool, most int) (runs []run, err error) {
	e := txn.Entry{Kind: txn.KindCommit, Scans: []txn.Scan{s}}
	a, err := read(ctx, v, pageCall{v.id, e.Append(nil), backward, most})
	for _, far := range a.Runs {
		r := run{more: far.More}
		for _, x := range far.Rows {
			r.rows = append(r.rows, row{x.Key, x.Value, x.Version})
		}
		runs = append(runs, r)
	}
	return runs, err
}

func (v *farView) writers(ctx context.Context, e *txn.Entry) ([]txn.Holder, error) {
	a, err := read(ctx, v, writersCall{v.id, e.Append(nil)})
	return txn.DecodeHolders(a.Holders), err
}
