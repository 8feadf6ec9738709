// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/banyan-go/banyan/internal/typereg"
)

// structure makes the plan of a struct in the form it is registered with.
func (c *compiler) structure(p *plan, path string) error {
	t := p.typ
	name, form, ok := typereg.Name(t)
	if !ok {
		e := planError(path, "type %s is not registered: call banyan.RegisterType[%s]()", t, t).(*Error)
		if path == t.String() {
			e.Path = "" // it would only repeat the type
		}
		return e
	}
	return c.structAs(p, path, form, name)
}

// structAs makes the plan of a struct in a form.
func (c *compiler) structAs(p *plan, path string, form typereg.Form, name string) error {
	if !validAtom(name) {
		return planError(path, "%.80q is no atom", name)
	}
	fields, err := c.fields(p.typ, path, form)
	if err != nil {
		return err
	}
	switch form {
	case typereg.Record, typereg.Tuple:
		s := &tuplePlan{name: Atom(name), fields: fields}
		if form == typereg.Record {
			s.tags = 1
		}
		p.enc, p.dec = s.enc, s.dec
	case typereg.Keyword:
		s := &keywordPlan{fields: fields}
		p.enc, p.dec = s.enc, s.dec
	default:
		s := &mapPlan{fields: fields}
		if form == typereg.Struct {
			s.name, s.names = Atom(name), 1
		}
		s.omits = slices.ContainsFunc(fields, func(f fieldPlan) bool { return f.omit != nil })
		p.enc, p.dec = s.enc, s.dec
	}
	return nil
}

// tuplePlan is a struct that travels as {name, F1, F2...}, or without the name.
type tuplePlan struct {
	name   Atom
	tags   int // 1 with a name, else 0
	fields []fieldPlan
}

// bare reports whether all that travels is the name.
func (s *tuplePlan) bare() bool { return s.tags == 1 && len(s.fields) == 0 }

func (s *tuplePlan) enc(e *Encoder, p unsafe.Pointer) error {
	if s.bare() {
		return e.atom(s.name)
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.Tuple(s.tags + len(s.fields))
	if s.tags == 1 {
		if err := e.atom(s.name); err != nil {
			return err
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		if err := f.plan.enc(e, unsafe.Add(p, f.offset)); err != nil {
			return at("."+f.name, err)
		}
	}
	e.depth--
	return nil
}

func (s *tuplePlan) dec(d *Decoder, p unsafe.Pointer) error {
	start := d.pos
	if !s.bare() {
		if d.Peek() != KindTuple {
			return s.want(d)
		}
		n, err := d.TupleHeader()
		if err != nil {
			return err
		}
		if n != s.tags+len(s.fields) {
			d.pos = start
			return s.want(d)
		}
		if err := d.owe(start, n); err != nil {
			return err
		}
		d.owed -= s.tags
	}
	if s.tags == 1 {
		if d.Peek() != KindAtom {
			d.pos = start
			return s.want(d)
		}
		name, _, err := d.atomText()
		if err != nil {
			return err
		}
		if name != string(s.name) {
			d.pos = start
			return d.fail(start, "want %s, got one that begins with atom %.40s", s, name)
		}
	}
	if len(s.fields) == 0 {
		return nil
	}
	if err := d.enter(); err != nil {
		return err
	}
	for i := range s.fields {
		f := &s.fields[i]
		d.owed--
		if err := f.plan.dec(d, unsafe.Add(p, f.offset)); err != nil {
			return at("."+f.name, err)
		}
	}
	d.depth--
	return nil
}

func (s *tuplePlan) want(d *Decoder) error { return d.want(s.String()) }

// String shows the form, as {take, SKU, N}.
func (s *tuplePlan) String() string {
	if s.bare() {
		return "atom " + string(s.name)
	}
	var parts []string
	if s.tags == 1 {
		parts = append(parts, string(s.name))
	}
	for i := range s.fields {
		parts = append(parts, s.fields[i].name)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
