// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"runtime"
	"time"
)

// maxPolls bounds polling by number too: where time stands still, as in a test's bubble, there would be no end.
const maxPolls = 20000

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
