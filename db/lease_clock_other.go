// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package db

import "time"

var processBegan = time.Now()

// leaseClock is Go's monotonic clock. Whether it goes on while the machine sleeps is up to the system. It is never 0.
func leaseClock() time.Duration { return time.Since(processBegan) + 1 }
