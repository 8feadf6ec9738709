// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/banyan-go/banyan"
)

func startNode(t testing.TB) *banyan.Node {
	t.Helper()
	n, err := banyan.Start("ets@127.0.0.1", banyan.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	return n
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newSet[K comparable, V any](t testing.TB, opts ...Option) *Set[K, V] {
	t.Helper()
	return must[*Set[K, V]](t)(NewSet[K, V](startNode(t), "", opts...))
}

func newInts(t testing.TB, opts ...Option) *OrderedSet[int, int] {
	t.Helper()
	return must[*OrderedSet[int, int]](t)(NewOrderedSet[int, int](startNode(t), "", opts...))
}

// audit checks what must hold for the blocks of a table whatever happened to it.
func audit[K comparable, V any](t testing.TB, c *core[K, V]) {
	t.Helper()
	n, blocks := 0, 0
	for at := (cursor[K]{}); !at.end; {
		b := c.dir.at(at)
		blocks++
		if b.dead || b.saved != nil || b.epoch != c.epoch.Load() {
			t.Errorf("block %d: dead %v, saved %v, epoch %d of %d", blocks, b.dead, b.saved != nil, b.epoch, c.epoch.Load())
		}
		if !b.mu.TryLock() {
			t.Fatalf("block %d is locked", blocks)
		}
		b.rows.each(func(k K, _ V) bool {
			n++
			if found, _ := c.dir.find(k); found != b {
				t.Errorf("the directory leads elsewhere for %v", k)
			}
			return true
		})
		for k := range b.due {
			if _, ok := b.rows.get(k); !ok {
				t.Errorf("%v expires and is not there", k)
			}
		}
		at = c.dir.next(b)
		b.mu.Unlock()
	}
	if int64(n) != c.rows.sum() {
		t.Errorf("%d rows, counted %d", n, c.rows.sum())
	}
	if !c.structure.TryLock() {
		t.Fatal("the structure is locked")
	}
	c.structure.Unlock()
}
