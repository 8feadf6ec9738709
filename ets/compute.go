// SPDX-License-Identifier: Apache-2.0

package ets

// Compute reads, changes and writes one row at one moment: f gets what is there and gives what is to be there; with keep
// false the row is deleted. It gives what f gave. Nobody else reads or writes that part of the table meanwhile, so f must be
// short, must not use the table, and must not keep what it gets. If f panics the row stays as it is.
func (t Table[K, V]) Compute(k K, f func(old V, exists bool) (v V, keep bool)) (v V, kept bool, err error) {
	if !t.write.ok() {
		return v, false, t.void("compute")
	}
	c := t.core
	err = t.storing("compute", k, func(b *block[K, V]) error {
		old, exists := b.rows.get(k)
		v, kept = f(c.copies.out(old), exists)
		if !kept {
			c.remove(b, k)
			return nil
		}
		own, err := c.copies.in(v)
		if err != nil {
			return opError("compute", t.info.name, err)
		}
		if err = c.put(b, k, own, c.ttl); err != nil {
			kept = false
		}
		return err
	})
	return v, kept, err
}

// Update changes a row that exists, as Compute does, and reports whether it did (ets:update_element).
func (t Table[K, V]) Update(k K, f func(v V) V) (updated bool, err error) {
	_, updated, err = t.Compute(k, func(old V, exists bool) (V, bool) {
		if !exists {
			return old, false
		}
		return f(old), true
	})
	return updated, err
}

// Number is what counters are made of.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// tableOf is any handle that a counter can be in.
type tableOf[K comparable, V any] interface{ table() Table[K, V] }

func (t Table[K, V]) table() Table[K, V] { return t }

// Add adds to a counter and gives what it is afterwards; a key without a row counts from 0 (ets:update_counter). It
// allocates nothing.
func Add[K comparable, V Number](to tableOf[K, V], k K, d V) (V, error) {
	return count(to.table(), k, func(v V) V { return v + d })
}

// AddUpTo is Add for a counter that begins again at reset when it would pass limit: above it if d is positive, below it if
// negative.
func AddUpTo[K comparable, V Number](to tableOf[K, V], k K, d, limit, reset V) (V, error) {
	return count(to.table(), k, func(v V) V {
		if v += d; d >= 0 && v > limit || d < 0 && v < limit {
			return reset
		}
		return v
	})
}

func count[K comparable, V Number](t Table[K, V], k K, f func(V) V) (v V, err error) {
	if !t.write.ok() {
		return v, t.void("add")
	}
	c := t.core
	if c.capacity > 0 || c.check != nil || c.timed.Load() || c.ttl > 0 {
		v, _, err = t.Compute(k, func(old V, _ bool) (V, bool) { return f(old), true })
		return v, err
	}
	b, hash := c.lock(k)
	v, _ = b.rows.getAt(k, hash)
	v = f(v)
	if b.rows.putAt(k, hash, v) {
		c.rows[b.stripe].n.Add(1)
	}
	c.unlock(b, k)
	return v, nil
}
