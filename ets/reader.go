// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"iter"

	"github.com/banyan-go/banyan"
)

// Reader is a handle by which a table can be read and not written. It is what a process gets from a protected table that is
// another's. It may be used from any goroutine and sent in messages; it is not copied.
//
// A table that is gone has no rows: Err tells it from one that is empty.
type Reader[K comparable, V any] struct {
	core *core[K, V]
	info *info
	pass pass
}

// Immutable marks it as safe to share.
func (Reader[K, V]) Immutable() {}

// Name is the name that the table was made with, "" if none.
func (r Reader[K, V]) Name() banyan.Atom { return r.info.name }

// Err is nil while the handle can be used, and ErrNoTable afterwards.
func (r Reader[K, V]) Err() error {
	if r.pass.ok() {
		return nil
	}
	return opError("read", r.info.name, ErrNoTable)
}

// Lookup gives the value of a key, and whether there is a row. It never waits longer than for a write to that part of the
// table. What it gives is the caller's: it was copied, unless nothing in it can be written.
func (r Reader[K, V]) Lookup(k K) (v V, ok bool) {
	if !r.pass.ok() {
		return v, false
	}
	v, ok = r.core.read(k)
	if ok && r.core.copies.plan != nil {
		v = r.core.copies.out(v)
	}
	return v, ok
}

// Has reports whether there is a row of a key (ets:member).
func (r Reader[K, V]) Has(k K) bool {
	if !r.pass.ok() {
		return false
	}
	_, ok := r.core.read(k)
	return ok
}

// Len is the number of rows. Rows that have expired count until they are swept.
func (r Reader[K, V]) Len() int {
	if !r.pass.ok() {
		return 0
	}
	return int(r.core.rows.sum())
}

// All gives every row, in order if the table has one. Rows that are there all the time come exactly once; of those that are
// inserted or deleted meanwhile, some may. Each row is as it was at a moment while All ran; for all of one moment use
// Snapshot. The body may write to the table.
func (r Reader[K, V]) All() iter.Seq2[K, V] {
	return r.Select(nil)
}

// Select gives the rows for which where is true, as All does. where gets rows that it must not change or keep; nil is every
// row. Only rows that match are copied.
func (r Reader[K, V]) Select(where func(k K, v V) bool) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if !r.pass.ok() {
			return
		}
		page := r.core.takePage()
		defer r.core.dropPage(page)
		for at := (cursor[K]{}); !at.end && r.pass.ok(); {
			at = r.core.page(at, page)
			for _, x := range page.rows {
				if (where == nil || where(x.k, x.v)) && !yield(x.k, r.core.copies.out(x.v)) {
					return
				}
			}
		}
	}
}

// Count is the number of rows for which where is true (ets:select_count).
func (r Reader[K, V]) Count(where func(k K, v V) bool) (n int) {
	for range r.Select(where) {
		n++
	}
	return n
}
