// SPDX-License-Identifier: Apache-2.0

package box

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	errInjected = errors.New("injected: the disk failed")
	errFull     = fmt.Errorf("injected: the disk is full: %w", syscall.ENOSPC)
)

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
	full    bool       // writes find no room
	noReads bool       // reads fail
	rng     *rand.Rand
	crashed *vfs.MemFS // what the crash left
	failed  bool
}

func newDisk(mem *vfs.MemFS, rng *rand.Rand) *disk { return &disk{FS: mem, mem: mem, rng: rng} }

// folders are where a node's files are.
var folders = []string{"log", "state"}

// cut is what is on the disk after a crash right now: what was synced, and of the rest about so many of a hundred blocks and new files. What is
// removed and not synced comes back. The choice is made here and in an order, since the file system's own one would not replay.
func (d *disk) cut(keep int) *vfs.MemFS {
	left := d.mem.CrashClone(vfs.CrashCloneCfg{})
	if keep == 0 {
		return left
	}
	all := d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: d.rng})
	for _, dir := range folders {
		names, err := all.List(dir)
		if err != nil || left.MkdirAll(dir, 0o755) != nil {
			continue // not made yet
		}
		slices.Sort(names)
		for _, name := range names {
			if err := d.keepSome(all, left, dir+"/"+name, keep); err != nil {
				panic(err) // of a file system in memory
			}
		}
	}
	return left
}

// keepSome lets some of what was written to a file and not synced survive. Blocks that are lost before one that is kept are zeros.
func (d *disk) keepSome(from, to *vfs.MemFS, name string, keep int) error {
	have, err := from.UnsafeGetFileDataBuffer(name)
	if err != nil {
		return err
	}
	data, err := to.UnsafeGetFileDataBuffer(name)
	if err != nil { // it is new
		if d.rng.IntN(100) >= keep {
			return nil
		}
		data = nil
	}
	data = slices.Clone(data)
	const block = 4096
	for at := 0; at < len(have); at += block {
		end := min(at+block, len(have))
		if d.rng.IntN(100) >= keep {
			continue
		}
		if len(data) < end {
			data = append(data, make([]byte, end-len(data))...)
		}
		copy(data[at:], have[at:end])
	}
	return write(to, name, data)
}

// write replaces a file, durably.
func write(fs *vfs.MemFS, name string, data []byte) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	dir, err2 := fs.OpenDir(fs.PathDir(name))
	if err2 != nil {
		return errors.Join(err, err2)
	}
	return errors.Join(err, dir.Sync(), dir.Close())
}

// rot flips a bit in a file whose name contains kind. It tells what was hit, nothing if there is no such file.
func (d *disk) rot(kind string) string {
	dir, part, _ := strings.Cut(kind, "/")
	names, err := d.mem.List(dir)
	if err != nil {
		return ""
	}
	slices.Sort(names)
	var hit []string
	for _, n := range names {
		if b, err := d.mem.UnsafeGetFileDataBuffer(dir + "/" + n); err == nil && len(b) > 0 && strings.Contains(n, part) {
			hit = append(hit, dir+"/"+n)
		}
	}
	if len(hit) == 0 {
		return ""
	}
	name := hit[d.rng.IntN(len(hit))]
	b, err := d.mem.UnsafeGetFileDataBuffer(name)
	if err != nil {
		return ""
	}
	at := d.rng.IntN(len(b))
	b = slices.Clone(b)
	b[at] ^= 1 << d.rng.IntN(8)
	if err := write(d.mem, name, b); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%s at %d of %d", name, at, len(b))
}

func (d *disk) hasFailed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// room fails when the disk is full, readable when it does not give back what it has.
func (d *disk) room() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full && d.crashed == nil {
		d.failed = true
		return errFull
	}
	return nil
}

func (d *disk) readable() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.noReads && d.crashed == nil {
		d.failed = true
		return errInjected
	}
	return nil
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

// Write writes half of it when the disk is full.
func (f file) Write(p []byte) (int, error) {
	if err := f.d.room(); err != nil {
		n, _ := f.File.Write(p[:len(p)/2]) // what it says is what was written, as ever
		return n, err
	}
	return f.File.Write(p)
}

func (f file) WriteAt(p []byte, at int64) (int, error) {
	if err := f.d.room(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, at)
}

func (f file) Read(p []byte) (int, error) {
	if err := f.d.readable(); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f file) ReadAt(p []byte, at int64) (int, error) {
	if err := f.d.readable(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, at)
}

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
	if err := d.room(); err != nil {
		return nil, err
	}
	return d.wrap(d.FS.Create(name, c))
}

// Open implements vfs.FS.
func (d *disk) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if err := d.readable(); err != nil {
		return nil, err
	}
	return d.wrap(d.FS.Open(name, o...))
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
