// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"sync"
	"unsafe"
)

// Plan knows how to copy the values of one type. It never changes once [Of] has returned it.
type Plan struct {
	typ   reflect.Type
	size  uintptr
	class class
	flat  bool // holds nothing that can be written: copying is assignment
	track bool // a pointer, slice, map or box that may reach itself: remembered while copying
	walks bool // something below is tracked, or an interface, so that Copy needs a *walk

	elem   *Plan   // of pointers, slices, arrays, maps
	key    *Plan   // of maps
	fields []field // of structs

	runs  []run // the memory of a flat value, as what the garbage collector has to be told of
	steps []run // the memory of a struct that is not flat
	maps  *mapOps
	// direct: an interface holds the value itself and no pointer to it.
	direct bool

	copy  func(w *walk, dst, src unsafe.Pointer) error
	extra func(w *walk, src unsafe.Pointer) int // bytes beyond size; nil for none
}

// field is one field of a struct.
type field struct {
	name string
	off  uintptr
	plan *Plan
}

// entry is what the cache holds: a plan, or why there is none.
type entry struct {
	plan *Plan
	err  error
}

var (
	cache   sync.Map   // reflect.Type to entry
	compile sync.Mutex // one compilation at a time, so that a type has one plan ever: walk compares plans by address
)

// Of returns the plan for t, compiling it the first time. It returns a [*RefusedError] if t holds something that cannot
// be copied; both answers are remembered.
func Of(t reflect.Type) (*Plan, error) {
	if e, ok := cache.Load(t); ok {
		e := e.(entry)
		return e.plan, e.err
	}
	return build(t)
}

// Flat reports whether a value holds nothing that can be written, so that it may be handed over as it is.
func (p *Plan) Flat() bool { return p.flat }

// Pointers reports whether the values contain pointers for the garbage collector, as strings do.
func (p *Plan) Pointers() bool { return hasPointers(p.typ) }

// Type returns the type that the plan copies.
func (p *Plan) Type() reflect.Type { return p.typ }

// Copy makes *dst a deep copy of *src, both of the plan's type. dst may be src: then what the value held is replaced by
// copies, in place. It fails with a [*RefusedError] when an interface holds something that cannot be copied, and with
// [ErrTooDeep]; *dst is then in parts unset or shared and must be dropped.
func (p *Plan) Copy(dst, src unsafe.Pointer) error {
	if !p.walks {
		return named(p.copy(nil, dst, src), p.typ)
	}
	w := walks.Get().(*walk)
	err := p.copy(w, dst, src)
	w.release()
	return named(err, p.typ)
}

// Size returns about how many bytes *src holds: its own and those behind strings, slices, maps and pointers. What an
// immutable type or a type with Clone keeps behind pointers is not seen. It costs one addition for flat types, a step per
// element for slices of strings, and a walk where there are pointers.
func (p *Plan) Size(src unsafe.Pointer) int {
	n := int(p.size)
	switch {
	case p.extra == nil:
	case !p.walks:
		n += p.extra(nil, src)
	default:
		w := walks.Get().(*walk)
		n += p.extra(w, src)
		w.release()
	}
	return n
}

// Any returns a deep copy of v by its dynamic type, or v itself when it holds nothing that can be written.
func Any(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	p, err := Of(reflect.TypeOf(v))
	if err != nil {
		return nil, err
	}
	if p.flat {
		return v, nil
	}
	return p.any(v)
}

// any is apart from Any, where the address of v would cost flat values an allocation.
func (p *Plan) any(v any) (any, error) {
	var out any
	w := walks.Get().(*walk)
	err := p.copyBox(w, unsafe.Pointer(&out), unsafe.Pointer(&v))
	w.release()
	if err != nil {
		return nil, named(err, p.typ)
	}
	return out, nil
}
