// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"syscall"
	"time"
	"unsafe"
)

// now is CLOCK_BOOTTIME, in nanoseconds: one clock for all processes of the machine, which nobody sets.
func now() int64 {
	const bootTime = 7
	var ts syscall.Timespec
	if _, _, e := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, bootTime, uintptr(unsafe.Pointer(&ts)), 0); e != 0 {
		panic("ordeal: CLOCK_BOOTTIME: " + e.Error()) // Linux has it since 2.6.39
	}
	return ts.Nano()
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
