// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"reflect"
	"unsafe"

	"github.com/banyan-go/banyan/internal/typereg"
)

// fieldPlan is one field that travels.
type fieldPlan struct {
	name   string // in Go
	key    Atom   // in the map form
	offset uintptr
	plan   *plan
}

// structure makes the plan of a struct, which must be registered.
func (c *compiler) structure(p *plan, path string) error {
	t := p.typ
	name, tuple, ok := typereg.Name(t)
	if !ok {
		e := planError(path, "type %s is not registered: call banyan.RegisterType[%s]()", t, t).(*Error)
		if path == t.String() {
			e.Path = "" // it would only repeat the type
		}
		return e
	}
	if !validAtom(name) {
		return planError(path, "%.80q is no atom", name)
	}
	var fields []fieldPlan
	keys := map[Atom]string{structKey: structKey}
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("etf")
		if tag == "-" {
			continue
		}
		fp := path + "." + f.Name
		if !f.IsExported() {
			return planError(fp, "an unexported field cannot travel: export it or tag it `etf:\"-\"`")
		}
		key := Atom(tag)
		if key == "" {
			key = Atom(snake(f.Name))
		}
		if !validAtom(string(key)) {
			return planError(fp, "%.80q is no atom", string(key))
		}
		if other, taken := keys[key]; taken && !tuple {
			return planError(fp, "the key %s is that of %s already", key, other)
		}
		keys[key] = f.Name
		elem, err := c.plan(f.Type, fp)
		if err != nil {
			return err
		}
		fields = append(fields, fieldPlan{f.Name, key, f.Offset, elem})
	}
	if tuple {
		s := &tuplePlan{name: Atom(name), fields: fields}
		p.enc, p.dec = s.enc, s.dec
		return nil
	}
	s := &mapPlan{typ: t, name: Atom(name), fields: fields}
	p.enc, p.dec = s.enc, s.dec
	return nil
}

// tuplePlan is a struct that travels as {name, F1, F2...}.
type tuplePlan struct {
	name   Atom
	fields []fieldPlan
}

func (s *tuplePlan) enc(e *Encoder, p unsafe.Pointer) error {
	if len(s.fields) == 0 {
		return e.atom(s.name)
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.Tuple(1 + len(s.fields))
	if err := e.atom(s.name); err != nil {
		return err
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
	if len(s.fields) > 0 {
		if d.Peek() != KindTuple {
			return s.want(d)
		}
		n, err := d.TupleHeader()
		if err != nil {
			return err
		}
		if n != 1+len(s.fields) {
			d.pos = start
			return s.want(d)
		}
		if err := d.owe(start, n); err != nil {
			return err
		}
		d.owed--
	}
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
	if len(s.fields) == 0 {
		return "atom " + string(s.name)
	}
	text := "{" + string(s.name)
	for i := range s.fields {
		text += ", " + s.fields[i].name
	}
	return text + "}"
}

// mapPlan is a struct that travels as a map with '__struct__'.
type mapPlan struct {
	typ    reflect.Type
	name   Atom
	fields []fieldPlan
}

func (s *mapPlan) enc(e *Encoder, p unsafe.Pointer) error {
	if err := e.enter(); err != nil {
		return err
	}
	e.Map(1 + len(s.fields))
	if err := e.atom(structKey); err != nil {
		return err
	}
	if err := e.atom(s.name); err != nil {
		return err
	}
	for i := range s.fields {
		f := &s.fields[i]
		if err := e.atom(f.key); err != nil {
			return at("."+f.name, err)
		}
		if err := f.plan.enc(e, unsafe.Add(p, f.offset)); err != nil {
			return at("."+f.name, err)
		}
	}
	e.depth--
	return nil
}

// dec takes the keys it knows in any order. A map without '__struct__' will do, so that Erlang code can send plain
// maps; one with another '__struct__' will not.
func (s *mapPlan) dec(d *Decoder, p unsafe.Pointer) error {
	start := d.pos
	n, err := d.MapHeader()
	if err != nil {
		return err
	}
	if err := d.owe(start, 2*n); err != nil {
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	var few [64]bool
	seen := few[:]
	if len(s.fields) > len(few) {
		seen = make([]bool, len(s.fields))
	}
	expect := 0 // the field that comes next if the sender keeps our order
	for range n {
		d.owed--
		if d.Peek() != KindAtom {
			d.owed--
			if err := d.skipPair(); err != nil {
				return err
			}
			continue
		}
		pos := d.pos
		key, _, err := d.atomText()
		if err != nil {
			return err
		}
		d.owed--
		i := s.find(key, expect)
		if i < 0 {
			if key == structKey {
				err = s.checkName(d)
			} else {
				err = d.Skip()
			}
			if err != nil {
				return err
			}
			continue
		}
		f := &s.fields[i]
		if seen[i] {
			return d.fail(pos, "a map with the key %s twice", f.key)
		}
		seen[i], expect = true, i+1
		if err := f.plan.dec(d, unsafe.Add(p, f.offset)); err != nil {
			return at("."+f.name, err)
		}
	}
	for i := range s.fields {
		if !seen[i] {
			f := &s.fields[i]
			reflect.NewAt(f.plan.typ, unsafe.Add(p, f.offset)).Elem().SetZero()
		}
	}
	d.depth--
	return nil
}

// find returns the field with this key, or -1.
func (s *mapPlan) find(key string, expect int) int {
	if expect < len(s.fields) && string(s.fields[expect].key) == key {
		return expect
	}
	for i := range s.fields {
		if string(s.fields[i].key) == key {
			return i
		}
	}
	return -1
}

// checkName reads the value of '__struct__'.
func (s *mapPlan) checkName(d *Decoder) error {
	start := d.pos
	if d.Peek() != KindAtom {
		return d.want("the name of a struct")
	}
	name, _, err := d.atomText()
	if err == nil && name != string(s.name) {
		return d.fail(start, "want a %s, got a %.80s", s.name, name)
	}
	return err
}

// skipPair passes over a key and its value.
func (d *Decoder) skipPair() error {
	if err := d.Skip(); err != nil {
		return err
	}
	return d.Skip()
}
