// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"math"
	"runtime/debug"
	"sync"
)

// ballast is memory that a program with links holds and never touches, so that the garbage collector, which lets the heap
// grow by a part of what is live, runs less often. A node that holds next to nothing else would collect every 4 MB of
// messages: hundreds of times a second, each time stopping what links do. Untouched pages cost no memory; what is paid is
// that up to ballastSize more garbage may wait. In a program with a large heap it changes nothing that could be measured.
//
// It is there while any link of the program is.
type ballast struct {
	mu    sync.Mutex
	links int    // guarded by mu
	bytes []byte // guarded by mu; noscan: the collector does not look into it
}

const ballastSize = 16 << 20

// tightLimit is the memory limit (GOMEMLIMIT) below which there is no ballast: it counts against the limit.
const tightLimit = 16 * ballastSize

// heapBallast is the program's.
var heapBallast ballast

// hold is called when a link begins.
func (b *ballast) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.links++; b.links == 1 && roomy(debug.SetMemoryLimit(-1)) {
		b.bytes = make([]byte, ballastSize)
	}
}

// roomy reports whether a program with that memory limit can afford it.
func roomy(limit int64) bool { return limit == math.MaxInt64 || limit >= tightLimit }

// release is called when a link has ended.
func (b *ballast) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.links--; b.links == 0 {
		b.bytes = nil
	}
}
