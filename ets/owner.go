// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"context"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/clone"
)

// Transfer is the message by which a process becomes the owner of a table: because it was the heir, or by GiveAway. H is
// *Set[K, V], *OrderedSet[K, V], *Bag[K, V] or *DuplicateBag[K, V] (ets: 'ETS-TRANSFER').
type Transfer[H any] struct {
	Table H
	From  banyan.PID // who had it
	Data  any        //lint:any what Heir or GiveAway was given
}

// Immutable: the table is a handle, and Data was copied.
func (Transfer[H]) Immutable() {}

// newHandle makes transfer messages for one kind of handle.
func newHandle[K comparable, V, H any](of func(*core[K, V], *info) H) func(*core[K, V], *info, banyan.PID, any) any {
	return func(c *core[K, V], i *info, from banyan.PID, data any) any {
		return Transfer[H]{of(c, i), from, data}
	}
}

// GiveAway makes another process of the node the owner; it gets a Transfer with data. self must be the owner. Of a table that is
// not public this handle, and all its copies, are void afterwards. Errors: ErrAccess, ErrNoTable, banyan.ErrNoProcess,
// banyan.ErrMailboxFull; then nothing has changed.
func (t Table[K, V]) GiveAway(self *banyan.Self, to banyan.PID, data any) error { //lint:any whatever the new owner understands
	return give{i: t.info, from: self.PID(), to: to}.do("give away", self, data)
}

// SetHeir changes the heir, see the option Heir; a zero pid is no heir. self must be the owner.
func (t Table[K, V]) SetHeir(self *banyan.Self, heir banyan.PID, data any) error { //lint:any whatever the heir understands
	return give{i: t.info, from: self.PID(), to: heir, heir: true}.do("set heir", self, data)
}

func (m give) do(op string, self *banyan.Self, data any) (err error) {
	if m.data, err = clone.Any(data); err != nil {
		return opError(op, m.i.name, err)
	}
	ref, err := keeperOf(m.i.node)
	if err == nil {
		_, err = banyan.Call(self, ref, m)
	}
	if err != nil {
		return opError(op, m.i.name, err)
	}
	return nil
}

// Owner is the process that the table belongs to; zero if that is the node.
func (r Reader[K, V]) Owner() banyan.PID { return r.info.ownerNow() }

// Drop ends the table: its rows and its name are gone, all handles are void (ets:delete/1).
func (t Table[K, V]) Drop() error {
	if !t.write.ok() || !t.info.close() {
		return t.void("drop")
	}
	t.core.empty()
	ref, err := keeperOf(t.info.node)
	if err == nil {
		err = banyan.Cast(t.info.node.Context(context.Background()), ref, dropped{t.info})
	}
	if err != nil { // the keeper finds it closed when it is asked for the name
		t.info.node.Logger().Warn("ets: dropped table is forgotten later", "table", string(t.info.name), "error", err)
	}
	return nil
}

// keptCore is a table in the hands of the keeper.
type keptCore[K comparable, V any] struct {
	core   *core[K, V]
	info   *info
	handle func(*core[K, V], *info, banyan.PID, any) any
}

func (k *keptCore[K, V]) drop()           { k.core.empty() }
func (k *keptCore[K, V]) sweep()          { k.core.sweep() }
func (k *keptCore[K, V]) describe() Stats { return k.core.describe(k.info) }
func (k *keptCore[K, V]) transfer(from banyan.PID, data any) any {
	return k.handle(k.core, k.info, from, data)
}

// orphaned gives the tables of a process that has ended to their heirs, or drops them.
func (k *keeper) orphaned(self *banyan.Self, pid banyan.PID) {
	for _, e := range k.tables {
		if e.ownerNow() != pid {
			continue
		}
		e.mu.Lock()
		heir, data := e.heir, e.data
		e.mu.Unlock()
		if heir.IsZero() || heir == pid || k.move(self, e, pid, heir, data) != nil {
			k.forget(self, e)
			if e.close() {
				e.table.drop()
			}
		}
	}
	delete(k.watched, pid)
}

// move makes a process the owner and tells it. If it cannot be told the table has nobody, which is for the caller to mend.
func (k *keeper) move(self *banyan.Self, e *entry, from, to banyan.PID, data any) error {
	if _, alive := self.Node().Info(to); !alive {
		return banyan.ErrNoProcess
	}
	if !e.own(to) {
		return ErrNoTable
	}
	k.unwatch(self, from)
	k.watch(self, to)
	return banyan.Send(self, to, e.table.transfer(from, data))
}

// give is the message of GiveAway and SetHeir.
type give struct {
	i    *info
	from banyan.PID
	to   banyan.PID
	data any
	heir bool // it is to be the heir only
}

// Immutable: data was copied.
func (give) Immutable() {}

// Call changes the owner, or the heir.
func (m give) Call(k *keeper, self *banyan.Self) (struct{}, error) {
	e := k.tables[m.i]
	switch {
	case e == nil || e.closed():
		return struct{}{}, ErrNoTable
	case e.ownerNow() != m.from:
		return struct{}{}, ErrAccess
	case m.heir:
		e.mu.Lock()
		e.heir, e.data = m.to, m.data
		e.mu.Unlock()
		return struct{}{}, nil
	}
	err := k.move(self, e, m.from, m.to, m.data)
	if err != nil && e.disown(m.to, m.from) { // it is there, but its mailbox is full
		k.unwatch(self, m.to)
		k.watch(self, m.from)
	}
	return struct{}{}, err
}
