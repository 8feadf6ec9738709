// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"net/netip"
	"reflect"
	"strings"
	"time"
	"unsafe"
)

type immutable interface{ Immutable() }

var (
	immutableType = reflect.TypeFor[immutable]()
	errorType     = reflect.TypeFor[error]()
)

// isKnown lists types of the standard library that nobody can write to, although they hold pointers.
func isKnown(t reflect.Type) bool {
	switch t {
	case errorType, reflect.TypeFor[reflect.Type](), reflect.TypeOf(reflect.TypeFor[int]()),
		reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Location](),
		reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.AddrPort](), reflect.TypeFor[netip.Prefix]():
		return true
	}
	return t.PkgPath() == "unique" && strings.HasPrefix(t.Name(), "Handle[")
}

// isImmutable reports whether values of t may be shared although they hold pointers.
func isImmutable(t reflect.Type) bool {
	if isKnown(t) {
		return true
	}
	if t.Implements(immutableType) && !promotes(t, immutableType) {
		return true
	}
	// Pointers only: a struct that implements error by value is copied like any other, which costs no identity.
	return t.Kind() == reflect.Pointer && t.Implements(errorType) && !promotes(t, errorType)
}

// promotes reports whether an embedded field brings the method of the interface to t. Then it speaks for that field
// only: were it taken for the whole, struct{ Ref; lines []Line } would be shared between two processes. A type that
// embeds such a field and has the method itself cannot be told apart, and is copied, which is the safe side.
func promotes(t, method reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous {
			continue
		}
		if f.Type.Implements(method) || f.Type.Kind() != reflect.Interface && reflect.PointerTo(f.Type).Implements(method) {
			return true
		}
	}
	return false
}

// cloneKind says which method Clone a type can use.
type cloneKind uint8

const (
	noClone      cloneKind = iota
	cloneSelf              // (T) Clone() T
	cloneAddr              // (*T) Clone() T
	cloneAddrPtr           // (*T) Clone() *T, for a value of type T
)

// hasClone looks for Clone. Only an exact result counts, so that one promoted from an embedded field does not.
func hasClone(t reflect.Type) cloneKind {
	if t.Kind() == reflect.Interface {
		return noClone
	}
	if returns(t, t) {
		return cloneSelf
	}
	if t.Kind() == reflect.Pointer {
		return noClone
	}
	switch p := reflect.PointerTo(t); {
	case returns(p, t):
		return cloneAddr
	case returns(p, p):
		return cloneAddrPtr
	}
	return noClone
}

// returns reports whether t has a method Clone() result.
func returns(t, result reflect.Type) bool {
	m, ok := t.MethodByName("Clone")
	return ok && m.Type.NumIn() == 1 && m.Type.NumOut() == 1 && m.Type.Out(0) == result
}

// copyByMethod calls Clone. Nil pointers, maps and slices stay nil without it.
func (p *Plan) copyByMethod() func(*walk, unsafe.Pointer, unsafe.Pointer) error {
	t, kind := p.typ, hasClone(p.typ)
	return func(_ *walk, dst, src unsafe.Pointer) error {
		from, to := reflect.NewAt(t, src), reflect.NewAt(t, dst).Elem()
		if kind == cloneSelf {
			from = from.Elem()
			switch from.Kind() {
			case reflect.Pointer, reflect.Map, reflect.Slice:
				if from.IsNil() {
					to.SetZero()
					return nil
				}
			}
		}
		out := from.MethodByName("Clone").Call(nil)[0]
		if kind == cloneAddrPtr {
			if out.IsNil() {
				to.SetZero()
				return nil
			}
			out = out.Elem()
		}
		to.Set(out)
		return nil
	}
}
