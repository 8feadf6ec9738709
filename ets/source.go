// SPDX-License-Identifier: Apache-2.0

package ets

import "context"

// Source is a table with one row per key that can be read, wherever it is: a Reader, Set or OrderedSet of this node, or the
// Remote of another's.
type Source[K comparable, V any] interface {
	// Get gives the value of a key; ErrNoRow if there is none.
	Get(ctx context.Context, k K) (V, error)
	// Each calls f for every row until it returns false, in order if the table has one. Rows that are there all the time come
	// exactly once.
	Each(ctx context.Context, f func(k K, v V) bool) error
	// Size is the number of rows.
	Size(ctx context.Context) (int, error)
}

// OrderedSource is a Source with an order.
type OrderedSource[K comparable, V any] interface {
	Source[K, V]
	// EachIn is Each for the rows within bounds.
	EachIn(ctx context.Context, b Bounds[K], f func(k K, v V) bool) error
}

// Get is Lookup with errors in place of a bool. On this node it costs what Lookup does, and ctx is not looked at.
func (r Reader[K, V]) Get(_ context.Context, k K) (v V, err error) {
	v, ok := r.Lookup(k)
	switch {
	case ok:
		return v, nil
	case !r.pass.ok():
		return v, r.Err()
	}
	return v, ErrNoRow
}

// Each is All with a function in place of a loop; it ends with ctx.
func (r Reader[K, V]) Each(ctx context.Context, f func(k K, v V) bool) error {
	return each(ctx, r, r.All(), f)
}

// Size is Len with an error.
func (r Reader[K, V]) Size(context.Context) (int, error) { return r.Len(), r.Err() }

// EachIn is Range with a function in place of a loop; it ends with ctx.
func (s Scans[K, V]) EachIn(ctx context.Context, b Bounds[K], f func(k K, v V) bool) error {
	return each(ctx, s.of, s.Range(b), f)
}

func each[K comparable, V any](ctx context.Context, r Reader[K, V], rows func(func(K, V) bool), f func(k K, v V) bool) (err error) {
	rows(func(k K, v V) bool {
		err = ctx.Err()
		return err == nil && f(k, v)
	})
	if err == nil {
		err = r.Err()
	}
	return err
}
