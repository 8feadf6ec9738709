// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"encoding/binary"
	"math"
	"reflect"
	"unsafe"
)

// sliceHeader is the memory of a slice.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// firstGrowth is how many bytes of elements a list may have allocated before any was read. What it announces is
// checked against the input, but a Go element may be much larger than its least encoding.
const firstGrowth = 4096

// isByte reports whether slices of t are binaries: not when the type has its own way to travel.
func isByte(t reflect.Type) bool {
	ptr := reflect.PointerTo(t)
	return t.Kind() == reflect.Uint8 && !ptr.Implements(marshalerType) && !ptr.Implements(unmarshalerType)
}

// slice makes the plan of a slice: a binary for bytes, else a list.
func (c *compiler) slice(p *plan, as, path string) error {
	t := p.typ
	if as == "" && isByte(t.Elem()) {
		p.enc = func(e *Encoder, p unsafe.Pointer) error {
			e.Binary(*(*[]byte)(p))
			return nil
		}
		p.dec = func(d *Decoder, p unsafe.Pointer) error {
			b, err := d.Bytes()
			if err != nil {
				return err
			}
			*(*[]byte)(p) = d.keep(b)
			return nil
		}
		return nil
	}
	elem, err := c.plan(t.Elem(), as, path+"[]")
	if err != nil {
		return err
	}
	size := t.Elem().Size()
	first := max(1, int(firstGrowth/max(1, size)))
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		s := (*sliceHeader)(p)
		return elem.encList(e, s.data, s.len, size)
	}
	if t.Elem() == reflect.TypeFor[any]() && as == "" { // is written like a List
		p.enc = func(e *Encoder, p unsafe.Pointer) error { return e.list(*(*[]any)(p)) }
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		rv := reflect.NewAt(t, p).Elem()
		rv.SetZero()
		s := (*sliceHeader)(p)
		return d.eachElem(func(left int) (unsafe.Pointer, error) {
			if s.len == s.cap {
				rv.Grow(min(left, max(first, s.len)))
			}
			s.len++
			return unsafe.Add(s.data, uintptr(s.len-1)*size), nil
		}, elem)
	}
	return nil
}

// array makes the plan of an array: a binary for bytes, else a list of exactly its length.
func (c *compiler) array(p *plan, as, path string) error {
	t, n := p.typ, p.typ.Len()
	if as == "" && isByte(t.Elem()) {
		p.enc = func(e *Encoder, p unsafe.Pointer) error {
			e.Binary(unsafe.Slice((*byte)(p), n))
			return nil
		}
		p.dec = func(d *Decoder, p unsafe.Pointer) error {
			start := d.pos
			b, err := d.Bytes()
			if err != nil {
				return err
			}
			if len(b) != n {
				return d.fail(start, "want %d bytes, got %d", n, len(b))
			}
			copy(unsafe.Slice((*byte)(p), n), b)
			return nil
		}
		return nil
	}
	elem, err := c.plan(t.Elem(), as, path+"[]")
	if err != nil {
		return err
	}
	size := t.Elem().Size()
	p.enc = func(e *Encoder, p unsafe.Pointer) error { return elem.encList(e, p, n, size) }
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start, got := d.pos, 0
		err := d.eachElem(func(int) (unsafe.Pointer, error) {
			if got == n {
				return nil, d.fail(start, "want a list of %d, got a longer one", n)
			}
			got++
			return unsafe.Add(p, uintptr(got-1)*size), nil
		}, elem)
		if err == nil && got != n {
			return d.fail(start, "want a list of %d, got %d", n, got)
		}
		return err
	}
	return nil
}

// encList writes n elements that lie size apart, in the compact form when all are small integers.
func (p *plan) encList(e *Encoder, data unsafe.Pointer, n int, size uintptr) error {
	if n == 0 {
		e.Nil()
		return nil
	}
	if p.smallInt != nil && n <= math.MaxUint16 && p.encBytes(e, data, n, size) {
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.List(n)
	for i := range n {
		if err := p.enc(e, unsafe.Add(data, uintptr(i)*size)); err != nil {
			return atIndex(i, err)
		}
	}
	e.Nil()
	e.depth--
	return nil
}

// encBytes writes integers as STRING; when one does not fit, it takes back what it wrote.
func (p *plan) encBytes(e *Encoder, data unsafe.Pointer, n int, size uintptr) bool {
	start := len(e.buf)
	e.buf = append(e.buf, tagString, byte(n>>8), byte(n))
	for i := range n {
		b, ok := p.smallInt(unsafe.Add(data, uintptr(i)*size))
		if !ok {
			e.buf = e.buf[:start]
			return false
		}
		e.buf = append(e.buf, b)
	}
	return true
}

// eachElem reads a proper list in any of its forms. next gives the place of each element; left is how many the current
// piece of the list still has.
func (d *Decoder) eachElem(next func(left int) (unsafe.Pointer, error), elem *plan) error {
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
		case KindString:
			err := d.eachByte(next, elem)
			d.depth--
			return err
		case KindList:
			head, err := d.take(5)
			if err != nil {
				return err
			}
			n := int(binary.BigEndian.Uint32(head[1:]))
			if err := d.owe(start, n+1); err != nil {
				return err
			}
			for left := n; left > 0; left-- {
				d.owed--
				p, err := next(left)
				if err != nil {
					return err
				}
				if err := elem.dec(d, p); err != nil {
					return atIndex(i, err)
				}
				i++
			}
			d.owed--
		default:
			return d.want("list")
		}
	}
}

// eachByte reads the elements of a STRING, which stand there as bytes and not as terms. Each is put in front of the
// element's plan as the term it stands for.
func (d *Decoder) eachByte(next func(left int) (unsafe.Pointer, error), elem *plan) error {
	start := d.pos
	b, err := d.StringBytes()
	if err != nil {
		return err
	}
	if d.elems += len(b); d.elems > d.lim.MaxElems {
		return d.fail(start, "more than %d elements in all", d.lim.MaxElems)
	}
	data, end := d.data, d.pos
	defer func() { d.data, d.pos = data, end }()
	one := [2]byte{tagSmallInt}
	for i, c := range b {
		p, err := next(len(b) - i)
		if err != nil {
			return err
		}
		one[1] = c
		d.data, d.pos = one[:], 0
		if err := elem.dec(d, p); err != nil {
			d.data, d.pos = data, end
			return atIndex(i, err)
		}
	}
	return nil
}
