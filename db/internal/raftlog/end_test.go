// SPDX-License-Identifier: Apache-2.0

package raftlog

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/disk"
)

// TestEndOfTheLog: a real file has its size before it is written. What is behind the last synced entry does not count after a crash, be it nothing yet or
// the beginning of what was never synced.
func TestEndOfTheLog(t *testing.T) {
	dir := t.TempDir()
	open := func(name string) *Store {
		s, err := Open(disk.Options{FS: vfs.Default, Dir: filepath.Join(dir, name)}, func() uint64 { return 42 })
		if err != nil {
			t.Fatal(name, err)
		}
		return s
	}
	s := open("log")
	do(t, load(t, s), &Write{Replica: 1, Entries: entries(1, 1, 300)})
	for name, damage := range map[string]func(b []byte, end int) []byte{
		"zeros":   func(b []byte, _ int) []byte { return b },
		"cut off": func(b []byte, end int) []byte { return b[:end] },
		"torn":    func(b []byte, end int) []byte { return append(b[:end], b[:40]...) },
	} {
		copyLog(t, filepath.Join(dir, "log"), filepath.Join(dir, name), damage)
		crashed := open(name)
		if got := load(t, crashed).Last(); got != (Mark{300, 1}) {
			t.Errorf("%s: it ends at %v", name, got)
		}
		if err := crashed.Close(); err != nil {
			t.Error(name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// copyLog copies an open store, with another end of its newest log.
func copyLog(t *testing.T, from, to string, damage func(b []byte, end int) []byte) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(to, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	newest := logs[len(logs)-1]
	b, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	end := len(b)
	for end > 0 && b[end-1] == 0 {
		end--
	}
	if end == len(b) && runtime.GOOS == "linux" {
		t.Errorf("%s ends behind what was written: each sync must note its size", newest)
	}
	if err := os.WriteFile(newest, damage(b, end), 0o600); err != nil {
		t.Fatal(err)
	}
}
