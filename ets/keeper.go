// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan"
)

// keeperName is under which the process is registered that knows the tables of a node. It starts with the first table.
const keeperName banyan.Atom = "banyan_ets"

// sweepEvery is how often expired rows are looked for.
const sweepEvery = time.Second

// keeper is that process's state: which tables there are, by name and by owner. It watches the owners.
type keeper struct {
	tables map[*info]*entry
	named  map[banyan.Atom]*entry
	// watched counts an owner's tables. Invariant: every owner of a table is in it, unless that is the node.
	watched map[banyan.PID]*watch
	ticking bool
}

type watch struct {
	ref banyan.Reference
	n   int
}

// entry is a table as the keeper knows it.
type entry struct {
	*info
	table kept
}

// Immutable: an entry is shared between the keeper and those who ask it.
func (*entry) Immutable() {}

// kept is what a keeper does with a table of any types.
type kept interface {
	drop()                                            //  its rows
	sweep()                                           // expired rows
	transfer(from banyan.PID, data any) (message any) // what a new owner is sent
	describe() Stats
	text(from, before string, bytes int) (textReader, error)
}

// where is who makes or opens tables.
type where struct {
	node *banyan.Node
	pid  banyan.PID // zero: the node
	ctx  context.Context
}

func caller(by banyan.Spawner) (where, error) {
	switch by := by.(type) {
	case *banyan.Self:
		return where{by.Node(), by.PID(), by}, nil
	case *banyan.Node:
		if by != nil {
			return where{by, banyan.PID{}, by.Context(context.Background())}, nil
		}
	}
	return where{}, banyan.ErrNoNode
}

// keeperOf finds the node's keeper, or starts it.
func keeperOf(n *banyan.Node) (banyan.Ref[*keeper], error) {
	for range 3 {
		if pid, ok := n.Whereis(keeperName); ok {
			return banyan.RefOf[*keeper](n, pid)
		}
		k := &keeper{map[*info]*entry{}, map[banyan.Atom]*entry{}, map[banyan.PID]*watch{}, false}
		ref, err := banyan.SpawnState(n, k, banyan.Name(keeperName))
		if !errors.Is(err, banyan.ErrNameTaken) {
			return ref, err
		}
	}
	return banyan.Ref[*keeper]{}, banyan.ErrNoProcess
}

func (w where) enter(e *entry) error {
	ref, err := keeperOf(w.node)
	if err == nil {
		_, err = banyan.Call(w.ctx, ref, enter{e})
	}
	return err
}

func (w where) find(name banyan.Atom) (*entry, error) {
	ref, err := keeperOf(w.node)
	if err != nil {
		return nil, err
	}
	return banyan.Call(w.ctx, ref, find{name})
}

// enter is the message for a new table.
type enter struct{ e *entry }

// Immutable: see entry.
func (enter) Immutable() {}

// Call enters the table and begins to watch its owner.
func (m enter) Call(k *keeper, self *banyan.Self) (struct{}, error) {
	if m.e.name != "" {
		if old := k.lookup(self, m.e.name); old != nil {
			return struct{}{}, banyan.ErrNameTaken
		}
		k.named[m.e.name] = m.e
	}
	k.tables[m.e.info] = m.e
	k.watch(self, m.e.owner)
	if !k.ticking {
		k.ticking = true
		self.Every(sweepEvery, tick{})
	}
	return struct{}{}, nil
}

// lookup finds a living table by name. An owner that has ended just now may not have been reported yet.
func (k *keeper) lookup(self *banyan.Self, name banyan.Atom) *entry {
	e := k.named[name]
	if e == nil {
		return nil
	}
	if owner := e.ownerNow(); !owner.IsZero() {
		if _, alive := self.Node().Info(owner); !alive {
			k.orphaned(self, owner)
			e = k.named[name]
		}
	}
	if e != nil && e.closed() {
		k.forget(self, e)
		return nil
	}
	return e
}

type find struct{ name banyan.Atom }

// Call finds a table by name.
func (m find) Call(k *keeper, self *banyan.Self) (*entry, error) {
	if e := k.lookup(self, m.name); e != nil {
		return e, nil
	}
	return nil, ErrNoTable
}

// list is asked for statistics of all tables.
type list struct{}

// Call gives the tables.
func (m list) Call(k *keeper, _ *banyan.Self) ([]*entry, error) {
	all := make([]*entry, 0, len(k.tables))
	for _, e := range k.tables {
		all = append(all, e)
	}
	return all, nil
}

// dropped tells of a table that somebody has dropped.
type dropped struct{ i *info }

// Immutable: see entry.
func (dropped) Immutable() {}

// Cast forgets it.
func (m dropped) Cast(k *keeper, self *banyan.Self) error {
	if e := k.tables[m.i]; e != nil {
		k.forget(self, e)
	}
	return nil
}

func (k *keeper) forget(self *banyan.Self, e *entry) {
	delete(k.tables, e.info)
	if k.named[e.name] == e {
		delete(k.named, e.name)
	}
	k.unwatch(self, e.ownerNow())
}

func (k *keeper) watch(self *banyan.Self, pid banyan.PID) {
	if pid.IsZero() {
		return
	}
	w := k.watched[pid]
	if w == nil {
		w = &watch{}
		k.watched[pid] = w
		w.ref = self.Monitor(pid)
	}
	w.n++
}

func (k *keeper) unwatch(self *banyan.Self, pid banyan.PID) {
	w := k.watched[pid]
	if w == nil {
		return
	}
	if w.n--; w.n == 0 {
		self.Demonitor(w.ref)
		delete(k.watched, pid)
	}
}

type tick struct{}

// Info hears of owners that have ended, and of time that has passed.
func (k *keeper) Info(self *banyan.Self, m any) error { //lint:any the runtime's messages
	switch m := m.(type) {
	case banyan.Down:
		k.orphaned(self, m.PID)
	case tick:
		for _, e := range k.tables {
			e.table.sweep()
		}
	}
	return nil
}

// Terminate drops all tables with the node.
func (k *keeper) Terminate(*banyan.Self, error) {
	for _, e := range k.tables {
		if e.close() {
			e.table.drop()
		}
	}
}
