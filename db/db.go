// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/tenure"
	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// tick is the length of the host's ticks.
const tick = 100 * time.Millisecond

// patience is how long a transaction without a deadline tries.
const patience = 10 * time.Second

// DB is an open database.
type DB struct {
	engine                  // on the disk
	ram    engine           // in memory
	shards map[uint64]shard // all groups that there may be; not changed once the database is open

	member *member // nil of one that Open gave
	fs     vfs.FS
	dir    string

	names   nameCache
	leasing sync.Mutex     // guards leases
	leases  *tenure.Keeper // nil until they are of use: see lease
	downs   listeners[[]Down]

	losses listeners[Lost]
	marks  marks

	session  txn.Session
	txns     *twophase.Coordinator
	world    *world // of the coordinator
	left     later
	users    users
	closing  sync.Once
	closed   chan struct{}
	closeErr error
}

// Open opens or creates the database in a folder, which one process can have open at a time. With the folder "" it is in memory, and gone
// when it is closed.
func Open(dir string) (*DB, error) {
	if dir == "" {
		return open(vfs.NewMem(), "db")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	return open(vfs.Default, dir)
}

// newID draws the identity of a new store.
func newID() uint64 {
	var b [8]byte
	_, _ = crand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint64(b[:]) | 1
}

func open(fs vfs.FS, dir string) (_ *DB, err error) {
	d, err := openStores(fs, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("db: %w", errors.Join(err, d.closeStores()))
		}
	}()
	refused := &refusals{}
	core, err := host.New(host.Config{Node: founder, Log: d.log, State: d.state, Rand: newRand(), Events: refused})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(refused.errs...); err != nil {
		return nil, err
	}
	if err := d.create(core); err != nil {
		return nil, err
	}
	for _, g := range core.Groups() {
		if st, _ := core.Status(g); len(st.Conf.Members) != 1 || st.Conf.Members[0].Store != d.log.ID() {
			return nil, fmt.Errorf("%s is a part of database %s, which has several nodes: use Start", dir, databaseName(d.cluster()))
		}
	}
	d.host = host.Start(core, tick, nil)
	if err := d.startRAM(host.Config{Node: founder}, nil); err != nil {
		return nil, err
	}
	d.shards = map[uint64]shard{}
	for _, g := range allGroups() {
		d.shards[g] = d.here(g)
	}
	return d, d.begin()
}

// startRAM starts the host of the groups in memory.
func (d *DB) startRAM(c host.Config, t host.Transport) error {
	c.Log, c.State, c.Rand = d.ram.log, d.ram.state, newRand()
	core, err := host.New(c)
	if err == nil {
		d.ram.host = host.Start(core, tick, t)
	}
	return err
}

// groups are those that a database has from its beginning.
func groups() []uint64 { return append(txn.Meta.Groups(), txn.Disk.Groups()...) }

// allGroups are those that it may have.
func allGroups() (list []uint64) {
	for _, c := range txn.Classes() {
		list = append(list, c.Groups()...)
	}
	return list
}

func newRand() *rand.Rand { return rand.New(rand.NewPCG(newID(), newID())) }

// openStores opens what a database has on the disk.
func openStores(fs vfs.FS, dir string) (_ *DB, err error) {
	d := &DB{closed: make(chan struct{})}
	defer func() {
		if err != nil {
			err = fmt.Errorf("db: %w", errors.Join(err, d.closeStores()))
		}
	}()
	if err := checkFormat(fs, dir); err != nil {
		return nil, err
	}
	if d.log, err = raftlog.Open(disk.Options{FS: fs, Dir: filepath.Join(dir, "log"), MemTableBytes: 32 << 20}, newID); err != nil {
		return nil, err
	}
	d.state, err = state.Open(disk.Options{FS: fs, Dir: filepath.Join(dir, "state"), CacheBytes: 64 << 20, MemTableBytes: 32 << 20}, d.log.ID(),
		txn.Machine{Watch: d.applied, Replace: d.replaced})
	if err != nil {
		return nil, err
	}
	d.copies = newCopies(d.state)
	if err = d.ram.openMemory(); err != nil {
		return nil, err
	}
	d.session = sessionOf(d.log.ID(), d.log.Boot())
	d.world = &world{DB: d}
	d.txns = &twophase.Coordinator{World: d.world, Session: d.session, Expiry: twophase.Expiry}
	d.fs, d.dir = fs, dir
	return d, d.names.load(d)
}

// founder is the number of the node that creates the database.
const founder = 1

