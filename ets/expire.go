// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"context"
	"time"

	"github.com/banyan-go/banyan"
)

// Event tells of a row that a table gave up by itself. It is sent to the process that the option Events names.
type Event[K comparable, V any] struct {
	Table banyan.Atom
	What  Why
	Key   K
	Value V
}

// Immutable: the row has left the table, and was copied if somebody else may hold it.
func (Event[K, V]) Immutable() {}

// Why is what happened to the row of an Event.
type Why uint8

// What may happen to a row.
const (
	Expired Why = iota + 1 // its time was over
	Evicted                // it had to make room
)

// String is the word for it.
func (w Why) String() string {
	if w == Expired {
		return "expired"
	}
	return "evicted"
}

// tellRows prepares the sending of events.
func tellRows[K comparable, V any](c *core[K, V], i *info, to banyan.PID) {
	ctx := banyan.NoWait(i.node.Context(context.Background()))
	c.notify = func(e Event[K, V]) {
		e.Table = i.name
		e.Value = c.copies.out(e.Value)
		if banyan.Send(ctx, to, e) != nil {
			c.stats.eventsLost.Add(1)
		}
	}
}

// Expire lets a row expire that long from now, unless it is written again; 0 or less takes an expiry back. It reports whether
// the row is there.
func (t Table[K, V]) Expire(k K, after time.Duration) (ok bool, err error) {
	if !t.write.ok() {
		return false, t.void("expire")
	}
	c := t.core
	err = t.locked(k, func(b *block[K, V]) error {
		if _, ok = b.rows.get(k); ok {
			c.setDue(b, k, after)
		}
		return nil
	})
	return ok, err
}

func (c *core[K, V]) setDue(b *block[K, V], k K, ttl time.Duration) {
	switch {
	case ttl > 0:
		if b.due == nil {
			b.due = make(map[K]int64)
			c.timed.Store(true)
		}
		b.due[k] = c.clock() + int64(ttl)
	case b.due != nil:
		delete(b.due, k)
	}
}

// gaveUp counts and reports rows that have left the table, with nothing locked.
func (c *core[K, V]) gaveUp(why Why, list []row[K, V]) {
	if why == Expired {
		c.stats.expired.Add(uint64(len(list)))
	} else {
		c.stats.evicted.Add(uint64(len(list)))
	}
	if c.notify == nil {
		return
	}
	for _, x := range list {
		c.notify(Event[K, V]{What: why, Key: x.k, Value: x.v})
	}
}

// sweep removes the rows that have expired, block by block.
func (c *core[K, V]) sweep() {
	if !c.timed.Load() {
		return
	}
	for at := (cursor[K]{}); !at.end; {
		b := c.dir.at(at)
		b.mu.Lock()
		if b.dead {
			b.mu.Unlock()
			continue
		}
		at = c.dir.next(b)
		var out []row[K, V]
		now := c.clock()
		for k, due := range b.due {
			if due > now {
				continue
			}
			if len(out) == 0 {
				c.ownCounted(b)
			}
			v, _ := b.rows.get(k)
			c.remove(b, k)
			out = append(out, row[K, V]{k, v})
		}
		if len(out) > 0 {
			c.unlockSmaller(b)
			c.gaveUp(Expired, out)
		} else {
			b.mu.Unlock()
		}
	}
}

// evict gives up one row to make room for k; false if there is none.
func (c *core[K, V]) evict(k K) bool {
	at, _ := c.dir.find(k)
	if _, ordered := c.dir.(*treeDir[K, V]); ordered {
		at = c.dir.first()
	}
	for start, wrapped := at, false; ; {
		at.mu.Lock()
		if at.dead {
			at.mu.Unlock()
			return true // the table has changed: try again
		}
		if at.rows.count() > 0 {
			c.ownCounted(at)
			x := at.victim()
			c.remove(at, x.k)
			c.unlockSmaller(at)
			c.gaveUp(Evicted, []row[K, V]{x})
			return true
		}
		next := c.dir.after(at)
		at.mu.Unlock()
		if next == nil && !wrapped {
			next, wrapped = c.dir.first(), true
		}
		if next == nil || next == start {
			return false
		}
		at = next
	}
}

// victim is the row that a block gives up: the lowest, or the one that expires first, or any.
func (b *block[K, V]) victim() (x row[K, V]) {
	if _, ordered := b.rows.(*sorted[K, V]); !ordered && len(b.due) > 0 {
		var first int64
		for k, due := range b.due {
			if first == 0 || due < first {
				x.k, first = k, due
			}
		}
		x.v, _ = b.rows.get(x.k)
		return x
	}
	b.rows.each(func(k K, v V) bool { x = row[K, V]{k, v}; return false })
	return x
}
