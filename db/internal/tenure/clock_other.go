// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tenure

import "time"

var processBegan = time.Now()

// Clock is Go's monotonic clock. Whether it goes on while the machine sleeps is up to the system. It is never 0.
func Clock() time.Duration { return time.Since(processBegan) + 1 }
