// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	// lookEvery is how often files are looked at, after a first second in which it is more often. Polling works on every file system, and one file a second costs nothing.
	lookEvery = time.Second
	// maxFile is how much of a file is read.
	maxFile = 1 << 20
	// maxFiles is how many files of a directory are.
	maxFiles = 4096
)

// File is a path of a file with addresses, separated by lines, commas or spaces; the rest of a line after # is a comment. It is read again when it
// changes, and may appear later. It should be replaced by renaming, but half a file does no harm.
type File string

// Discover finds what the file has, until ctx ends.
func (f File) Discover(ctx context.Context, found func([]string)) error {
	last := ""
	return every(ctx, lookEvery, func() {
		if text, err := read(string(f)); err == nil && text != last { // it may come yet
			last = text
			found(split(text))
		}
	})
}

// Dir is a directory in which each node of a machine, or of a shared file system, leaves its address in a file of its own. It must
// be there. Files of nodes that have died do no harm.
type Dir string

// Discover finds the addresses that others have left, until ctx ends.
func (d Dir) Discover(ctx context.Context, found func([]string)) error {
	return every(ctx, lookEvery, func() {
		dir, err := os.Open(string(d))
		if err != nil {
			return // it may come yet
		}
		defer dir.Close()
		names, _ := dir.Readdirnames(maxFiles) // what was read before an error is as good as any
		var addrs []string
		for _, name := range names {
			if filepath.Ext(name) != ".addr" {
				continue
			}
			if text, err := read(filepath.Join(string(d), name)); err == nil {
				addrs = append(addrs, split(text)...)
			}
		}
		found(addrs)
	})
}

// Announce leaves addr in the directory, and takes it away when ctx ends.
func (d Dir) Announce(ctx context.Context, addr string) error {
	h := fnv.New64a()
	io.WriteString(h, addr)
	path := filepath.Join(string(d), fmt.Sprintf("%016x.addr", h.Sum64()))
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(addr+"\n"), 0o644); err != nil {
		return fmt.Errorf("discover: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("discover: %w", err)
	}
	<-ctx.Done()
	os.Remove(path)
	return nil
}

func read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(b), err
}

// every does it now, soon again, and then each d, until ctx ends. Nodes that are started together look before the others have come.
func every(ctx context.Context, d time.Duration, do func()) error {
	pause := min(50*time.Millisecond, d)
	t := time.NewTimer(pause)
	defer t.Stop()
	for {
		do()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, d)
		t.Reset(pause)
	}
}
