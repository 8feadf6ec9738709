// SPDX-License-Identifier: Apache-2.0

package banyan

import "testing"

// Work that has lasted is tried again now and then.
func TestPace(t *testing.T) {
	var c Pace
	if c.lasts() {
		t.Error("a Pace that knows nothing")
	}
	for range 2 {
		c.lasted()
		for i := range paceRest {
			if !c.lasts() {
				t.Fatal("forgotten after", i)
			}
		}
		if c.lasts() {
			t.Error("it is never tried again")
		}
	}
}
