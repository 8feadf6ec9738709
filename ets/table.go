// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"time"
)

// Table is a handle to a table with one row per key, by which it can be written. Set and OrderedSet have its methods.
type Table[K comparable, V any] struct {
	Reader[K, V]
	write pass
}

// ReadOnly gives a handle that can only read.
func (t Table[K, V]) ReadOnly() Reader[K, V] { return t.Reader }

func (t Table[K, V]) void(op string) error { return opError(op, t.info.name, ErrNoTable) }

// Insert stores a row in place of the one with the same key, if any. ErrFull, ErrNoTable, or an error that names what in the
// value cannot be copied.
func (t Table[K, V]) Insert(k K, v V) error {
	return t.insert(k, v, t.core.ttl)
}

// InsertFor is Insert for a row that expires: afterwards it is not seen any more, and swept within seconds. ttl must be
// above 0.
func (t Table[K, V]) InsertFor(k K, v V, ttl time.Duration) error {
	return t.insert(k, v, max(ttl, 1))
}

func (t Table[K, V]) insert(k K, v V, ttl time.Duration) (err error) {
	if !t.write.ok() {
		return t.void("insert")
	}
	c := t.core
	if c.copies.plan != nil {
		if v, err = c.copies.copied(v); err != nil {
			return opError("insert", t.info.name, err)
		}
	}
	if c.capacity > 0 || c.check != nil || ttl > 0 || c.timed.Load() {
		return t.storing("insert", k, func(b *block[K, V]) error { return c.put(b, k, v, ttl) })
	}
	b, hash := c.lock(k)
	if b.rows.putAt(k, hash, v) {
		c.rows[b.stripe].n.Add(1)
		c.unlock(b, k)
	} else {
		b.mu.Unlock()
	}
	return nil
}

// storing runs a write that may add a row; if the table is full and may evict, that is done first.
func (t Table[K, V]) storing(op string, k K, f func(b *block[K, V]) error) error {
	c := t.core
	for range 8 { // others may take the room that was made
		err := t.locked(k, f)
		if err == nil || err != ErrFull {
			return err
		}
		if !c.evicts || !c.evict(k) {
			break
		}
	}
	c.stats.refused.Add(1)
	return opError(op, t.info.name, ErrFull)
}

// locked runs f with the block of k locked for writing.
func (t Table[K, V]) locked(k K, f func(b *block[K, V]) error) error {
	c := t.core
	b, _ := c.lock(k)
	n := b.rows.count()
	var late []row[K, V]
	if b.due != nil && c.late(b, k) { // what has expired is gone before anybody looks
		v, _ := b.rows.get(k)
		late = []row[K, V]{{k, v}}
		c.remove(b, k)
	}
	defer func() { // also when a function of the user panics
		if b.rows.count() < n {
			c.unlockSmaller(b)
		} else {
			c.unlock(b, k)
		}
		if late != nil {
			c.gaveUp(Expired, late)
		}
	}()
	return f(b)
}

// InsertNew stores a row if there is none of that key, and reports whether it did.
func (t Table[K, V]) InsertNew(k K, v V) (inserted bool, err error) {
	if !t.write.ok() {
		return false, t.void("insert new")
	}
	c := t.core
	if v, err = c.copies.in(v); err != nil {
		return false, opError("insert new", t.info.name, err)
	}
	err = t.storing("insert new", k, func(b *block[K, V]) error {
		if _, ok := b.rows.get(k); ok {
			return nil
		}
		err := c.put(b, k, v, c.ttl)
		inserted = err == nil
		return err
	})
	return inserted, err
}

// Take removes a row and gives what it held.
func (t Table[K, V]) Take(k K) (v V, ok bool, err error) {
	if !t.write.ok() {
		return v, false, t.void("take")
	}
	err = t.locked(k, func(b *block[K, V]) error {
		if v, ok = b.rows.get(k); ok {
			t.core.remove(b, k)
		}
		return nil
	})
	return t.core.copies.out(v), ok, err // a copy: a snapshot or a reader may still hold what was stored
}

// Delete removes the row of a key, if there is one, and reports whether there was.
func (t Table[K, V]) Delete(k K) (ok bool, err error) {
	if !t.write.ok() {
		return false, t.void("delete")
	}
	err = t.locked(k, func(b *block[K, V]) error {
		ok = t.core.remove(b, k)
		return nil
	})
	return ok, err
}

// DeleteAll removes all rows at one moment (ets:delete_all_objects). Everybody who uses the table waits for it; what was
// in it is left to the garbage collector.
func (t Table[K, V]) DeleteAll() error {
	if !t.write.ok() {
		return t.void("delete all")
	}
	t.core.empty()
	return nil
}

// DeleteWhere removes the rows for which where is true, and gives their number (ets:select_delete). Each is looked at and
// removed at one moment; the table as a whole is not locked. where must not use the table, nor change or keep the row.
func (t Table[K, V]) DeleteWhere(where func(k K, v V) bool) (n int, err error) {
	if !t.write.ok() {
		return 0, t.void("delete where")
	}
	c := t.core
	page := c.takePage()
	defer c.dropPage(page)
	for at := (cursor[K]{}); !at.end; {
		at = c.page(at, page)
		for _, x := range page.rows {
			if where(x.k, x.v) && t.deleteIf(x.k, where) {
				n++
			}
		}
	}
	return n, nil
}

func (t Table[K, V]) deleteIf(k K, where func(k K, v V) bool) (ok bool) {
	_ = t.locked(k, func(b *block[K, V]) error {
		if v, there := b.rows.get(k); there && where(k, v) {
			ok = t.core.remove(b, k)
		}
		return nil
	})
	return ok
}
