// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"time"

	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// world is what the coordinator of transactions has to do with: the real one.
type world struct {
	*DB
	crash func(step string) bool // in tests: the coordinator of a transaction dies at this step
}

// Shard implements twophase.World.
func (w *world) Shard(group uint64) (twophase.Shard, error) { return w.shard(group) }

// Stopped implements twophase.World.
func (w *world) Stopped() error { return w.stopped() }

// Now implements twophase.World.
func (w *world) Now() time.Time { return time.Now() }

// Pause implements twophase.World.
func (w *world) Pause(ctx context.Context, attempt int) error { return w.pause(ctx, attempt) }

// Later implements twophase.World.
func (w *world) Later(do func(context.Context) error) { w.later(do) }

// Dies implements twophase.World.
func (w *world) Dies(step string) bool { return w.crash != nil && w.crash(step) }

// Each implements twophase.World, by a goroutine for each.
func (w *world) Each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan error, n)
	for i := range n {
		go func() { ends <- do(ctx, i) }()
	}
	var first error
	for range n {
		if err := <-ends; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// coordinated are a transaction's parts, as its coordinator needs them.
func (tx *Tx) coordinated() (list []twophase.Part) {
	for _, p := range tx.sorted() {
		list = append(list, twophase.Part{Group: p.group, Shard: p.shard, Entry: p.entry(txn.KindCommit)})
	}
	return list
}
