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
	keep    int        // percent that survive of what that sync would have made durable
	full    bool       // writes find no room
	noReads bool       // reads fail
	rng     *rand.Rand
	crashed *vfs.MemFS // what the crash left
	failed  bool
}

func newDisk(mem *vfs.MemFS, rng *rand.Rand) *disk { return &disk{FS: mem, mem: mem, rng: rng} }

// folders are where a node's files are.
var folders = []string{"log", "state"}

// cut is what is on the disk after a crash right now: what was synced. What was not, other goroutines may be writing, so that it would not replay;
// but for the file that is about to be synced: of that, torn keeps some.
func (d *disk) cut() *vfs.MemFS { return d.mem.CrashClone(vfs.CrashCloneCfg{}) }

// torn lets about so many of a hundred pieces survive that were written to a file and not synced. What is lost before one that is kept is zeros.
func (d *disk) torn(left *vfs.MemFS, name string, keep int) {
	have, err := d.mem.UnsafeGetFileDataBuffer(name)
	if err != nil || len(have) == 0 { // of a folder, too
		return
	}
	data, err := left.UnsafeGetFileDataBuffer(name)
	if err != nil && d.rng.IntN(100) >= keep {
		return // it is new, and its name is lost
	}
	data = slices.Clone(data)
	for at := len(data); at < len(have); {
		end := min(at+1+d.rng.IntN(200), len(have))
		if d.rng.IntN(100) < keep {
			data = append(data, make([]byte, at-len(data))...)
			data = append(data, have[at:end]...)
		}
		at = end
	}
	if err := write(left, name, data); err != nil {
		panic(err) // of a file system in memory
	}
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

// sync runs a sync of a file of the file system below, if it may.
func (d *disk) sync(name string, f func() error) error {
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
		left := d.cut()
		if d.keep > 0 {
			d.torn(left, name, d.keep)
		}
		d.crashed = left
	}
	err := f()
	if at && d.after {
		d.crashed = d.cut()
	}
	return err
}

type file struct {
	vfs.File
	d    *disk
	name string
}

func (f file) Sync() error     { return f.d.sync(f.name, f.File.Sync) }
func (f file) SyncData() error { return f.d.sync(f.name, f.File.SyncData) }

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

func (d *disk) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return file{f, d, name}, nil
}

// Create implements vfs.FS.
func (d *disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.room(); err != nil {
		return nil, err
	}
	f, err := d.FS.Create(name, c)
	return d.wrap(name, f, err)
}

// Open implements vfs.FS.
func (d *disk) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if err := d.readable(); err != nil {
		return nil, err
	}
	f, err := d.FS.Open(name, o...)
	return d.wrap(name, f, err)
}

// OpenReadWrite implements vfs.FS.
func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, c, o...)
	return d.wrap(name, f, err)
}

// OpenDir implements vfs.FS.
func (d *disk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	return d.wrap(name, f, err)
}

// ReuseForWrite implements vfs.FS.
func (d *disk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(old, name, c)
	return d.wrap(name, f, err)
}
