// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	writeTime = 5 * time.Second // how long one write may take
	maxSaid   = 1000            // how many failures are kept in mind
)

// writes are decisions on their way into the book, each of them once at a time.
type writes struct {
	ctx  context.Context
	log  *slog.Logger
	work sync.WaitGroup

	mu    sync.Mutex
	ended bool
	doing map[string]bool // what is being written
	said  map[string]bool // what was logged as not written
}

func newWrites(ctx context.Context, log *slog.Logger) *writes {
	return &writes{ctx: ctx, log: log, doing: map[string]bool{}, said: map[string]bool{}}
}

// begin starts to write a decision, unless it is being written already, or nothing is to be begun any more.
func (w *writes) begin(what string, write func(ctx context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.doing[what] || w.ended || w.ctx.Err() != nil {
		return
	}
	w.doing[what] = true
	w.work.Go(func() {
		ctx, cancel := context.WithTimeout(w.ctx, writeTime)
		defer cancel()
		err := write(ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.doing, what)
		if err == nil {
			delete(w.said, what)
		} else if w.ctx.Err() == nil && !w.said[what] && len(w.said) < maxSaid {
			w.said[what] = true
			w.log.Warn("db: a decision on leases was not written; it will be tried again if it is still needed", "decision", what, "error", err)
		}
	})
}

// wait lets nothing begin any more, and waits for what has begun.
func (w *writes) wait() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.work.Wait()
}
