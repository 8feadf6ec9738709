// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// folderFormat is the form of what is in a folder. 1, which had no file that says so, had one group.
const folderFormat = "2"

// checkFormat looks whether a folder is of this format, and makes a new one so.
func checkFormat(fs vfs.FS, dir string) error {
	name := fs.PathJoin(dir, "format")
	f, err := fs.Open(name)
	if err == nil {
		b, err := io.ReadAll(io.LimitReader(f, 100))
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		if have := strings.TrimSpace(string(b)); have != folderFormat {
			return fmt.Errorf("%w: %s has format %q, this version reads %s", ErrFormat, dir, have, folderFormat)
		}
		return nil
	}
	if _, old := fs.Stat(fs.PathJoin(dir, "log")); old == nil {
		return fmt.Errorf("%w: %s has format 1, this version reads %s", ErrFormat, dir, folderFormat)
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return writeFormat(fs, dir, name)
}

// writeFormat makes the file appear as a whole, and before anything else in the folder.
func writeFormat(fs vfs.FS, dir, name string) error {
	f, err := fs.Create(name+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(folderFormat + "\n"))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(name+".new", name); err != nil {
		return err
	}
	return errors.Join(syncDir(fs, dir), syncDir(fs, fs.PathDir(dir)))
}

func syncDir(fs vfs.FS, dir string) error {
	if dir == "" {
		dir = "."
	}
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
