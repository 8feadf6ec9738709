// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"testing"
	"unsafe"
)

// An idle server is a Self and little else. 352 is a size class of Go's allocator, the next one is 384.
func TestSizeOfAnIdleServer(t *testing.T) {
	if s := unsafe.Sizeof(Self{}); unsafe.Sizeof(s) == 8 && s > 352 {
		t.Errorf("a process takes %d bytes: put what few need into relations", s)
	}
}
