// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// ram is what a database has for the tables that are kept in memory only: groups of their own, with a host and stores of their own. It is made when the first such
// table is.
type ram struct {
	mu     sync.Mutex
	host   *host.Host // nil until it is made
	log    *raftlog.Store
	state  *state.Store
	copies *copies
	shards map[uint64]shard
}

// ramShard finds a group of tables in memory.
func (d *DB) ramShard(group uint64) (shard, error) {
	d.ram.mu.Lock()
	defer d.ram.mu.Unlock()
	if err := d.ram.start(d); err != nil {
		return nil, err
	}
	return d.ram.shards[group], nil
}

// start makes the groups, if they are not there yet.
func (r *ram) start(d *DB) (err error) {
	select {
	case <-d.closed:
		return ErrClosed
	default:
	}
	if r.host != nil {
		return nil
	}
	if d.member != nil {
		return fmt.Errorf("%w: tables in memory only are for databases of one process", ErrStorage)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.closeStores())
		}
	}()
	fs := vfs.NewMem()
	if r.log, err = raftlog.Open(disk.Options{FS: fs, Dir: "log", MemTableBytes: 32 << 20}, newID); err != nil {
		return err
	}
	if r.state, err = state.Open(disk.Options{FS: fs, Dir: "state", CacheBytes: 32 << 20, MemTableBytes: 32 << 20}, r.log.ID(), txn.Machine{}); err != nil {
		return err
	}
	r.copies = newCopies(r.state)
	core, err := host.New(host.Config{Node: founder, Log: r.log, State: r.state, Rand: newRand()})
	if err != nil {
		return err
	}
	for _, g := range txn.RAM.Groups() {
		if err := core.Create(g, []state.Member{{Replica: 1, Node: founder, Store: r.log.ID()}}); err != nil {
			return err
		}
	}
	r.host = host.Start(core, tick, nil)
	r.shards = map[uint64]shard{}
	for _, g := range txn.RAM.Groups() {
		r.shards[g] = &local{group: g, host: r.host, state: r.state}
	}
	return nil
}

func (r *ram) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.host == nil {
		return nil
	}
	r.host.Stop()
	return r.closeStores()
}

func (r *ram) closeStores() (err error) {
	if r.state != nil {
		err = r.state.Close()
	}
	if r.log != nil {
		err = errors.Join(err, r.log.Close())
	}
	r.log, r.state = nil, nil
	return err
}

// refill makes the tables that are kept in memory only be there again after a start, empty. Nobody else uses the database yet.
func (d *DB) refill(ctx context.Context) error {
	var empty []tableRef
	err := d.View(ctx, func(tx *Tx) error {
		empty = nil
		return tx.definitions(func(name string, def definition) error {
			if def.Storage == RAM {
				empty = append(empty, def.ref(name))
			}
			return nil
		})
	})
	for _, ref := range empty {
		if err == nil {
			err = d.Update(ctx, func(tx *Tx) error { return tx.mark(ref) })
		}
	}
	return err
}
