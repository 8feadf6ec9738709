// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"
)

// plan is how one Go type travels. It is compiled once and then runs on bare pointers, so that a value costs neither
// reflection nor an allocation. Invariant: never changed once published.
type plan struct {
	typ reflect.Type
	// enc writes the value at p, dec overwrites it with what comes next. p points to a typ.
	enc func(e *Encoder, p unsafe.Pointer) error
	dec func(d *Decoder, p unsafe.Pointer) error

	elem   *plan // of what a pointer points to; nil for other kinds
	direct bool  // whether an interface holding a typ holds the pointer itself and not a pointer to it
	// asError says that an interface holding a typ holds an error which travels as such.
	asError bool

	// smallInt returns the value at p if it is an integer that fits a byte: lists of such are written as STRING.
	// nil unless typ is an integer kind.
	smallInt func(p unsafe.Pointer) (b byte, ok bool)
}

// eface is the memory of an any. The planner's only assumptions on it: the first word is the same for all values of one
// type, the second is the value itself for pointer-like types and else points to the value.
type eface struct {
	typ  unsafe.Pointer
	data unsafe.Pointer
}

// The cache is copied on write: reading is one atomic load and one map access, and programs have few types.
// It only holds plans whose whole graph compiled; an error is not kept, as the missing registration may follow.
var (
	planMu sync.Mutex // held while compiling
	plans  atomic.Pointer[map[unsafe.Pointer]*plan]
)

// planOf returns the plan of the dynamic type of v, which is not nil.
func planOf(v any) (*plan, error) {
	if m := plans.Load(); m != nil {
		if p := (*m)[(*eface)(unsafe.Pointer(&v)).typ]; p != nil {
			return p, nil
		}
	}
	return planFor(reflect.TypeOf(v))
}

// typeWord is the first word of an any that holds a t. Types that only ever are fields (any itself) have none.
func typeWord(t reflect.Type) unsafe.Pointer {
	zero := reflect.Zero(t).Interface()
	return (*eface)(unsafe.Pointer(&zero)).typ
}

// planFor returns the plan of t, compiling it if need be.
func planFor(t reflect.Type) (*plan, error) {
	if t.Kind() == reflect.Interface {
		return interfacePlan(t), nil
	}
	word := typeWord(t)
	if m := plans.Load(); m != nil && (*m)[word] != nil {
		return (*m)[word], nil
	}
	planMu.Lock()
	defer planMu.Unlock()
	c := compiler{seen: make(map[planKey]*plan)}
	if m := plans.Load(); m != nil {
		c.done = *m
	}
	p, err := c.plan(t, "", t.String())
	if err != nil {
		return nil, err
	}
	next := maps.Clone(c.done)
	if next == nil {
		next = make(map[unsafe.Pointer]*plan)
	}
	for key, p := range c.seen {
		if key.as == "" && key.typ.Kind() != reflect.Interface {
			next[typeWord(key.typ)] = p
		}
	}
	plans.Store(&next)
	return p, nil
}

// compiler makes the plans of a type and of all that it is made of.
type compiler struct {
	done map[unsafe.Pointer]*plan
	seen map[planKey]*plan // in the making; a recursive type finds itself here
}

// planKey is a type, and the option of a field that says how it is represented, if there is one.
type planKey struct {
	typ reflect.Type
	as  string
}

// plan returns the plan of t, represented as an option says, which is at path in the type it was asked for. The plan may be unfinished when t is
// recursive: whoever uses it must call through the *plan and not copy its functions.
func (c *compiler) plan(t reflect.Type, as, path string) (*plan, error) {
	if t.Kind() != reflect.Interface && as == "" {
		if p := c.done[typeWord(t)]; p != nil {
			return p, nil
		}
	}
	key := planKey{t, as}
	if p := c.seen[key]; p != nil {
		return p, nil
	}
	p := &plan{typ: t}
	if t.Kind() != reflect.Interface {
		zero := reflect.Zero(t).Interface()
		// The zero value of a pointer-like type is nil; of any other it lies somewhere.
		p.direct = (*eface)(unsafe.Pointer(&zero)).data == nil
		p.asError = travelsAsError(t)
	}
	c.seen[key] = p
	if err := c.fill(p, as, path); err != nil {
		delete(c.seen, key)
		return nil, err
	}
	return p, nil
}

// planError is an error of the compiler.
func planError(path, format string, args ...any) error {
	return &Error{Path: path, Offset: -1, Reason: fmt.Sprintf(format, args...)}
}

// fill makes p.enc and p.dec.
func (c *compiler) fill(p *plan, as, path string) error {
	t := p.typ
	if as != "" {
		return c.represent(p, as, path)
	}
	if termPlan(p) {
		return nil
	}
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		if done, err := c.hooks(p, path); done || err != nil {
			return err
		}
	}
	return c.byKind(p, path)
}

// byKind is fill for types without hooks.
func (c *compiler) byKind(p *plan, path string) error {
	switch t := p.typ; t.Kind() {
	case reflect.Bool:
		p.enc, p.dec = encBool, decBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		intPlan(p)
	case reflect.Float32:
		p.enc, p.dec = encFloat32, decFloat32
	case reflect.Float64:
		p.enc, p.dec = encFloat64, decFloat64
	case reflect.String:
		p.enc, p.dec = encString, decString
	case reflect.Slice:
		return c.slice(p, "", path)
	case reflect.Array:
		return c.array(p, "", path)
	case reflect.Map:
		return c.mapping(p, "", path)
	case reflect.Pointer:
		return c.pointer(p, "", path)
	case reflect.Struct:
		return c.structure(p, path)
	case reflect.Interface:
		ip := interfacePlan(t)
		p.enc, p.dec = ip.enc, ip.dec
	default:
		return planError(path, "values of type %s cannot travel", t)
	}
	return nil
}
