// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"unsafe"
)

// alloc makes a zero value of the plan's type.
func (p *Plan) alloc() unsafe.Pointer { return reflect.New(p.typ).UnsafePointer() }

func (p *Plan) copyPointer(w *walk, dst, src unsafe.Pointer) error {
	from := *(*unsafe.Pointer)(src)
	if from == nil {
		*(*unsafe.Pointer)(dst) = nil
		return nil
	}
	if !p.track {
		to := p.elem.alloc()
		*(*unsafe.Pointer)(dst) = to
		return p.elem.copy(w, to, from)
	}
	at := place{from, 0, p}
	if made, ok := w.find(at); ok {
		*(*unsafe.Pointer)(dst) = made
		return nil
	}
	if !w.enter() {
		return ErrTooDeep
	}
	to := p.elem.alloc()
	*(*unsafe.Pointer)(dst) = to
	w.note(at, to)
	err := p.elem.copy(w, to, from)
	w.leave()
	return err
}

func (p *Plan) copyStruct(w *walk, dst, src unsafe.Pointer) error {
	for i := range p.steps {
		s := &p.steps[i]
		if s.plan == nil {
			s.assign(dst, src)
			continue
		}
		if err := s.plan.copy(w, unsafe.Add(dst, s.off), unsafe.Add(src, s.off)); err != nil {
			return under(err, "."+p.fieldAt(s.off, s.plan), p.typ)
		}
	}
	return nil
}

// fieldAt names a field for an error.
func (p *Plan) fieldAt(off uintptr, plan *Plan) string {
	for _, f := range p.fields {
		if f.off == off && f.plan == plan {
			return f.name
		}
	}
	return "?"
}

func (p *Plan) copyArray(w *walk, dst, src unsafe.Pointer) error {
	return p.copyElems(w, dst, src, p.typ.Len())
}

// copyElems copies n neighbours that are not flat.
func (p *Plan) copyElems(w *walk, dst, src unsafe.Pointer, n int) error {
	for i := range n {
		off := uintptr(i) * p.elem.size
		if err := p.elem.copy(w, unsafe.Add(dst, off), unsafe.Add(src, off)); err != nil {
			return under(err, "[]", nil)
		}
	}
	return nil
}
