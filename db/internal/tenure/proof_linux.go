// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"os"
	"syscall"
	"time"
)

// lockFile opens a file and locks it. The owner makes the file, and waits a moment: somebody may just be looking whether it lives.
func lockFile(path string, owner bool) (*os.File, error) {
	flags := os.O_RDWR
	if owner {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	for range 100 {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil || !owner {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
