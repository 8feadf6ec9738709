// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrDead is what every write to a guarded file system returns after the first that failed. Drop the store, and open it
// again in a new process: only then is it known what the disk has kept.
var ErrDead = errors.New("the store is dead after a failed write")

// Guard is a file system that dies of its first failed write.
type Guard struct {
	vfs.FS

	mu   sync.Mutex
	err  error
	dead chan struct{}
}

// NewGuard guards a file system.
func NewGuard(fs vfs.FS) *Guard { return &Guard{FS: fs, dead: make(chan struct{})} }

// Dead is closed once the guard has seen a failure.
func (g *Guard) Dead() <-chan struct{} { return g.dead }

// Err is nil, or wraps ErrDead and the first failure.
func (g *Guard) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// Fail kills the store from outside: its owner found damage by other means than a failed write.
func (g *Guard) Fail(what string, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = fmt.Errorf("%w: %s: %w", ErrDead, what, err)
		close(g.dead)
	}
	return g.err
}

// Wait waits for something that pebble does in the background, which never ends when the store dies.
func (g *Guard) Wait(done <-chan struct{}) error {
	select {
	case <-done:
	case <-g.dead:
	}
	return g.Err()
}

func (g *Guard) do(what string, f func() error) error {
	if err := g.Err(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return g.Fail(what, err)
	}
	return nil
}

func (g *Guard) open(what string, f func() (vfs.File, error)) (vfs.File, error) {
	var file vfs.File
	err := g.do(what, func() (err error) { file, err = f(); return err })
	if err != nil {
		return nil, err
	}
	return &guarded{file, g, what}, nil
}

// Create implements vfs.FS.
func (g *Guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("create "+name, func() (vfs.File, error) {
		f, err := g.FS.Create(name, c)
		if err == nil && c == walCategory && f.Fd() != vfs.InvalidFd {
			f = newLogFile(f)
		}
		return f, err
	})
}

// OpenReadWrite implements vfs.FS.
func (g *Guard) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return g.open("open "+name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, opts...) })
}

// OpenDir implements vfs.FS. Reading is not guarded, syncing is.
func (g *Guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guarded{f, g, name}, nil
}

// ReuseForWrite implements vfs.FS.
func (g *Guard) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("reuse "+old, func() (vfs.File, error) { return g.FS.ReuseForWrite(old, name, c) })
}

// Rename implements vfs.FS.
func (g *Guard) Rename(old, name string) error {
	return g.do("rename "+old, func() error { return g.FS.Rename(old, name) })
}

// guarded is a file whose writes and syncs are watched.
type guarded struct {
	vfs.File
	g    *Guard
	name string
}

func (f *guarded) Write(p []byte) (n int, err error) {
	err = f.g.do("write "+f.name, func() (err error) { n, err = f.File.Write(p); return err })
	return n, err
}

func (f *guarded) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.g.do("write "+f.name, func() (err error) { n, err = f.File.WriteAt(p, at); return err })
	return n, err
}

func (f *guarded) Sync() error     { return f.g.do("sync "+f.name, f.File.Sync) }
func (f *guarded) SyncData() error { return f.g.do("sync "+f.name, f.File.SyncData) }

func (f *guarded) SyncTo(length int64) (full bool, err error) {
	err = f.g.do("sync "+f.name, func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, err
}
