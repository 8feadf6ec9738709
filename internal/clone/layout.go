// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"unsafe"
)

// run is a piece of memory to assign. A pointer has to be assigned as a pointer, for the garbage collector must see it;
// the bytes between pointers are moved as bytes.
type run struct {
	off  uintptr
	n    uintptr      // bytes; 0 for a pointer
	typ  reflect.Type // assign the whole by its type: what would be too many runs
	plan *Plan        // a part that has to be copied, in a struct that is not flat
}

// maxRuns bounds what is unrolled into runs; past it one typed assignment is cheaper.
const maxRuns = 24

const word = unsafe.Sizeof(uintptr(0))

// layout returns the runs of a value of t. Neighbouring bytes are one run, padding included.
func layout(t reflect.Type) []run {
	rs, ok := appendLayout(nil, t, 0)
	if !ok {
		return []run{{typ: t}}
	}
	return rs
}

// appendLayout reports false when there would be too many runs.
func appendLayout(rs []run, t reflect.Type, off uintptr) ([]run, bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		rs = append(rs, run{off: off})
	case reflect.String, reflect.Slice:
		rs = append(rs, run{off: off}, run{off: off + word, n: t.Size() - word})
	case reflect.Interface:
		rs = append(rs, run{off: off}, run{off: off + word})
	case reflect.Struct:
		for i := range t.NumField() {
			var ok bool
			f := t.Field(i)
			if rs, ok = appendLayout(rs, f.Type, off+f.Offset); !ok {
				return nil, false
			}
		}
	case reflect.Array:
		if !hasPointers(t) {
			rs = appendBytes(rs, off, t.Size())
			break
		}
		for i := range t.Len() {
			var ok bool
			if rs, ok = appendLayout(rs, t.Elem(), off+uintptr(i)*t.Elem().Size()); !ok {
				return nil, false
			}
		}
	default:
		rs = appendBytes(rs, off, t.Size())
	}
	return rs, len(rs) <= maxRuns
}

// appendBytes adds n bytes, to the last run if that is bytes too: only padding can lie between.
func appendBytes(rs []run, off, n uintptr) []run {
	if n == 0 {
		return rs
	}
	if i := len(rs) - 1; i >= 0 && rs[i].n > 0 && rs[i].plan == nil {
		rs[i].n = off + n - rs[i].off
		return rs
	}
	return append(rs, run{off: off, n: n})
}

// hasPointers reports whether the garbage collector has to look into values of t.
func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer,
		reflect.String, reflect.Slice, reflect.Interface:
		return true
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// assign does one run.
func (r *run) assign(dst, src unsafe.Pointer) {
	d, s := unsafe.Add(dst, r.off), unsafe.Add(src, r.off)
	switch {
	case r.typ != nil:
		assignTyped(r.typ, d, s)
	case r.n == 0:
		*(*unsafe.Pointer)(d) = *(*unsafe.Pointer)(s)
	default:
		moveBytes(d, s, r.n)
	}
}

func moveBytes(dst, src unsafe.Pointer, n uintptr) {
	copy(unsafe.Slice((*byte)(dst), n), unsafe.Slice((*byte)(src), n))
}

func assignTyped(t reflect.Type, dst, src unsafe.Pointer) {
	reflect.NewAt(t, dst).Elem().Set(reflect.NewAt(t, src).Elem())
}

// shallow returns the assignment of a flat value.
func (p *Plan) shallow() func(*walk, unsafe.Pointer, unsafe.Pointer) error {
	switch {
	case len(p.runs) == 0:
		return func(*walk, unsafe.Pointer, unsafe.Pointer) error { return nil }
	case p.typ.Kind() == reflect.String:
		return func(_ *walk, dst, src unsafe.Pointer) error {
			*(*string)(dst) = *(*string)(src)
			return nil
		}
	case len(p.runs) == 1 && p.runs[0].n > 0:
		return func(_ *walk, dst, src unsafe.Pointer) error {
			moveBytes(dst, src, p.size)
			return nil
		}
	}
	return func(_ *walk, dst, src unsafe.Pointer) error {
		for i := range p.runs {
			p.runs[i].assign(dst, src)
		}
		return nil
	}
}

// structSteps lays out a struct of which some fields have to be copied.
func (p *Plan) structSteps() []run {
	var steps []run
	for _, f := range p.fields {
		if !f.plan.flat {
			steps = append(steps, run{off: f.off, plan: f.plan})
			continue
		}
		for _, r := range layout(f.plan.typ) {
			if r.n > 0 {
				steps = appendBytes(steps, f.off+r.off, r.n)
				continue
			}
			r.off += f.off
			steps = append(steps, r)
		}
	}
	return steps
}
