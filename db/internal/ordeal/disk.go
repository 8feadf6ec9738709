// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// disk is a node's folder: a file system of its own in memory, or a folder among others, which cannot be filled.
type disk struct {
	dir   string
	mount bool
}

func newDisk(dir string, megabytes int) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if megabytes == 0 {
		return &disk{dir: dir}, nil
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		return nil, fmt.Errorf("mounting a file system on %s: %w", dir, err)
	}
	return &disk{dir, true}, nil
}

func (d *disk) data() string { return filepath.Join(d.dir, "db") }

// lose takes everything from it. Its node must be down.
func (d *disk) lose() error { return os.RemoveAll(d.data()) }

// fill leaves no byte free.
func (d *disk) fill() error {
	f, err := os.OpenFile(filepath.Join(d.dir, "filler"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return nil
}

// free gives the room back.
func (d *disk) free() error {
	err := os.Remove(filepath.Join(d.dir, "filler"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (d *disk) close() {
	if d.mount {
		_ = syscall.Unmount(d.dir, syscall.MNT_DETACH)
	}
}
