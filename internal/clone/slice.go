// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"unsafe"
)

// header is a slice as it lies in memory. The data is a pointer here, so that the garbage collector sees it.
type header struct {
	data     unsafe.Pointer
	len, cap int
}

// copySlice chooses the cheapest copy for the element type.
func (p *Plan) copySlice() func(*walk, unsafe.Pointer, unsafe.Pointer) error {
	switch {
	case p.elem.flat && !hasPointers(p.elem.typ):
		return p.copyBytes
	case p.elem.flat && p.elem.typ.Kind() == reflect.String:
		return copyStrings
	case p.elem.flat:
		return p.copyFlatSlice
	}
	return p.copyDeepSlice
}

// copyBytes is one allocation and one memmove: the compiler leaves out the zeroing in this very form.
func (p *Plan) copyBytes(_ *walk, dst, src unsafe.Pointer) error {
	from := *(*header)(src) // by value: dst may be src
	if from.len == 0 {
		return p.copyEmpty(dst, from)
	}
	bytes := unsafe.Slice((*byte)(from.data), uintptr(from.len)*p.elem.size)
	to := make([]byte, len(bytes))
	copy(to, bytes)
	*(*header)(dst) = header{unsafe.Pointer(unsafe.SliceData(to)), from.len, from.len}
	return nil
}

func copyStrings(_ *walk, dst, src unsafe.Pointer) error {
	from := *(*[]string)(src)
	if from == nil {
		*(*[]string)(dst) = nil
		return nil
	}
	to := make([]string, len(from))
	copy(to, from)
	*(*[]string)(dst) = to
	return nil
}

func (p *Plan) copyFlatSlice(_ *walk, dst, src unsafe.Pointer) error {
	from := *(*header)(src) // by value: dst may be src
	if from.len == 0 {
		return p.copyEmpty(dst, from)
	}
	p.makeSlice(dst, from.len)
	reflect.Copy(reflect.NewAt(p.typ, dst).Elem(), reflect.NewAt(p.typ, unsafe.Pointer(&from)).Elem())
	return nil
}

func (p *Plan) copyDeepSlice(w *walk, dst, src unsafe.Pointer) error {
	from := *(*header)(src) // by value: dst may be src
	if from.len == 0 {
		return p.copyEmpty(dst, from)
	}
	if !p.track {
		p.makeSlice(dst, from.len)
		return p.copyElems(w, (*header)(dst).data, from.data, from.len)
	}
	at := place{from.data, from.len, p}
	if made, ok := w.find(at); ok {
		*(*header)(dst) = header{made, from.len, from.len}
		return nil
	}
	if !w.enter() {
		return ErrTooDeep
	}
	p.makeSlice(dst, from.len)
	to := (*header)(dst).data
	w.note(at, to)
	err := p.copyElems(w, to, from.data, from.len)
	w.leave()
	return err
}

// copyEmpty keeps the difference between nil and empty, and nothing of the original's memory.
func (p *Plan) copyEmpty(dst unsafe.Pointer, from header) error {
	*(*header)(dst) = header{}
	if from.data != nil {
		reflect.NewAt(p.typ, dst).Elem().Set(reflect.MakeSlice(p.typ, 0, 0))
	}
	return nil
}

// makeSlice sets *dst to a zeroed slice of n elements with n > 0. Grow writes to *dst itself, where reflect.MakeSlice
// would allocate the header as well.
func (p *Plan) makeSlice(dst unsafe.Pointer, n int) {
	*(*header)(dst) = header{}
	switch {
	case p.elem.size == word && p.elem.direct:
		*(*[]unsafe.Pointer)(dst) = make([]unsafe.Pointer, n)
	case p.elem.class == iface:
		*(*[]any)(dst) = make([]any, n)
	default:
		v := reflect.NewAt(p.typ, dst).Elem()
		v.Grow(n)
		(*header)(dst).len, (*header)(dst).cap = n, n
	}
}
