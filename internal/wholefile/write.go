// SPDX-License-Identifier: Apache-2.0

package wholefile

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Write has fill write a new file next to path, and puts it in the place of path when it is whole and on disk. After an error path is as it was,
// and nothing is left beside it, unless the error is that the folder could not be synced: then the new file is there, and may not last. Others than
// the owner may not read the file. It blocks for as long as the disk does.
func Write(path string, fill func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	if err = fill(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil { // closed first: Windows renames no open file
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename last. Where folders cannot be synced, as on Windows, the system sees to that.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !os.IsPermission(err) && !errors.Is(err, os.ErrInvalid) {
		return err
	}
	return nil
}
