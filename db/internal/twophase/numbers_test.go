// SPDX-License-Identifier: Apache-2.0

package twophase

import "testing"

// TestNumbers: the low number rises over what is done with, and over nothing else.
func TestNumbers(t *testing.T) {
	var n Numbers
	a, _ := n.Begin()
	b, _ := n.Begin()
	low := func(want uint64) {
		t.Helper()
		seq, low := n.Begin()
		if n.end(seq); low != want {
			t.Errorf("the low number is %d, want %d", low, want)
		}
	}
	n.end(b)
	low(a) // the older one is still in use
	n.keep(a)
	n.end(a)
	low(a) // somebody may ask how it ended
	for range unknowns {
		seq, _ := n.Begin()
		n.keep(seq)
		n.end(seq)
	}
	low(b + 3) // the oldest of too many is let go, and all that was done meanwhile
}
