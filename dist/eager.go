// SPDX-License-Identifier: Apache-2.0

package dist

import "time"

// eagerness decides whether a link that has run dry should look for more for a while, before it lets its goroutine sleep. It
// should where the two sides take turns: then the next message comes within lookTime, and to be woken for it would take as long
// again. What it costs is known: it looks only after as many short waits in a row as it has found worth while, and each time
// that it looks in vain makes that number twice as large. Erlang's schedulers do likewise, and always.
type eagerness struct {
	short  int // waits in a row that were short
	needed int // of them before it looks; 0 is leastShort
	found  int // times in a row that looking has helped
}

const (
	lookTime   = 50 * time.Microsecond
	shortWait  = 2 * lookTime // being woken included
	leastShort = 8
	mostShort  = 4096
	trusted    = 256     // times that looking has helped, after which fewer short waits are needed
	fewBytes   = 8 << 10 // more at a time is a stream: whoever reads that later reads more
)

// eager reports whether it should look. n is how many bytes came last.
func (e *eagerness) eager(n int) bool { return n <= fewBytes && e.short >= max(e.needed, leastShort) }

// waited notes that the link lay dry for d until more came. It did not look, or in vain.
func (e *eagerness) waited(d time.Duration) {
	if d > shortWait {
		e.short = 0
		return
	}
	e.short = min(e.short+1, mostShort)
}

// looked notes whether looking has helped.
func (e *eagerness) looked(helped bool) {
	if !helped {
		e.short, e.found = 0, 0
		e.needed = min(2*max(e.needed, leastShort), mostShort)
		return
	}
	if e.found++; e.found >= trusted {
		e.found = 0
		e.needed = max(e.needed/2, leastShort)
	}
}
