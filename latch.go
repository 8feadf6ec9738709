// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"sync"
)

// Latch is an event that happens once, and for which processes can wait without keeping a worker busy, as they must not
// with a channel. The zero Latch is ready for use; it must not be copied.
type Latch struct {
	mu   sync.Mutex
	open bool
	wait map[*latched]struct{}
}

// latched is one wait.
type latched struct {
	w   *waiter
	err error // guarded by mu of the latch
}

// Open makes it happen: all who wait go on, now and later. It may be called from anywhere, any number of times.
func (l *Latch) Open() {
	l.mu.Lock()
	wait := l.wait
	l.open, l.wait = true, nil
	l.mu.Unlock()
	for x := range wait {
		x.w.wake(nil)
	}
}

// IsOpen reports whether Open was called.
func (l *Latch) IsOpen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Wait waits for Open, until ctx is over: then the error is ErrTimeout, or the context's. In a process an exit signal ends
// it too, with its reason.
func (l *Latch) Wait(ctx context.Context) error {
	from := callerOf(ctx)
	x := &latched{w: newWaiter(from)}
	l.mu.Lock()
	if l.open {
		l.mu.Unlock()
		return nil
	}
	if l.wait == nil {
		l.wait = map[*latched]struct{}{}
	}
	l.wait[x] = struct{}{}
	l.mu.Unlock()
	waitOver(ctx, from, x.w, func(err error) {
		l.mu.Lock()
		if _, waiting := l.wait[x]; waiting {
			delete(l.wait, x)
			x.err = err
		}
		l.mu.Unlock()
		x.w.wake(nil)
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	return x.err
}
