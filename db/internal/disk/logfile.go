// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walCategory is what pebble calls the files of its log.
const walCategory vfs.DiskWriteCategory = "pebble-wal"

// logFile is a file of pebble's log on a real disk. It has its size from the beginning, full of zeros, which pebble takes for the end of the log, as it does with
// what an earlier use of a file has left in it; and it is synced without holding a processor, where the system can do that. One goroutine syncs it: pebble's.
type logFile struct {
	vfs.File
	syncer *syncer // nil: there is none
}

func newLogFile(f vfs.File) *logFile {
	s, err := newSyncer()
	if err != nil {
		s = nil // the usual way does it as well
	}
	return &logFile{f, s}
}

// Preallocate implements vfs.File.
func (f *logFile) Preallocate(offset, length int64) error {
	if extend(f.Fd(), offset, length) == nil {
		return nil
	}
	return f.File.Preallocate(offset, length)
}

// SyncData implements vfs.File.
func (f *logFile) SyncData() error {
	if f.syncer != nil {
		if err := f.syncer.sync(f.Fd()); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return f.File.SyncData()
}

// Close implements vfs.File.
func (f *logFile) Close() error {
	err := f.File.Close()
	if f.syncer != nil {
		err = errors.Join(err, f.syncer.close())
	}
	return err
}
