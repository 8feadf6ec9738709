// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"testing"
	"time"
)

// It looks after some short waits, less often where that is in vain, and not in a stream.
func TestEagerness(t *testing.T) {
	var e eagerness
	waits := func(want int) {
		t.Helper()
		for i := range want {
			if e.eager(100) {
				t.Fatalf("eager after %d short waits, want %d", i, want)
			}
			e.waited(lookTime)
		}
		if !e.eager(100) {
			t.Fatalf("not eager after %d short waits", want)
		}
	}
	waits(leastShort)
	if e.eager(fewBytes + 1) {
		t.Error("eager in a stream")
	}
	for range 3 * trusted {
		e.looked(true)
		if !e.eager(100) {
			t.Fatal("not eager though it helps")
		}
	}
	e.waited(time.Second)
	waits(leastShort)
	for n := 2 * leastShort; n <= mostShort; n *= 2 {
		e.looked(false)
		waits(n)
	}
	e.looked(false)
	waits(mostShort)
	for range trusted {
		e.looked(true)
	}
	e.waited(time.Second)
	waits(mostShort / 2)
}
