// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"reflect"
	"unsafe"

	"github.com/banyan-go/banyan/internal/typereg"
)

// interfacePlan is the plan of an interface type.
func interfacePlan(t reflect.Type) *plan {
	switch {
	case t == errorType:
		return errorPlan()
	case t.NumMethod() > 0:
		return methodsPlan(t)
	}
	return &plan{typ: t, dec: decAny, enc: func(e *Encoder, p unsafe.Pointer) error { return e.nested(*(*any)(p)) }}
}

// methodsPlan is the plan of an interface with methods: it can be read from what says its Go type, that is from maps
// with a registered '__struct__', and from terms whose Go types have the methods.
func methodsPlan(t reflect.Type) *plan {
	p := &plan{typ: t}
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		v := reflect.NewAt(t, p).Elem()
		if v.IsNil() {
			return e.atom("nil")
		}
		return e.nested(v.Elem().Interface())
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		to := reflect.NewAt(t, p).Elem()
		if d.skipNil() {
			to.SetZero()
			return nil
		}
		start := d.pos
		var got any
		if err := decAny(d, unsafe.Pointer(&got)); err != nil {
			return err
		}
		v := reflect.ValueOf(got)
		if !v.Type().Implements(t) && reflect.PointerTo(v.Type()).Implements(t) {
			ptr := reflect.New(v.Type())
			ptr.Elem().Set(v)
			v = ptr
		}
		if !v.Type().Implements(t) {
			d.pos = start
			return d.want("a registered struct that is a " + t.String())
		}
		to.Set(v)
		return nil
	}
	return p
}

// travelsAsError reports whether a value of type t in an any travels as {error, Reason}: an error that has no form of
// its own.
func travelsAsError(t reflect.Type) bool {
	if !t.Implements(errorType) {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(marshalerType) {
		return false
	}
	_, _, registered := typereg.Name(t)
	return !registered
}
