// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"encoding"
	"reflect"
	"strings"
	"unsafe"

	"github.com/banyan-go/banyan/internal/typereg"
)

var (
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// represent fills the plan of a type that an option of its field represents in another way than the usual. What is made
// of others (pointers, slices, arrays, maps) hands the option on to those.
func (c *compiler) represent(p *plan, as, path string) error {
	t := p.typ
	ptr := reflect.PointerTo(t)
	switch {
	case t.Kind() == reflect.Pointer:
		return c.pointer(p, as, path)
	case t == timeType && timePlan(p, as), t == durationType && durationPlan(p, as):
		return nil
	case as == "text" && ptr.Implements(textMarshalerType) && ptr.Implements(textUnmarshalerType):
		textPlan(p)
		return nil
	case t == timeType || t == durationType || termPlan(&plan{typ: t}) || ptr.Implements(marshalerType) || ptr.Implements(unmarshalerType):
		return misfit(t, as, path)
	}
	switch t.Kind() {
	case reflect.String:
		switch as {
		case "charlist":
			p.enc, p.dec = encCharlist, decString
			return nil
		case "atom":
			p.enc, p.dec = encStringAtom, decStringAtom
			return nil
		}
	case reflect.Slice:
		return c.slice(p, as, path)
	case reflect.Array:
		if as == "tuple" {
			return c.arrayTuple(p, path)
		}
		return c.array(p, as, path)
	case reflect.Map:
		if as == "keyword" {
			return c.keywordMap(p, path)
		}
		return c.mapping(p, as, path)
	case reflect.Struct:
		name, isRecord := strings.CutPrefix(as, recordOption)
		switch {
		case isRecord:
			return c.structAs(p, path, typereg.Record, name)
		case as == "tuple":
			return c.structAs(p, path, typereg.Tuple, "")
		case as == "map":
			return c.structAs(p, path, typereg.Map, "")
		case as == "keyword":
			return c.structAs(p, path, typereg.Keyword, "")
		}
	}
	return misfit(t, as, path)
}

func misfit(t reflect.Type, as, path string) error {
	return planError(path, "the option %s does not fit the type %s", as, t)
}

// textPlan is for types that turn themselves into text and back.
func textPlan(p *plan) {
	t := p.typ
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		text, err := reflect.NewAt(t, p).Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return &Error{Offset: -1, Reason: "MarshalText", Err: err}
		}
		e.Binary(text)
		return nil
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start := d.pos
		var text string
		if err := decString(d, unsafe.Pointer(&text)); err != nil {
			return err
		}
		if err := reflect.NewAt(t, p).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return &Error{Offset: start, Reason: "UnmarshalText", Err: err}
		}
		return nil
	}
}

// arrayTuple makes the plan of an array that is a tuple.
func (c *compiler) arrayTuple(p *plan, path string) error {
	elem, err := c.plan(p.typ.Elem(), "", path+"[]")
	if err != nil {
		return err
	}
	n, size := p.typ.Len(), p.typ.Elem().Size()
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		if err := e.enter(); err != nil {
			return err
		}
		e.Tuple(n)
		for i := range n {
			if err := elem.enc(e, unsafe.Add(p, uintptr(i)*size)); err != nil {
				return atIndex(i, err)
			}
		}
		e.depth--
		return nil
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start := d.pos
		if d.Peek() != KindTuple {
			return d.want("tuple")
		}
		got, err := d.TupleHeader()
		if err != nil {
			return err
		}
		if got != n {
			d.pos = start
			return d.fail(start, "want a tuple of %d, got %d", n, got)
		}
		if err := d.owe(start, n); err != nil {
			return err
		}
		if err := d.enter(); err != nil {
			return err
		}
		for i := range n {
			d.owed--
			if err := elem.dec(d, unsafe.Add(p, uintptr(i)*size)); err != nil {
				return atIndex(i, err)
			}
		}
		d.depth--
		return nil
	}
	return nil
}
