// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// engine is a raft host and what it stands on. A database has two: one on the disk, and one in memory for the tables that are kept there only. The second one begins
// with nothing in each process, under a name that no store had before: what was in memory is gone, and so are the replicas that knew it. A replica that forgot how it voted and went on
// under its old id would break raft.
type engine struct {
	host  *host.Host // nil until it is started
	log   *raftlog.Store
	state *state.Store
	// copies are in memory what dirty reads read: of tables on the disk those that are stored as DiskRAM, of tables in memory all.
	copies *copies
}

func (e *engine) openMemory() (err error) {
	fs := vfs.NewMem()
	if e.log, err = raftlog.Open(disk.Options{FS: fs, Dir: "log", MemTableBytes: 32 << 20, Volatile: true}, newID); err != nil {
		return err
	}
	e.state, err = state.Open(disk.Options{FS: fs, Dir: "state", CacheBytes: 32 << 20, MemTableBytes: 32 << 20}, e.log.ID(), txn.Machine{})
	if err == nil {
		e.copies = newCopies(e.state)
	}
	return err
}

func (e *engine) stop() {
	if e.host != nil {
		e.host.Stop()
	}
}

// close closes the stores, when the host has stopped and nobody looks into them.
func (e *engine) close() (err error) {
	if e.state != nil {
		err = e.state.Close()
	}
	if e.log != nil {
		err = errors.Join(err, e.log.Close())
	}
	return err
}

// do runs f on the goroutine of the host's core, and waits for it; false: the host has stopped.
func (e *engine) do(f func(c *host.Core)) bool {
	done := make(chan struct{})
	if !e.host.Do(func(c *host.Core) { defer close(done); f(c) }) {
		return false
	}
	<-done
	return true
}

// engineOf is the engine that a group lives in.
func (d *DB) engineOf(group uint64) *engine {
	if txn.ClassOf(group).InRAM() {
		return &d.ram
	}
	return &d.engine
}

// engines are both of them.
func (d *DB) engines() []*engine { return []*engine{&d.engine, &d.ram} }

// here is a group as it is in this process.
func (d *DB) here(group uint64) *local {
	e := d.engineOf(group)
	return &local{group: group, host: e.host, state: e.state}
}
