// SPDX-License-Identifier: Apache-2.0

package etf

import "unsafe"

// mapPlan is a struct that travels as a map, with '__struct__' or without.
type mapPlan struct {
	name   Atom
	names  int // 1 with '__struct__', else 0
	fields []fieldPlan
	omits  bool // whether any field may be left out
}

func (s *mapPlan) enc(e *Encoder, p unsafe.Pointer) error {
	if err := e.enter(); err != nil {
		return err
	}
	n := len(s.fields)
	if s.omits {
		n = present(s.fields, p)
	}
	e.Map(s.names + n)
	if s.names == 1 {
		if err := e.atom(structKey); err != nil {
			return err
		}
		if err := e.atom(s.name); err != nil {
			return err
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		if f.omit != nil && f.omitted(p) {
			continue
		}
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
		i := findKey(s.fields, key, expect)
		if i < 0 {
			if key == structKey && s.names == 1 {
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
			if err := s.fields[i].missing(d, start, p); err != nil {
				return err
			}
		}
	}
	d.depth--
	return nil
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
