// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"cmp"
	"encoding/binary"
	"reflect"
	"slices"
	"unsafe"
)

// keywordPlan is a struct that travels as a keyword list, [{key, F1}, ...].
type keywordPlan struct{ fields []fieldPlan }

func (s *keywordPlan) enc(e *Encoder, p unsafe.Pointer) error {
	if err := e.enter(); err != nil {
		return err
	}
	e.List(present(s.fields, p))
	for i := range s.fields {
		f := &s.fields[i]
		if f.omitted(p) {
			continue
		}
		e.Tuple(2)
		err := e.atom(f.key)
		if err == nil {
			err = f.plan.enc(e, unsafe.Add(p, f.offset))
		}
		if err != nil {
			return at("."+f.name, err)
		}
	}
	e.Nil()
	e.depth--
	return nil
}

// dec takes the keys it knows in any order. Of several pairs with one key the first counts, as in Erlang's proplists.
func (s *keywordPlan) dec(d *Decoder, p unsafe.Pointer) error {
	start := d.pos
	seen := make([]bool, len(s.fields))
	expect := 0
	err := d.eachPair(func(key string) error {
		i := findKey(s.fields, key, expect)
		if i < 0 || seen[i] {
			return d.Skip()
		}
		seen[i], expect = true, i+1
		f := &s.fields[i]
		if err := f.plan.dec(d, unsafe.Add(p, f.offset)); err != nil {
			return at("."+f.name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range s.fields {
		if !seen[i] {
			if err := s.fields[i].missing(d, start, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// keywordMap makes the plan of a map that travels as a keyword list, in the order of its keys.
func (c *compiler) keywordMap(p *plan, path string) error {
	t := p.typ
	ptr := reflect.PointerTo(t.Key())
	if t.Key().Kind() != reflect.String || ptr.Implements(marshalerType) || ptr.Implements(unmarshalerType) {
		return planError(path, "the keys of a keyword list are atoms: want a map of strings or Atoms, not %s", t)
	}
	value, err := c.plan(t.Elem(), "", path+"[]")
	if err != nil {
		return err
	}
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		if err := e.enter(); err != nil {
			return err
		}
		m := reflect.NewAt(t, p).Elem()
		keys := slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		e.List(len(keys))
		v := reflect.New(t.Elem())
		for _, k := range keys {
			e.Tuple(2)
			err := e.atom(Atom(k.String()))
			if err == nil {
				v.Elem().Set(m.MapIndex(k))
				err = value.enc(e, v.UnsafePointer())
			}
			if err != nil {
				return at(keyPath(Atom(k.String())), err)
			}
		}
		e.Nil()
		e.depth--
		return nil
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		m := reflect.MakeMap(t)
		err := d.eachPair(func(key string) error {
			k := reflect.New(t.Key()).Elem()
			k.SetString(string(append([]byte(nil), key...))) // key may alias the input
			if m.MapIndex(k).IsValid() {
				return d.Skip()
			}
			v := reflect.New(t.Elem())
			if err := value.dec(d, v.UnsafePointer()); err != nil {
				return at(keyPath(Atom(k.String())), err)
			}
			m.SetMapIndex(k, v.Elem())
			return nil
		})
		if err == nil {
			if m.Len() == 0 {
				m = reflect.Zero(t)
			}
			reflect.NewAt(t, p).Elem().Set(m)
		}
		return err
	}
	return nil
}

// trueTerm is what a bare atom in a proplist has for a value.
var trueTerm = []byte{tagSmallAtomUTF8, 4, 't', 'r', 'u', 'e'}

// eachPair reads a keyword list or proplist. value is called with each key, which may alias the input, and must read or
// skip the value; a bare atom stands for {Atom, true}.
func (d *Decoder) eachPair(value func(key string) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	for i := 0; ; {
		start := d.pos
		switch d.Peek() {
		case KindNil:
			d.pos++
			d.depth--
			return nil
		case KindList:
			head, err := d.take(5)
			if err != nil {
				return err
			}
			n := int(binary.BigEndian.Uint32(head[1:]))
			if err := d.owe(start, n+1); err != nil {
				return err
			}
			for range n {
				d.owed--
				if err := d.pair(i, value); err != nil {
					return err
				}
				i++
			}
			d.owed--
		default:
			return d.want("a keyword list")
		}
	}
}

// pair reads the i-th element of a keyword list. What value returns has its path already.
func (d *Decoder) pair(i int, value func(key string) error) error {
	start := d.pos
	want := func() error {
		d.pos = start
		return atIndex(i, d.want("a pair {Key, Value} with an atom as key"))
	}
	bare := d.Peek() == KindAtom
	if !bare {
		n, err := d.TupleHeader()
		if err != nil || n != 2 || d.Peek() != KindAtom {
			return want()
		}
		if err := d.owe(start, 2); err != nil {
			return atIndex(i, err)
		}
		d.owed -= 2
	}
	key, _, err := d.atomText()
	if err != nil {
		return atIndex(i, err)
	}
	if !bare {
		return value(key)
	}
	data, end := d.data, d.pos
	d.data, d.pos = trueTerm, 0
	err = value(key)
	d.data, d.pos = data, end
	return err
}
