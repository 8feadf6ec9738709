// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/banyan-go/banyan/internal/clone"
)

// isolation keeps the rows of a table apart from what programs hold: a value that can be written is copied on its way in
// and on its way out.
type isolation[V any] struct {
	plan *clone.Plan // nil: nothing in a value can be written, it is shared
}

// isolate finds out what the types of a table need. Keys are never copied, so they must be immutable: a key that changes
// could not be found again.
func isolate[K, V any]() (i isolation[V], err error) {
	kp, err := clone.Of(reflect.TypeFor[K]())
	if err != nil {
		return i, err
	}
	if !kp.Flat() {
		return i, fmt.Errorf("a key of type %v could be changed while it is in the table: use numbers, strings, structs of these, or give it a method Immutable", reflect.TypeFor[K]())
	}
	vp, err := clone.Of(reflect.TypeFor[V]())
	if err != nil {
		return i, err
	}
	if !vp.Flat() {
		i.plan = vp
	}
	return i, nil
}

// in copies a value that somebody else may go on to change. An error names the field that cannot be copied.
func (i isolation[V]) in(v V) (V, error) {
	if i.plan == nil {
		return v, nil
	}
	return i.copied(v)
}

// copied is apart from in, where the address of v would cost flat values an allocation.
func (i isolation[V]) copied(v V) (V, error) {
	var c V
	if err := i.plan.Copy(unsafe.Pointer(&c), unsafe.Pointer(&v)); err != nil {
		var zero V
		return zero, err
	}
	return c, nil
}

// out copies what the table holds. It was copied before, so it can be copied again.
func (i isolation[V]) out(v V) V {
	if i.plan == nil {
		return v
	}
	c, err := i.copied(v)
	if err != nil {
		panic(fmt.Sprintf("ets: a %T that came in by a copy cannot be copied: %v", v, err))
	}
	return c
}

// sizeOf is about how many bytes a value takes.
func sizeOf[T any](v T) int64 {
	p, err := clone.Of(reflect.TypeFor[T]())
	if err != nil {
		return int64(unsafe.Sizeof(v))
	}
	return int64(p.Size(unsafe.Pointer(&v)))
}
