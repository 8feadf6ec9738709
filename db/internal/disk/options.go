// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"fmt"
	"runtime"
	"strings"

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
				runtime.Goexit()
			},
			DataCorruption: func(i pebble.DataCorruptionInfo) { _ = g.Fail("damage in "+i.Path, i.Details) },
		},
	}
	if tune != nil {
		tune(opts)
	}
	opts.EnsureDefaults()
	db, err := pebble.Open(o.Dir, opts)
	if err != nil {
		return nil, nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	if o.Manual {
		db.TestOnlyWaitForCleaning()
	}
	return db, g, nil
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

// Fatalf must not return. Where a caller waits for a write it unwinds; in pebble's own goroutines it stops for good: the
// guard has told the owner, who leaves the store as it is.
func (l logger) Fatalf(format string, args ...any) {
	err := l.g.Fail("pebble", fmt.Errorf(format, args...))
	if strings.HasPrefix(format, "pebble: fatal commit error") {
		panic(Fatal{err})
	}
	select {}
}
