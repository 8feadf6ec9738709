// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of /proc/stat, the same on every Linux that matters.
const ticksPerSecond = 100

// processors is how long the machine's processors have worked, and existed, in seconds of one; zeros where that is not known.
func processors() (busy, all float64) {
	line, _, _ := strings.Cut(read("/proc/stat"), "\n")
	f := strings.Fields(line)
	if len(f) < 6 || f[0] != "cpu" {
		return 0, 0
	}
	for i, s := range f[1:] {
		v, _ := strconv.ParseFloat(s, 64)
		v /= ticksPerSecond
		if i >= 8 {
			break // guests are in user already
		}
		all += v
		if i != 3 && i != 4 { // idle, waiting for I/O
			busy += v
		}
	}
	return busy, all
}

// share is busy per all since an earlier reading, without own seconds.
func share(busy0, all0, own float64) float64 {
	busy, all := processors()
	if all <= all0 {
		return 0
	}
	return max(0, busy-busy0-own) / (all - all0)
}

// quietShare is what others may use of the machine before a run begins.
const quietShare = 0.15

// awaitQuiet waits, at most for a time, until the rest of the machine has been quiet for a moment.
func awaitQuiet(most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); {
		busy, all := processors()
		time.Sleep(300 * time.Millisecond)
		if share(busy, all, 0) <= quietShare {
			return
		}
	}
}
