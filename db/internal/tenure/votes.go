// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"errors"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// votes is the file in which this node's grants are written down: a voter must not forget them. It is replaced as a whole, so a write that failed
// has left what was there, and may be tried again.
type votes struct {
	fs  vfs.FS
	dir string
}

func (v votes) path() string { return v.fs.PathJoin(v.dir, "lease") }

// load gives what was saved last; nil if there is nothing.
func (v votes) load() ([]byte, error) {
	f, err := v.fs.Open(v.path())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// save returns when b is durable.
func (v votes) save(b []byte) error {
	f, err := v.fs.Create(v.path()+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := v.fs.Rename(v.path()+".new", v.path()); err != nil {
		return err
	}
	dir, err := v.fs.OpenDir(v.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
