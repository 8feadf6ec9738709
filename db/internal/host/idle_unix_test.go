// SPDX-License-Identifier: Apache-2.0

//go:build unix

package host_test

import (
	"syscall"
	"testing"
	"time"
)

// processorTime is what this process has used of processors so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
