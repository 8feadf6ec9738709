// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are those of one store of a node.
type Options struct {
	// FS and Dir are where the store lives. FS nil: the machine's own.
	FS  vfs.FS
	Dir string
	// CacheBytes is pebble's cache of blocks read, MemTableBytes how much is collected in memory before it is written as a
	// sorted table. 0: 8 MB each.
	CacheBytes    int64
	MemTableBytes uint64
	// Volatile: the store need not outlive the process. Nothing of it is made durable.
	Volatile bool
	// Manual turns off everything that pebble does in the background by itself, for simulations that must replay.
	Manual bool
}

// Open opens a pebble store on a guarded file system. The log of pebble itself marks how far it was synced, so that damage
// inside of the synced part is an error and not taken for a torn end.
func Open(o Options, tune func(*pebble.Options)) (*pebble.DB, *Guard, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 8 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 8 << 20
	}
	g := NewGuard(o.FS)
	stuck := make(chan struct{}) // pebble's background has ended, and an Open that waits for it waits for ever
	var once sync.Once
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref()
	opts := &pebble.Options{
		FS:                          g,
		Cache:                       cache,
		MemTableSize:                o.MemTableBytes,
		FormatMajorVersion:          pebble.FormatWALSyncChunks,
		MaxOpenFiles:                500,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       64,
		MemTableStopWritesThreshold: 4,
		DisableAutomaticCompactions: o.Manual,
		Logger:                      logger{g},
		EventListener: &pebble.EventListener{
			// Pebble tries a flush that failed again, at once and for ever. This ends its goroutine instead.
			BackgroundError: func(err error) {
				_ = g.Fail("background work", err)
				once.Do(func() { close(stuck) })
				runtime.Goexit()
			},
			DataCorruption: func(i pebble.DataCorruptionInfo) { _ = g.Fail("damage in "+i.Path, i.Details) },
		},
	}
	if tune != nil {
		tune(opts)
	}
	opts.EnsureDefaults()
	db, err := open(o.Dir, opts, stuck)
	if err == errStuck {
		err = g.Err()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	if o.Manual {
		db.TestOnlyWaitForCleaning()
	}
	return db, g, nil
}

var errStuck = errors.New("pebble waits for its background, which has ended")

// open opens pebble's store, and leaves it where it is if it can never come back: it flushes what its log has, which fails on a full disk.
func open(dir string, opts *pebble.Options, stuck <-chan struct{}) (*pebble.DB, error) {
	type result struct {
		db  *pebble.DB
		err error
	}
	opened := make(chan result, 1)
	go func() {
		var r result
		defer func() { opened <- r }()
		defer Recover(&r.err)
		r.db, r.err = pebble.Open(dir, opts)
	}()
	select {
	case r := <-opened:
		return r.db, r.err
	case <-stuck:
		return nil, errStuck
	}
}

// Fatal is what a write panics with in the goroutine that asked for it, after pebble gave up. Package disk's callers
// turn it into an error by Recover.
type Fatal struct{ Err error }

// Recover turns pebble's end in the caller's goroutine into an error.
//
//	defer disk.Recover(&err)
func Recover(err *error) {
	switch v := recover().(type) {
	case nil:
	case Fatal:
		*err = v.Err
	default:
		panic(v)
	}
}

// logger keeps pebble quiet, and catches its way to end the process.
type logger struct{ g *Guard }

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}

// Fatalf must not return. Where a caller waits for a write it unwinds; in pebble's own goroutines, and in those that wait by Guard.Wait, it ends the goroutine,
// which gives back the locks that it holds: others may have views to close. The guard has told the owner, who leaves the store as it is.
func (l logger) Fatalf(format string, args ...any) {
	err := l.g.Fail("pebble", fmt.Errorf(format, args...))
	if strings.HasPrefix(format, "pebble: fatal commit error") {
		panic(Fatal{err})
	}
	runtime.Goexit()
}
