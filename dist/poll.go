// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"runtime"
	"time"
)

// maxPolls bounds polling by number too: where time stands still, as in a test's bubble, there would be no end.
const maxPolls = 20000

// spin is poll for a moment in which others need not run: to let them would wake an idle processor each time.
func spin(d time.Duration, found func() bool) bool {
	start := time.Now()
	for i := range maxPolls {
		if found() {
			return true
		}
		if i%4 == 3 && time.Since(start) > d {
			break
		}
	}
	return false
}

// poll looks until found says yes or the time is up. Between two looks others may run.
func poll(d time.Duration, found func() bool) bool {
	if d <= 0 {
		return false
	}
	start := time.Now()
	for i := range maxPolls {
		if found() {
			return true
		}
		runtime.Gosched()
		if i%4 == 3 && time.Since(start) > d {
			break
		}
	}
	return false
}
