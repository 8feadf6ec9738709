// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"encoding/binary"
	"reflect"
)

// Term reads any term into its generic form, see the package comment. The result does not alias the input.
func (d *Decoder) Term() (any, error) {
	depth, keyDepth, owed := d.depth, d.keyDepth, d.owed
	t, err := d.term()
	if err != nil {
		d.depth, d.keyDepth, d.owed = depth, keyDepth, owed
		return nil, outermost(err)
	}
	return t, nil
}

// emptyList is boxed once: unlike a nil slice it would cost an allocation each time.
var emptyList any = List{}

// term is Term for use within a container.
func (d *Decoder) term() (any, error) {
	if d.pos >= len(d.data) {
		return nil, d.fail(d.pos, "the input ends where a term should begin")
	}
	switch kindOf[d.data[d.pos]] {
	case KindAtom:
		return d.boxedAtom()
	case KindInt:
		return d.integer()
	case KindBinary:
		b, err := d.Bytes()
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			return []byte{}, nil
		}
		return d.keep(b), nil
	case KindTuple:
		return d.tuple()
	case KindNil:
		d.pos++
		return emptyList, nil
	case KindList, KindString:
		return d.list()
	case KindMap:
		return d.mapping()
	case KindPID:
		return d.boxedPID()
	case KindRef:
		r, err := d.Ref()
		return r, err
	case KindFloat:
		f, err := d.Float()
		return f, err
	case KindPort:
		p, err := d.Port()
		return p, err
	case KindBitstring:
		return d.bitstring()
	case KindExport:
		x, err := d.export()
		return x, err
	case KindFun:
		f, err := d.fun()
		return f, err
	}
	return nil, d.fail(d.pos, "no term begins with tag %d", d.data[d.pos])
}

// elements reads n terms of a container whose head began at start; nil when n is 0.
func (d *Decoder) elements(start, n int) ([]any, error) {
	if n == 0 {
		return nil, nil
	}
	if err := d.owe(start, n); err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	elems := make([]any, n)
	for i := range elems {
		d.owed--
		t, err := d.term()
		if err != nil {
			return nil, err
		}
		elems[i] = t
	}
	d.depth--
	return elems, nil
}

// tuple reads a tuple.
func (d *Decoder) tuple() (any, error) {
	start := d.pos
	n, err := d.TupleHeader()
	if err != nil {
		return nil, err
	}
	elems, err := d.elements(start, n)
	return Tuple(elems), err
}

// list reads a list in any of its forms. A tail that is a list again is part of it; following those here and not by
// recursion is what makes the depth of a term its nesting and not its length.
func (d *Decoder) list() (any, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	var elems List
	for {
		start := d.pos
		switch d.Peek() {
		case KindNil:
			d.pos++
			d.depth--
			if elems == nil {
				return emptyList, nil
			}
			return elems, nil
		case KindString:
			b, err := d.StringBytes()
			if err != nil {
				return nil, err
			}
			if d.elems += len(b); d.elems > d.lim.MaxElems {
				return nil, d.fail(start, "more than %d elements in all", d.lim.MaxElems)
			}
			elems = grow(elems, len(b))
			for _, c := range b {
				elems = append(elems, int(c))
			}
			d.depth--
			if elems == nil {
				return emptyList, nil
			}
			return elems, nil
		case KindList:
			head, err := d.take(5)
			if err != nil {
				return nil, err
			}
			n := int(binary.BigEndian.Uint32(head[1:]))
			if err := d.owe(start, n+1); err != nil {
				return nil, err
			}
			elems = grow(elems, n)
			for range n {
				d.owed--
				t, err := d.term()
				if err != nil {
					return nil, err
				}
				elems = append(elems, t)
			}
			d.owed-- // the tail comes next
		default:
			tail, err := d.term()
			if err != nil {
				return nil, err
			}
			d.depth--
			if len(elems) == 0 {
				return tail, nil
			}
			return ImproperList{Elems: elems, Tail: tail}, nil
		}
	}
}

// grow makes room for n more elements: exactly n at first, as most lists come in one piece.
func grow(l List, n int) List {
	if l == nil && n > 0 {
		return make(List, 0, n)
	}
	return l
}

// mapping reads a map, or the struct that it stands for.
func (d *Decoder) mapping() (any, error) {
	start := d.pos
	if d.resolve {
		if t := d.structAt(start); t != nil {
			return d.structValue(t)
		}
	}
	n, err := d.MapHeader()
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return Map(nil), nil
	}
	if err := d.owe(start, 2*n); err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	m := make(Map, n)
	for i := range m {
		d.owed--
		if m[i].Key, err = d.key(); err != nil {
			return nil, err
		}
		d.owed--
		if m[i].Value, err = d.term(); err != nil {
			return nil, err
		}
	}
	if d.duplicateKey(m) {
		return nil, d.fail(start, "a map with the same key twice")
	}
	d.depth--
	return m, nil
}

// key reads a map key, see maxKeyDepth.
func (d *Decoder) key() (any, error) {
	switch d.Peek() {
	case KindTuple, KindList, KindMap, KindFun:
		if d.keyDepth++; d.keyDepth > maxKeyDepth {
			return nil, d.fail(d.pos, "composite map keys nested deeper than %d levels", maxKeyDepth)
		}
		t, err := d.term()
		d.keyDepth--
		return t, err
	}
	return d.term()
}

// bitstring reads BIT_BINARY into a Bitstring or, when all bits of its last byte count, a binary.
func (d *Decoder) bitstring() (any, error) {
	b, bits, err := d.bits()
	if err != nil {
		return nil, err
	}
	b = bytes.Clone(b)
	if bits == 0 {
		return b, nil
	}
	b[len(b)-1] &= 0xFF << (8 - bits)
	return Bitstring{Bytes: b, Bits: bits}, nil
}

// structValue reads a map into a value of the registered struct type t.
func (d *Decoder) structValue(t reflect.Type) (any, error) {
	p, err := planFor(t)
	if err != nil {
		return nil, err
	}
	v := reflect.New(t)
	if err := p.dec(d, v.UnsafePointer()); err != nil {
		return nil, atType(t.String(), err)
	}
	return v.Elem().Interface(), nil
}
