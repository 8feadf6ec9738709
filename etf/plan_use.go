// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"reflect"
	"unsafe"
)

// Pointer writes *p for a p of any type *T, by T's plan and without copying *p: the way to send typed messages.
// A nil p is an error. After an error the buffer is as it was before.
func (e *Encoder) Pointer(p any) error {
	if e.err != nil {
		return e.err
	}
	elem, data, err := e.last.target(p)
	if err != nil {
		return err
	}
	start, depth := len(e.buf), e.depth
	if err := elem.enc(e, data); err != nil {
		e.buf, e.depth = e.buf[:start], depth
		return at(elem.typ.String(), err)
	}
	if e.err != nil {
		e.buf, e.depth = e.buf[:start], depth
	}
	return e.err
}

// Into reads the next term into *p for a p of any type *T, by T's plan. What it stores does not alias the input.
// After an error *p may be partly written.
func (d *Decoder) Into(p any) error {
	elem, data, err := d.last.target(p)
	if err != nil {
		return err
	}
	depth, keyDepth, owed := d.depth, d.keyDepth, d.owed
	if err := elem.dec(d, data); err != nil {
		d.depth, d.keyDepth, d.owed, d.resolve = depth, keyDepth, owed, false
		if elem.typ.Kind() == reflect.Interface {
			return outermost(err) // the path, if any, begins with a type in the any
		}
		return at(elem.typ.String(), err)
	}
	return nil
}

// lastPlan spares the search for a plan where one value is of the type of the one before. Invariant: plan is that of word, for
// plans never change.
type lastPlan struct {
	word unsafe.Pointer // an eface's first; nil: none
	plan *plan
}

// target returns the plan and the address of what p points to.
func (l *lastPlan) target(p any) (*plan, unsafe.Pointer, error) {
	if p == nil {
		return nil, nil, encodeErr("want a pointer, got nil")
	}
	word, data := (*eface)(unsafe.Pointer(&p)).typ, (*eface)(unsafe.Pointer(&p)).data
	pl := l.plan
	if word != l.word {
		var err error
		if pl, err = planOf(p); err != nil {
			return nil, nil, err
		}
		l.word, l.plan = word, pl
	}
	if pl.typ.Kind() != reflect.Pointer || pl.elem == nil {
		return nil, nil, encodeErr("want a pointer, got %s", pl.typ)
	}
	if data == nil {
		return nil, nil, encodeErr("want a pointer, got a nil %s", pl.typ)
	}
	return pl.elem, data, nil
}

// Check reports whether values of type t can travel, with the error that Pointer and Into would give. Registering a type
// is the time to call it.
func Check(t reflect.Type) error {
	_, err := planFor(t)
	return err
}

// planned writes a value that is no generic term.
func (e *Encoder) planned(v any) error {
	pl, err := planOf(v)
	if err != nil {
		if failure, ok := v.(error); ok && travelsAsError(reflect.TypeOf(v)) {
			return e.error(failure)
		}
		if inner, ok := err.(*Error); ok && e.depth > 0 && inner.Path != "" {
			inner.Path = "(" + inner.Path + ")"
		}
		return err
	}
	data := (*eface)(unsafe.Pointer(&v)).data
	switch {
	case pl.elem != nil && data == nil:
		return e.atom("nil")
	case pl.asError:
		return e.error(v.(error))
	case pl.elem != nil:
		pl = pl.elem
		if err = e.enter(); err == nil {
			err = pl.enc(e, data)
			e.depth--
		}
	case pl.direct: // the word is the value (a map); the plan wants its address
		word := data
		err = pl.enc(e, unsafe.Pointer(&word))
	default:
		err = pl.enc(e, data)
	}
	if err != nil {
		return atType(pl.typ.String(), err)
	}
	return nil
}
