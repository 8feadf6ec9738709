// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"unsafe"
)

// words is an interface as it lies in memory. The first says which type and methods, the second is the value of a direct
// type, else a pointer to it. What it points to is never written by Go itself, so that a flat value may be shared there.
type words struct {
	what unsafe.Pointer
	data unsafe.Pointer
}

// dynamic returns the plan of what the interface at src holds, nil for nil.
func (p *Plan) dynamic(src unsafe.Pointer) (*Plan, error) {
	var t reflect.Type
	if p.typ.NumMethod() == 0 {
		t = reflect.TypeOf(*(*any)(src))
	} else if v := reflect.NewAt(p.typ, src).Elem(); !v.IsNil() {
		t = v.Elem().Type()
	}
	if t == nil {
		return nil, nil
	}
	q, err := Of(t)
	if err != nil {
		return nil, under(err, ".("+t.String()+")", nil)
	}
	return q, nil
}

func (p *Plan) copyInterface(w *walk, dst, src unsafe.Pointer) error {
	q, err := p.dynamic(src)
	switch {
	case err != nil:
		return err
	case q == nil:
		*(*words)(dst) = words{}
		return nil
	}
	if err := q.copyBox(w, dst, src); err != nil {
		return under(err, ".("+q.typ.String()+")", nil)
	}
	return nil
}

// copyBox copies an interface that holds a value of type p.typ. A box is tracked like a pointer: two interfaces may
// share one, and so on below, which would double the work at every level.
func (p *Plan) copyBox(w *walk, dst, src unsafe.Pointer) error {
	from, to := *(*words)(src), (*words)(dst) // by value: dst may be src
	if p.flat {
		*to = from
		return nil
	}
	if p.direct {
		data := unsafe.Pointer(&(*words)(src).data) // and not of from, which would be put on the heap for it
		if err := p.copy(w, unsafe.Pointer(&to.data), data); err != nil {
			return err
		}
		to.what = from.what
		return nil
	}
	if !p.walks {
		box := p.alloc()
		*to = words{from.what, box}
		return p.copy(w, box, from.data)
	}
	at := place{from.data, -1, p} // -1: the box itself, and no pointer of the type
	if made, ok := w.find(at); ok {
		*to = words{from.what, made}
		return nil
	}
	if !w.enter() {
		return ErrTooDeep
	}
	box := p.alloc()
	*to = words{from.what, box}
	w.note(at, box)
	err := p.copy(w, box, from.data)
	w.leave()
	return err
}
