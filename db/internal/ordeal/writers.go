// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/banyan-go/banyan/db"
)

// writers write to rows of all groups without a pause, and take the time between two writes.
type writers struct {
	stop chan struct{}
	wg   sync.WaitGroup

	mu   sync.Mutex
	last int64
	Written
}

// Written is what they did.
type Written struct {
	Writes int
	// Gap is the longest time without any write of any writer, Kept how long one of them was kept waiting at most.
	Gap, Kept time.Duration
	Errors    []string
}

func (w *worker) startWriters(n int) *writers {
	x := &writers{stop: make(chan struct{})}
	for i := range n {
		x.wg.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-x.stop:
					return
				default:
				}
				key := fmt.Sprintf("%d %d", i, k%32)
				began := now()
				ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
				err := w.db.Update(ctx, func(tx *db.Tx) error {
					n, err := w.counts.Get(tx, key)
					if err != nil {
						return err
					}
					return w.counts.Put(tx, key, n+1)
				})
				cancel()
				x.note(began, err)
			}
		})
	}
	return x
}

func (x *writers) note(began int64, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at := now()
	x.Kept = max(x.Kept, time.Duration(at-began))
	if err != nil {
		x.Errors = append(x.Errors, err.Error())
		return
	}
	if x.Writes++; x.Writes > 1 {
		x.Gap = max(x.Gap, time.Duration(at-x.last))
	}
	x.last = at
}

func (x *writers) end() Written {
	close(x.stop)
	x.wg.Wait()
	return x.Written
}
