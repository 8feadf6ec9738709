// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
)

// Inspector looks at the tables of a node, this one or another, without knowing their types: for operators. It is a process of
// that node, which ends when it is closed or not asked for a minute, and reads one table at a time. Everything is a call.
type Inspector struct{ ref banyan.Ref[*inspector] }

// RowText is a row, for people and for programs that do not know its types.
type RowText struct {
	// Key and Value are JSON. What encoding/json does not take, or would leave out (unexported fields), is a string of what
	// fmt prints.
	Key, Value string
	// Cut tells that one of them is a string of only the beginning, because it was longer than asked for.
	Cut bool
}

// Window is which rows of a table are read, and how much of each.
type Window struct {
	// From and Before bound the keys of an ordered table, as JSON; a string key needs no quotes. "": no bound.
	From, Before string
	// Bytes is the length of a key or value from which on it is cut. Default 4096, at most 64 KiB.
	Bytes int
}

const (
	inspectorName = "ets_inspector"
	idleInspector = 30 * time.Second
	pageRows      = 256
	pageBytes     = 1 << 20 // a page is sent when it has as much
	defaultBytes  = 4096
	mostBytes     = 64 << 10
)

// Inspect starts an Inspector on a node; "" is the own one. ctx must carry the own node, see banyan.Node.Context. Errors: those of
// banyan.SpawnAt.
func Inspect(ctx context.Context, node banyan.Atom) (Inspector, error) {
	ref, err := banyan.SpawnAt[*inspector](ctx, node, inspectorName)
	if err != nil {
		return Inspector{}, opError("inspect", "", err)
	}
	return Inspector{ref}, nil
}

// Tables gives the statistics of all tables of the node, in no order.
func (i Inspector) Tables(ctx context.Context) ([]Stats, error) {
	return banyan.Call(ctx, i.ref, askTables{})
}

// Rows calls f for the rows of a table until it returns false; what All promises holds, if nobody else uses the Inspector
// meanwhile. Errors: ErrNoTable, ErrAccess if the table is private, ErrBounds.
func (i Inspector) Rows(ctx context.Context, table banyan.Atom, w Window, f func(RowText) bool) error {
	if _, err := banyan.Call(ctx, i.ref, openText{table, w.From, w.Before, w.Bytes}); err != nil {
		return err
	}
	for {
		p, err := banyan.Call(ctx, i.ref, nextText{})
		if err != nil {
			return err
		}
		for _, r := range p.Rows {
			if !f(r) {
				return nil
			}
		}
		if !p.More {
			return nil
		}
	}
}

// Close ends it.
func (i Inspector) Close(ctx context.Context) { _ = banyan.Cast(ctx, i.ref, closeText{}) } // it would end anyway

func init() {
	banyan.RegisterSpawn(inspectorName, newInspector)
	banyan.RegisterCall[askTables]("ets_tables")
	banyan.RegisterCall[openText]("ets_open")
	banyan.RegisterCall[nextText]("ets_next")
	banyan.RegisterCast[closeText]("ets_close")
	banyan.RegisterType[Stats]()
	banyan.RegisterType[RowText]("{}")
	banyan.RegisterType[textPage]("{}")
	banyan.RegisterError("ets.access", ErrAccess)
	banyan.RegisterError("ets.bounds", ErrBounds)
}

// inspector is that process's state.
type inspector struct {
	open  textReader // nil: nothing is being read
	quiet bool       // nobody has asked since the last tick
}

func newInspector(_ context.Context, self *banyan.Self) (*inspector, error) {
	self.Every(idleInspector, tick{})
	return &inspector{}, nil
}

// Info ends it when nobody has asked for long.
func (i *inspector) Info(self *banyan.Self, m any) error { //lint:any the runtime's messages
	if _, ok := m.(tick); ok && i.quiet {
		self.Stop(banyan.ErrNormal)
	}
	i.quiet = true
	return nil
}

type closeText struct{}

// Cast ends it.
func (closeText) Cast(_ *inspector, self *banyan.Self) error {
	self.Stop(banyan.ErrNormal)
	return nil
}

type askTables struct{}

// Call gives the tables of the node.
func (askTables) Call(i *inspector, self *banyan.Self) ([]Stats, error) {
	i.quiet = false
	if _, ok := self.Node().Whereis(keeperName); !ok {
		return nil, nil // no table was ever made here
	}
	return Tables(self.Node())
}

type openText struct {
	Table        banyan.Atom
	From, Before string
	Bytes        int
}

// Call begins to read a table.
func (m openText) Call(i *inspector, self *banyan.Self) (ok bool, err error) {
	i.quiet = false
	i.open = nil
	if _, ok := self.Node().Whereis(keeperName); !ok {
		return false, ErrNoTable
	}
	w, err := caller(self)
	if err != nil {
		return false, err
	}
	e, err := w.find(m.Table)
	switch {
	case err != nil:
		return false, err
	case e.access == Private:
		return false, fmt.Errorf("%w: the table is private", ErrAccess)
	}
	if m.Bytes <= 0 {
		m.Bytes = defaultBytes
	}
	i.open, err = e.table.text(m.From, m.Before, min(m.Bytes, mostBytes))
	return err == nil, err
}

type nextText struct{}

type textPage struct {
	Rows []RowText
	More bool
}

// Call gives the next rows.
func (nextText) Call(i *inspector, self *banyan.Self) (p textPage, err error) {
	i.quiet = false
	if i.open == nil {
		return p, ErrNoTable
	}
	for bytes := 0; len(p.Rows) < pageRows && bytes < pageBytes; {
		r, more, err := i.open.next()
		if err != nil || !more {
			i.open = nil
			return p, err
		}
		p.Rows = append(p.Rows, r)
		bytes += len(r.Key) + len(r.Value)
	}
	p.More = true
	return p, nil
}
