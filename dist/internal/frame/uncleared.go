// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"strings"
	"unsafe"
)

// uncleared is make([]byte, 0, n) that need not cost a write to each of the n bytes: every one of them is written before
// anybody reads it, and for messages of a megabyte the clearing was a tenth of the receiver's work. make has no way to ask for that, but a
// strings.Builder allocates so, and a string that nobody else has seen may as well be written to. If a Builder ever
// reserves less than it is asked to, make does it.
func uncleared(n int) []byte {
	var b strings.Builder
	b.Grow(max(n, 1))
	if b.Cap() < n {
		return make([]byte, 0, n)
	}
	size := b.Cap()
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), size)[:0]
}
