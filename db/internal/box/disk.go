// SPDX-License-Identifier: Apache-2.0

package box

import (
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var errInjected = errors.New("injected: the disk failed")

// disk is a node's file system. It can be cut off at any sync: what survives is decided then.
type disk struct {
	vfs.FS
	mem *vfs.MemFS

	mu      sync.Mutex // pebble syncs on its own goroutines, while ours waits for it
	syncs   int        // so far
	crashAt int        // the crash comes with this one; 0: none planned
	after   bool       // it comes when the sync is through, not before
	failAt  int        // this one fails, and all behind it
	keep    int        // percent of unsynced data that survive
	rng     *rand.Rand
	crashed *vfs.MemFS // what the crash left
	failed  bool
}

func newDisk(mem *vfs.MemFS, rng *rand.Rand) *disk { return &disk{FS: mem, mem: mem, rng: rng} }

// cut is what is on the disk after a crash right now.
func (d *disk) cut(keep int) *vfs.MemFS {
	if keep == 0 {
		return d.mem.CrashClone(vfs.CrashCloneCfg{})
	}
	return d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: keep, RNG: d.rng})
}

// sync runs a sync of the file system below, if it may.
func (d *disk) sync(f func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if d.crashed != nil {
		return f() // into the void: the survivor is another file system
	}
	if d.failAt != 0 && d.syncs >= d.failAt {
		d.failed = true
		return errInjected
	}
	at := d.syncs == d.crashAt
	if at && !d.after {
		d.crashed = d.cut(d.keep)
	}
	err := f()
	if at && d.after {
		d.crashed = d.cut(d.keep)
	}
	return err
}

type file struct {
	vfs.File
	d *disk
}

func (f file) Sync() error     { return f.d.sync(f.File.Sync) }
func (f file) SyncData() error { return f.d.sync(f.File.SyncData) }

// SyncTo is an asynchronous hint to a real disk; here it does nothing, which is allowed.
func (f file) SyncTo(int64) (bool, error) { return false, nil }

func (d *disk) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return file{f, d}, nil
}

// Create implements vfs.FS.
func (d *disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap(d.FS.Create(name, c))
}

// OpenReadWrite implements vfs.FS.
func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return d.wrap(d.FS.OpenReadWrite(name, c, o...))
}

// OpenDir implements vfs.FS.
func (d *disk) OpenDir(name string) (vfs.File, error) { return d.wrap(d.FS.OpenDir(name)) }

// ReuseForWrite implements vfs.FS.
func (d *disk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap(d.FS.ReuseForWrite(old, name, c))
}
