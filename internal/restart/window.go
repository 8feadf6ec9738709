// SPDX-License-Identifier: Apache-2.0

package restart

import "time"

// window holds the times of the latest restarts, at most n of them: whether one more is too many depends only on the n-th
// last. OTP keeps and filters a list of all in the period.
type window struct {
	n      int
	period time.Duration
	times  []time.Duration // a ring once it is full, grown as restarts come
	oldest int             // index in times, when full
}

// add enters a restart and reports whether it is within the limit. Times must not decrease.
func (w *window) add(now time.Duration) bool {
	if len(w.times) < w.n {
		w.times = append(w.times, now)
		return true
	}
	if w.n == 0 || now-w.times[w.oldest] <= w.period {
		return false
	}
	w.times[w.oldest] = now
	w.oldest++
	if w.oldest == w.n {
		w.oldest = 0
	}
	return true
}

// count is the number of restarts within the period that ends now.
func (w *window) count(now time.Duration) (n int) {
	for _, t := range w.times {
		if now-t <= w.period {
			n++
		}
	}
	return n
}
