// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"math"
	"reflect"
	"time"
	"unicode/utf8"
	"unsafe"
)

// The bounds of a rendering.
const (
	renderItems = 2000 // values in all
	renderText  = 1024 // bytes of one string
	renderDepth = 8
)

// renderer turns a state into plain values that can be copied and sent. It reads unexported fields too. It follows no
// pointer but the state itself: what is behind others may be shared with goroutines, and reading a map that one writes
// would end the program.
type renderer struct{ left int }

func renderState(state any) any {
	v := reflect.ValueOf(state)
	if !v.IsValid() {
		return Atom("nil")
	}
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	r := renderer{renderItems}
	return r.value(addressable(v), renderDepth)
}

// addressable is v itself, or a copy, such that its fields can be read whether exported or not.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

var (
	pidType    = reflect.TypeFor[PID]()
	refType    = reflect.TypeFor[Reference]()
	timeType   = reflect.TypeFor[time.Time]()
	handleType = reflect.TypeFor[*handle]()
)

func named(t reflect.Type) any { return "(" + t.String() + ")" }

func (r *renderer) value(v reflect.Value, depth int) any {
	if r.left--; r.left < 0 || depth < 0 {
		return Atom("...")
	}
	t := v.Type()
	switch t {
	case pidType, refType:
		return v.Interface()
	case timeType:
		return v.Interface().(time.Time).Format(time.RFC3339Nano)
	case handleType: // in a Ref
		if h := v.Interface().(*handle); h != nil {
			return h.pid
		}
		return PID{}
	}
	switch t.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return v.Uint()
	case reflect.Float32, reflect.Float64:
		return float(v.Float())
	case reflect.String:
		return text(v)
	case reflect.Interface:
		if v.IsNil() {
			return Atom("nil")
		}
		return r.value(addressable(v.Elem()), depth)
	case reflect.Slice, reflect.Array:
		return r.list(v, depth)
	case reflect.Map:
		return r.mapping(v, depth)
	case reflect.Struct:
		return r.structure(v, depth)
	case reflect.Pointer:
		if v.IsNil() {
			return Atom("nil")
		}
	}
	return named(t)
}

// float: the wire has no infinities.
func float(f float64) any {
	switch {
	case math.IsNaN(f):
		return Atom("nan")
	case math.IsInf(f, 1):
		return Atom("infinity")
	case math.IsInf(f, -1):
		return Atom("-infinity")
	}
	return f
}

// text keeps atoms atoms.
func text(v reflect.Value) any {
	s := v.String()
	if v.Type() == reflect.TypeFor[Atom]() && len(s) <= 255 && utf8.ValidString(s) {
		return Atom(s)
	}
	if len(s) > renderText {
		return truncate(s, renderText-1) + "..."
	}
	return s
}

func (r *renderer) list(v reflect.Value, depth int) any {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b := make([]byte, min(v.Len(), renderText))
		for i := range b {
			b[i] = byte(v.Index(i).Uint())
		}
		return b
	}
	l := []any{}
	for i := range v.Len() {
		if r.left <= 0 {
			return append(l, Atom("..."))
		}
		l = append(l, r.value(addressable(v.Index(i)), depth-1))
	}
	return l
}

// mapping is a map where the keys allow one, else a list of pairs.
func (r *renderer) mapping(v reflect.Value, depth int) any {
	m, pairs := map[any]any{}, []any{}
	plain := true
	for it := v.MapRange(); it.Next(); {
		if r.left <= 0 {
			m[Atom("...")] = Atom("...")
			pairs = append(pairs, Atom("..."))
			break
		}
		k := r.value(addressable(it.Key()), depth-1)
		e := r.value(addressable(it.Value()), depth-1)
		pairs = append(pairs, []any{k, e})
		switch k.(type) {
		case []any, []byte, map[any]any, map[Atom]any:
			plain = false
		default:
			m[k] = e
		}
	}
	if plain && len(m) >= len(pairs) {
		return m
	}
	return pairs
}

func (r *renderer) structure(v reflect.Value, depth int) any {
	t := v.Type()
	if t.NumField() == 1 && t.Field(0).Type == handleType {
		return r.value(addressable(v.Field(0)), depth)
	}
	m := map[Atom]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type.PkgPath() == "sync" { // a lock: what is beside it may be written by goroutines
			return named(t)
		}
		if r.left <= 0 {
			m["..."] = Atom("...")
			break
		}
		if f.Name != "_" {
			m[Atom(f.Name)] = r.value(addressable(v.Field(i)), depth-1)
		}
	}
	return m
}
