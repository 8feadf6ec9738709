// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"math/big"
	"reflect"
	"unsafe"
)

// termPlan fills the plan of a type that stands for a kind of term, and of time.Time. It reports whether p is one.
func termPlan(p *plan) bool {
	switch p.typ {
	case reflect.TypeFor[Atom]():
		p.enc = func(e *Encoder, p unsafe.Pointer) error { return e.atom(*(*Atom)(p)) }
		p.dec = reader((*Decoder).Atom)
	case reflect.TypeFor[PID]():
		p.enc = func(e *Encoder, p unsafe.Pointer) error { return e.pid((*PID)(p)) }
		p.dec = reader((*Decoder).PID)
	case reflect.TypeFor[Reference]():
		p.enc = func(e *Encoder, p unsafe.Pointer) error { return e.ref((*Reference)(p)) }
		p.dec = reader((*Decoder).Ref)
	case reflect.TypeFor[Port]():
		p.enc = func(e *Encoder, p unsafe.Pointer) error { return e.port((*Port)(p)) }
		p.dec = reader((*Decoder).Port)
	case reflect.TypeFor[Export]():
		p.enc = func(e *Encoder, p unsafe.Pointer) error { return e.export((*Export)(p)) }
		p.dec = reader((*Decoder).export)
	case reflect.TypeFor[Fun]():
		p.enc = func(e *Encoder, p unsafe.Pointer) error { return e.fun((*Fun)(p)) }
		p.dec = reader((*Decoder).fun)
	case reflect.TypeFor[big.Int]():
		p.enc = func(e *Encoder, p unsafe.Pointer) error { e.BigInt((*big.Int)(p)); return nil }
		p.dec = func(d *Decoder, p unsafe.Pointer) error {
			b, err := d.BigInt()
			if err == nil {
				(*big.Int)(p).Set(b)
			}
			return err
		}
	case timeType:
		return timePlan(p, "")
	case reflect.TypeFor[Tuple]():
		genericPlan[Tuple](p, "tuple")
	case reflect.TypeFor[List]():
		genericPlan[List](p, "list")
	case reflect.TypeFor[ImproperList]():
		genericPlan[ImproperList](p, "improper list")
	case reflect.TypeFor[Map]():
		genericPlan[Map](p, "map")
	case reflect.TypeFor[Bitstring]():
		genericPlan[Bitstring](p, "bitstring")
	default:
		return false
	}
	return true
}

// reader makes a plan's dec of a method that reads a T.
func reader[T any](read func(*Decoder) (T, error)) func(*Decoder, unsafe.Pointer) error {
	return func(d *Decoder, p unsafe.Pointer) error {
		v, err := read(d)
		if err == nil {
			*(*T)(p) = v
		}
		return err
	}
}

// genericPlan is for the types that hold any terms.
func genericPlan[T any](p *plan, what string) {
	p.enc = func(e *Encoder, p unsafe.Pointer) error { return e.nested(*(*T)(p)) }
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start := d.pos
		var t any
		if err := decAny(d, unsafe.Pointer(&t)); err != nil {
			return err
		}
		v, ok := t.(T)
		if !ok {
			d.pos = start
			return d.want(what)
		}
		*(*T)(p) = v
		return nil
	}
}

// decAny reads a generic term, in which maps with a registered '__struct__' become structs.
func decAny(d *Decoder, p unsafe.Pointer) error {
	was := d.resolve
	d.resolve = true
	t, err := d.term()
	d.resolve = was
	if err == nil {
		*(*any)(p) = t
	}
	return err
}

// skipNil passes over the atom nil or undefined if it is next.
func (d *Decoder) skipNil() bool {
	if d.Peek() != KindAtom {
		return false
	}
	start := d.pos
	if text, _, err := d.atomText(); err == nil && (text == "nil" || text == "undefined") {
		return true
	}
	d.pos = start
	return false
}