// create creates the database: all groups have their first replica here. It is the last step that gives the database its name, so
// that one which a crash broke off is done again, and one that is done never is.
func (d *DB) create(core *host.Core) error {
	if d.cluster() != 0 {
		return nil
	}
	for _, g := range groups() {
		if err := core.Create(g, []state.Member{{Replica: 1, Node: founder, Store: d.log.ID()}}); err != nil {
			return err
		}
	}
	return d.log.SetMember(newID(), founder)
}

// cluster is the database's name, 0 if it has none yet.
func (d *DB) cluster() uint64 {
	c, _ := d.log.Member()
	return c
}

func sessionOf(store, boot uint64) (s txn.Session) {
	binary.BigEndian.PutUint64(s[:], store)
	binary.BigEndian.PutUint64(s[8:], boot)
	return s
}

// storeOf is the store whose process a session was of.
func storeOf(s txn.Session) uint64 { return binary.BigEndian.Uint64(s[:]) }

// refusals are the replicas that the host would not start.
type refusals struct{ errs []error }

func (*refusals) Leader(uint64, uint64, uint64, bool) {}
func (*refusals) Conf(uint64, uint64, state.Conf)     {}
func (*refusals) Gone(uint64, uint64)                 {}
func (r *refusals) Lost(group, replica uint64, why string) {
	r.errs = append(r.errs, fmt.Errorf("replica %d of group %d cannot be used: %s: restore the folder as a whole", replica, group, why))
}

// begin ends the sessions that earlier processes had in this folder, and begins anew what they had in memory. Nobody else uses the database yet.
func (d *DB) begin() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := d.renew(ctx)
	if err == nil {
		err = d.found(ctx)
	}
	if err != nil {
		return err
	}
	return d.forgetSessions(ctx)
}

// replica finds the store that has a replica of a group, if one is here.
func (d *DB) replica(group uint64) (*state.Store, bool) {
	switch s := d.shards[group].(type) {
	case *local:
		return s.state, true
	case *spread:
		return s.state, s.readsHere()
	}
	return nil, false
}

// copyOf finds the copy of a table that has one.
func (d *DB) copyOf(ref *tableRef) (*tableCopy, error) {
	if ref.storage == Disk {
		return nil, nil
	}
	return d.engineOf(ref.class.Groups()[0]).copies.table(ref)
}

// shard finds a group.
func (d *DB) shard(group uint64) (shard, error) {
	if s := d.shards[group]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("db: there is no group %d", group)
}

// Close closes the database. Transactions under way end with ErrClosed or ErrUnknown, and are waited for: it must not be called by the function of one. Closing
// twice is closing once.
func (d *DB) Close() error {
	d.closing.Do(func() {
		if d.member != nil {
			d.member.farewell()
		}
		d.endLease()
		close(d.closed)
		if d.member != nil {
			d.member.stop()
		}
		d.engine.stop()
		d.ram.stop()
		d.left.wait()
		d.users.wait()
		d.closeErr = d.closeStores()
	})
	return d.closeErr
}

func (d *DB) closeStores() error { return errors.Join(d.ram.close(), d.engine.close()) }

// applied follows what the groups write, replaced what replaces them.
func (d *DB) applied(group, index uint64, writes []txn.Write) {
	if group == txn.MetaGroup {
		d.names.applied(index, writes)
	}
}

func (d *DB) replaced(group uint64) {
	if group == txn.MetaGroup {
		d.names.reload(d)
	}
}

// stopped says why nothing goes any more.
func (d *DB) stopped() error {
	select {
	case <-d.closed:
		return ErrClosed
	default:
	}
	return errors.Join(ErrDead, d.log.Err(), d.state.Err(), d.ram.log.Err(), d.ram.state.Err())
}

// View runs fn on the newest state, as it is at one moment that lies between the call and the return. What it reads is kept for it for as long as it
// runs. If it reads in several groups, it is checked at the end whether all of that was there at one moment; if not, fn runs again. If that goes on until ctx ends,
// the error is ErrConflict: one that goes through all of a partitioned table may find no such moment under hundreds of writes a second.
func (d *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	for attempt := 0; ; attempt++ {
		tx := &Tx{db: d, ctx: ctx, readOnly: true}
		out, err := d.attempt(tx, fn)
		if err != nil {
			return tx.lastly(err, attempt)
		}
		if out.Verdict == txn.Committed {
			return nil
		}
		if err := d.again(ctx, tx, attempt, out); err != nil {
			return err
		}
	}
}

// limit gives a context a deadline.
func (d *DB) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, patience)
}

// pause waits a little, the longer the more often: up to 50 ms, with jitter.
func (d *DB) pause(ctx context.Context, attempt int) error {
	t := time.NewTimer(time.Duration(float64(time.Millisecond<<min(attempt, 5)) * (0.5 + rand.Float64())))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-d.closed:
		return ErrClosed
	}
}
