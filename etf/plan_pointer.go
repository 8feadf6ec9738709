// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"maps"
	"reflect"
	"strings"
	"unsafe"
)

// pointer makes the plan of a pointer: the atom nil, or the value.
func (c *compiler) pointer(p *plan, as, path string) error {
	t := p.typ.Elem()
	elem, err := c.plan(t, as, strings.TrimPrefix(path, "*")) // *T at the root is for Pointer and Into, and named T
	if err != nil {
		return err
	}
	p.elem = elem
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		to := *(*unsafe.Pointer)(p)
		if to == nil {
			return e.atom("nil")
		}
		if err := e.enter(); err != nil {
			return err
		}
		err := elem.enc(e, to)
		e.depth--
		return err
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		if d.skipNil() {
			*(*unsafe.Pointer)(p) = nil
			return nil
		}
		if err := d.enter(); err != nil { // a type may be a pointer to itself
			return err
		}
		to := reflect.New(t).UnsafePointer()
		if err := elem.dec(d, to); err != nil {
			return err
		}
		d.depth--
		*(*unsafe.Pointer)(p) = to
		return nil
	}
	return nil
}

var (
	marshalerType   = reflect.TypeFor[TermMarshaler]()
	unmarshalerType = reflect.TypeFor[TermUnmarshaler]()
)

// hooks makes the plan of a type that has one hook or both, as a value or by pointer. It reports whether it did.
// With one hook only, the other direction goes by the kind of the type; if that is impossible, using it is the error,
// not having it. (That error stays: register such a type before it is first used.)
func (c *compiler) hooks(p *plan, path string) (bool, error) {
	t := p.typ
	ptr := reflect.PointerTo(t)
	marshals, unmarshals := ptr.Implements(marshalerType), ptr.Implements(unmarshalerType)
	if !marshals && !unmarshals {
		return false, nil
	}
	if !marshals || !unmarshals {
		before := maps.Clone(c.seen)
		if err := c.byKind(p, path); err != nil {
			c.seen = before         // what was made on the way may hold links to what failed
			failed := *err.(*Error) // copied for each use, as the way out adds to the path
			p.enc = func(*Encoder, unsafe.Pointer) error { e := failed; e.Path = ""; return &e }
			p.dec = func(*Decoder, unsafe.Pointer) error { e := failed; e.Path = ""; return &e }
		}
		p.smallInt = nil
	}
	if marshals {
		p.enc = func(e *Encoder, p unsafe.Pointer) error {
			v, err := reflect.NewAt(t, p).Interface().(TermMarshaler).MarshalTerm()
			if err != nil {
				return &Error{Offset: -1, Reason: "MarshalTerm", Err: err}
			}
			return e.nested(v)
		}
	}
	if unmarshals {
		p.dec = func(d *Decoder, p unsafe.Pointer) error {
			start, was := d.pos, d.resolve
			d.resolve = false
			v, err := d.term()
			d.resolve = was
			if err != nil {
				return err
			}
			if err := reflect.NewAt(t, p).Interface().(TermUnmarshaler).UnmarshalTerm(v, d.Env); err != nil {
				return &Error{Offset: start, Reason: "UnmarshalTerm", Err: err}
			}
			return nil
		}
	}
	return true, nil
}
