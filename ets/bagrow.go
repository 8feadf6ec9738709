// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"reflect"
	"slices"
	"sync/atomic"
)

// objects are all values of one key in a bag. A list that others may hold is only ever longer by what lies behind its end,
// so they go on to see what they saw; whatever else changes makes a new list.
type objects[V any] struct {
	list []V
	// places is where a value stands, for a bag whose key has many; nil for few, and in a duplicate bag. Only writers use it,
	// under the lock of the newest list's block.
	places any // map[V]int
}

// bagFew is up to how many values a bag looks for a double one by one.
const bagFew = 8

func (o objects[V]) size() int { return len(o.list) }

func (o objects[V]) at(i int) any { return o.list[i] }

func (objects[V]) of() reflect.Type { return reflect.TypeFor[V]() }

// bagHooks count the values of a bag, whose rows are keys.
type bagHooks[R any] struct {
	objects atomic.Int64
}

// sized is what the rows of a bag are.
type sized interface {
	size() int
	of() reflect.Type // what the list is of
	at(i int) any
}

// leaving is told of a row that is removed.
func (h *bagHooks[R]) leaving(r R, ok bool) {
	if ok {
		h.objects.Add(-int64(any(r).(sized).size()))
	}
}

// placeOf is where v stands in o, -1 if nowhere.
func placeOf[V comparable](o objects[V], v V) int {
	if m, ok := o.places.(map[V]int); ok {
		if i, ok := m[v]; ok {
			return i
		}
		return -1
	}
	return slices.Index(o.list, v)
}

// with adds a value at the end.
func with[V comparable](o objects[V], v V) objects[V] {
	o.list = append(o.list, v)
	switch m, ok := o.places.(map[V]int); {
	case ok:
		m[v] = len(o.list) - 1
	case len(o.list) > bagFew:
		m = make(map[V]int, 2*len(o.list))
		for i, v := range o.list {
			m[v] = i
		}
		o.places = m
	}
	return o
}

// without drops the values for which out is true. Places are found anew when the next value comes.
func without[V any](o objects[V], out func(V) bool) (objects[V], int) {
	i := slices.IndexFunc(o.list, out)
	if i < 0 {
		return o, 0
	}
	list := slices.Clone(o.list[:i])
	for _, v := range o.list[i+1:] {
		if !out(v) {
			list = append(list, v)
		}
	}
	return objects[V]{list: list}, len(o.list) - len(list)
}
