// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// bagTable is what both kinds of bags have.
type bagTable[K comparable, V any] struct {
	BagReader[K, V]
	write pass
}

// ReadOnly gives a handle that can only read.
func (t bagTable[K, V]) ReadOnly() BagReader[K, V] { return t.BagReader }

// rows is the bag as a table with one row per key.
func (t bagTable[K, V]) rows() Table[K, objects[V]] { return Table[K, objects[V]]{t.r, t.write} }

// change replaces the values of a key at one moment; f reports whether it changed anything.
func (t bagTable[K, V]) change(op string, k K, f func(o objects[V]) (objects[V], bool)) error {
	rows := t.rows()
	if !t.write.ok() {
		return rows.void(op)
	}
	c := t.r.core
	return rows.storing(op, k, func(b *block[K, objects[V]]) error {
		old, _ := b.rows.get(k)
		o, changed := f(old)
		switch {
		case !changed:
			return nil
		case len(o.list) == 0:
			c.remove(b, k)
			return nil
		}
		if err := c.put(b, k, o, c.ttl); err != nil {
			return err
		}
		c.bag.objects.Add(int64(len(o.list) - len(old.list)))
		return nil
	})
}

// Take removes a key and gives its values.
func (t bagTable[K, V]) Take(k K) (list []V, err error) {
	o, _, err := t.rows().Take(k)
	return t.out(o), err
}

// Delete removes a key with all its values, and reports whether it was there.
func (t bagTable[K, V]) Delete(k K) (bool, error) { return t.rows().Delete(k) }

// DeleteAll removes everything at one moment.
func (t bagTable[K, V]) DeleteAll() error { return t.rows().DeleteAll() }

// DeleteValues removes the values of a key for which where is true, and gives their number. where must not use the table, nor
// change or keep the value.
func (t bagTable[K, V]) DeleteValues(k K, where func(v V) bool) (n int, err error) {
	err = t.change("delete values", k, func(o objects[V]) (objects[V], bool) {
		o, n = without(o, where)
		return o, n > 0
	})
	return n, err
}

// Drop ends the table, see Table.Drop.
func (t bagTable[K, V]) Drop() error { return t.rows().Drop() }

// GiveAway makes another process the owner, see Table.GiveAway.
func (t bagTable[K, V]) GiveAway(self *banyan.Self, to banyan.PID, data any) error { //lint:any whatever the new owner understands
	return t.rows().GiveAway(self, to, data)
}

// SetHeir changes the heir, see Table.SetHeir.
func (t bagTable[K, V]) SetHeir(self *banyan.Self, heir banyan.PID, data any) error { //lint:any whatever the heir understands
	return t.rows().SetHeir(self, heir, data)
}

// Expire lets a key, with all its values, expire that long from now, unless it is written again. It reports whether the key
// is there.
func (t bagTable[K, V]) Expire(k K, after time.Duration) (bool, error) {
	return t.rows().Expire(k, after)
}

// Insert adds a value to a key, unless it has that value already; it reports whether it was added. Errors as Table.Insert.
func (t *Bag[K, V]) Insert(k K, v V) (added bool, err error) {
	err = t.change("insert", k, func(o objects[V]) (objects[V], bool) {
		if placeOf(o, v) >= 0 {
			return o, false
		}
		added = true
		return with(o, v), true
	})
	return added && err == nil, err
}

// DeleteObject removes one value of a key (ets:delete_object), and reports whether it was there.
func (t *Bag[K, V]) DeleteObject(k K, v V) (bool, error) {
	n, err := t.DeleteValues(k, func(w V) bool { return w == v })
	return n > 0, err
}

// Contains reports whether a key has a value.
func (t *Bag[K, V]) Contains(k K, v V) bool {
	o, _ := t.r.Lookup(k)
	return slices.Contains(o.list, v)
}

// Insert adds a value to a key. Errors as Table.Insert.
func (t *DuplicateBag[K, V]) Insert(k K, v V) error {
	v, err := t.copies.in(v)
	if err != nil {
		return opError("insert", t.Name(), err)
	}
	return t.change("insert", k, func(o objects[V]) (objects[V], bool) {
		o.list = append(o.list, v)
		return o, true
	})
}
