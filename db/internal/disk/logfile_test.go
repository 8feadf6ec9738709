// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestLogFileSync: a file of the log is synced again and again, by the kernel's asynchronous I/O where there is one; and in the usual way where there is none.
func TestLogFileSync(t *testing.T) {
	f, err := NewGuard(vfs.Default).Create(filepath.Join(t.TempDir(), "log"), walCategory)
	if err != nil {
		t.Fatal(err)
	}
	log := f.(*guarded).File.(*logFile)
	if log.syncer == nil && runtime.GOOS == "linux" {
		t.Skip("this system has no asynchronous I/O, or none left")
	}
	write := func() {
		t.Helper()
		if _, err := f.Write([]byte("an entry")); err != nil {
			t.Fatal(err)
		}
		if err := f.SyncData(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Preallocate(0, 1<<20); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		write()
	}
	if s := log.syncer; s != nil {
		if err := s.sync(f.Fd()); err != nil {
			t.Errorf("the kernel does not sync a file in %s: %v", t.TempDir(), err)
		}
		if err := s.sync(1 << 30); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("the sync of no file at all: %v", err)
		}
		if err := s.sync(f.Fd()); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("after the kernel refused once: %v", err)
		}
	}
	write() // in the usual way
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
