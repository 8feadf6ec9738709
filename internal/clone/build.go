// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"unsafe"
)

// class is how the values of a plan are copied.
type class uint8

const (
	flat     class = iota // by assignment
	byMethod              // by Clone
	pointer
	slice
	mapping
	iface
	structure
	array
)

// builder compiles one type and all that it leads to.
type builder struct {
	made map[reflect.Type]*Plan
}

// build compiles t under the lock. Plans of the types below t are published with it, unless t is refused: then only the
// refusal is.
func build(t reflect.Type) (*Plan, error) {
	compile.Lock()
	defer compile.Unlock()
	if e, ok := cache.Load(t); ok {
		e := e.(entry)
		return e.plan, e.err
	}
	b := builder{made: make(map[reflect.Type]*Plan)}
	p, err := b.plan(t)
	if err != nil {
		err = named(err, t)
		cache.Store(t, entry{err: err})
		return nil, err
	}
	for _, q := range b.made {
		q.track, q.walks = q.reaches()
	}
	for _, q := range b.made {
		q.link()
	}
	// Flat plans without children of b.made are complete too, so all can be seen from here on.
	for t, q := range b.made {
		cache.Store(t, entry{plan: q})
	}
	return p, nil
}

// plan classifies t and its children. A type met again while it is still being made is on a cycle through a pointer,
// slice or map, hence not flat, which is what its unfinished plan says.
func (b *builder) plan(t reflect.Type) (*Plan, error) {
	if e, ok := cache.Load(t); ok {
		e := e.(entry)
		return e.plan, e.err
	}
	if p := b.made[t]; p != nil {
		return p, nil
	}
	p := &Plan{typ: t, size: t.Size(), direct: isDirect(t)}
	b.made[t] = p
	var err error
	switch {
	case isImmutable(t):
		p.class, p.flat = flat, true
	case hasClone(t) != noClone:
		p.class = byMethod
	default:
		err = b.structural(p)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// structural fills in p by the kind of its type.
func (b *builder) structural(p *Plan) (err error) {
	t := p.typ
	if why := refusal(t); why != "" {
		return &RefusedError{Type: t, Why: why}
	}
	switch t.Kind() {
	case reflect.Pointer:
		p.class = pointer
		p.elem, err = b.plan(t.Elem())
	case reflect.Slice:
		p.class = slice
		p.elem, err = b.plan(t.Elem())
		err = under(err, "[]", nil)
	case reflect.Map:
		p.class = mapping
		if p.key, err = b.plan(t.Key()); err != nil {
			return under(err, "[key]", nil)
		}
		p.elem, err = b.plan(t.Elem())
		err = under(err, "[]", nil)
	case reflect.Interface:
		p.class = iface
	case reflect.Array:
		p.class = array
		if t.Len() == 0 { // also [0]func(), by which a struct says that it must not be compared
			p.flat = true
			break
		}
		p.elem, err = b.plan(t.Elem())
		err = under(err, "[]", nil)
		p.flat = err == nil && p.elem.flat
	case reflect.Struct:
		p.class = structure
		p.flat = true
		for i := range t.NumField() {
			f := t.Field(i)
			q, err := b.plan(f.Type)
			if err != nil {
				return under(err, "."+f.Name, t)
			}
			p.flat = p.flat && q.flat
			p.fields = append(p.fields, field{f.Name, f.Offset, q})
		}
	default:
		p.class, p.flat = flat, true
	}
	if err == nil && isLock(t) {
		// After the fields, so that an embedded lock is named by its field.
		return &RefusedError{Type: t, Why: "it has the methods Lock and Unlock"}
	}
	return err
}

// reaches reports whether p is a place to remember (it may come round to itself) and whether a copy has to remember at
// all. An interface may hold anything, so what leads to one may come round.
func (p *Plan) reaches() (itself, anything bool) {
	below := make(map[*Plan]bool)
	itself = p.visit(p, below)
	anything = itself
	for q := range below { // a cycle further down, as in a struct that holds a list
		if anything {
			break
		}
		anything = q.visit(q, make(map[*Plan]bool))
	}
	return itself, anything
}

// visit collects what can be written below q, and reports whether p or an interface is among it.
func (p *Plan) visit(q *Plan, below map[*Plan]bool) bool {
	if q.class == iface && !q.flat {
		return true
	}
	found := false
	step := func(c *Plan) {
		if c == nil || c.flat {
			return
		}
		found = found || c == p
		if !below[c] {
			below[c] = true
			found = p.visit(c, below) || found
		}
	}
	step(q.elem)
	step(q.key)
	for _, f := range q.fields {
		step(f.plan)
	}
	return found
}

// link chooses the functions of p once everything is known of its children.
func (p *Plan) link() {
	p.runs = layout(p.typ)
	switch {
	case p.flat:
		p.copy = p.shallow()
		p.extra = p.flatExtra()
		return
	case p.class == byMethod:
		p.copy = p.copyByMethod()
		return
	}
	switch p.class {
	case pointer:
		p.copy, p.extra = p.copyPointer, p.extraPointer
	case slice:
		p.copy, p.extra = p.copySlice(), p.extraSlice
	case mapping:
		p.linkMap()
	case iface:
		p.copy, p.extra = p.copyInterface, p.extraInterface
	case array:
		p.copy, p.extra = p.copyArray, p.extraArray
	case structure:
		p.steps = p.structSteps()
		p.copy, p.extra = p.copyStruct, p.extraStruct
	}
}

// isDirect reports whether an interface holds a value of t itself, which Go does for what consists of one pointer. Asked
// of the runtime and not derived, because the rule has changed between releases.
func isDirect(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	zero := reflect.Zero(t).Interface()
	return (*words)(unsafe.Pointer(&zero)).data == nil
}
