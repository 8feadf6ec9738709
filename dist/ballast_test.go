// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"math"
	"testing"
)

// The ballast is there from the first link to the last.
func TestBallast(t *testing.T) {
	var b ballast
	b.hold()
	b.hold()
	b.release()
	if b.links != 1 || len(b.bytes) != ballastSize {
		t.Fatalf("one link: %d, %d bytes", b.links, len(b.bytes))
	}
	b.release()
	if b.links != 0 || b.bytes != nil {
		t.Fatalf("no link: %d, %d bytes", b.links, len(b.bytes))
	}
	b.hold()
	if len(b.bytes) != ballastSize {
		t.Fatal("it did not come back")
	}
	for limit, want := range map[int64]bool{math.MaxInt64: true, 1 << 30: true, 64 << 20: false} {
		if roomy(limit) != want {
			t.Errorf("a memory limit of %d: %v", limit, !want)
		}
	}
}
