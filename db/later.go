// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"sync"

	"github.com/banyan-go/banyan/db/internal/twophase"
)

// later is what commits have left to do when they are done.
type later struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// later does something again and again, until it is done or the database is closed. What is left undone then is done at the next start, or by whoever meets it.
func (d *DB) later(do func(context.Context) error) {
	d.left.mu.Lock()
	defer d.left.mu.Unlock()
	if d.left.closed {
		return
	}
	d.left.running.Go(func() {
		for attempt := 0; ; attempt++ {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			err := do(ctx)
			cancel()
			if err == nil || errors.Is(err, twophase.ErrCrash) || d.pause(context.Background(), attempt) != nil {
				return
			}
		}
	})
}

// wait waits, when the database has stopped, for what is still running.
func (l *later) wait() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
}
