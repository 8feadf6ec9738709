// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan"
)

// Access says which processes get a handle to a table (ets's public, protected and private). It is checked when a handle is
// made; a handle, once somebody has it, is a right to use the table.
type Access uint8

// The accesses. Protected is the default, as in Erlang.
const (
	Protected Access = iota // the owner writes, all read
	Public                  // all write and read
	Private                 // the owner writes and reads
)

// String is Erlang's word.
func (a Access) String() string { return [...]string{"protected", "public", "private"}[a] }

// info is what a table is besides its rows, of any types.
type info struct {
	name   banyan.Atom
	kind   string
	types  string
	node   *banyan.Node
	access Access

	// Handles compare these with what they were when the handle was made. Written by the keeper, and by Drop.
	readers, writers atomic.Uint32

	mu    sync.Mutex
	owner banyan.PID // zero: the node
	heir  banyan.PID // zero: none
	data  any        // for the heir
}

// pass is a handle's right. It ends when the table is dropped, or when one that is not public has a new owner.
type pass struct {
	now  *atomic.Uint32
	then uint32
}

const gone = 1 << 31 // no pass is as old

func (p pass) ok() bool { return p.now.Load() == p.then }

func (i *info) readPass() pass  { return pass{&i.readers, i.readers.Load()} }
func (i *info) writePass() pass { return pass{&i.writers, i.writers.Load()} }

func (i *info) closed() bool { return i.writers.Load() >= gone }

// close voids all handles; false if that was done before.
func (i *info) close() bool {
	i.readers.Store(gone)
	return i.writers.Swap(gone) < gone
}

// own gives the table to another process. Handles that the old owner alone could have are void afterwards; false if the
// table is gone.
func (i *info) own(pid banyan.PID) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed() {
		return false
	}
	i.owner = pid
	if i.access != Public {
		if w := i.writers.Load(); w >= gone || !i.writers.CompareAndSwap(w, w+1) {
			return false
		}
	}
	if i.access == Private {
		i.readers.Add(1)
	}
	return true
}

// disown undoes own, whose handles nobody has got.
func (i *info) disown(pid, back banyan.PID) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed() || i.owner != pid {
		return false
	}
	i.owner = back
	if i.access != Public {
		w := i.writers.Load()
		i.writers.CompareAndSwap(w, w-1)
	}
	if i.access == Private {
		i.readers.Add(^uint32(0))
	}
	return true
}

func (i *info) ownerNow() banyan.PID {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.owner
}
