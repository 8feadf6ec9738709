// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"syscall"
	"time"
	"unsafe"
)

// bootTime is Linux's CLOCK_BOOTTIME.
const bootTime = 7

// Clock is a clock that goes on while the machine sleeps, as Go's does not. It is never 0.
func Clock() time.Duration {
	var ts syscall.Timespec
	if _, _, e := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, bootTime, uintptr(unsafe.Pointer(&ts)), 0); e != 0 {
		panic("tenure: CLOCK_BOOTTIME: " + e.Error()) // Linux has it since 2.6.39
	}
	return time.Duration(ts.Nano())
}
