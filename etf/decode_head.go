// SPDX-License-Identifier: Apache-2.0

package etf

import "encoding/binary"

// TupleHeader reads the head of a tuple; its n elements follow. n is at most the number of bytes left.
func (d *Decoder) TupleHeader() (n int, err error) {
	rest := d.data[d.pos:]
	start := d.pos
	switch {
	case len(rest) >= 2 && rest[0] == tagSmallTuple:
		n, d.pos = int(rest[1]), d.pos+2
	case len(rest) >= 5 && rest[0] == tagLargeTuple:
		n, d.pos = int(binary.BigEndian.Uint32(rest[1:])), d.pos+5
	default:
		return 0, d.wantHead(KindTuple)
	}
	if n > d.Len() {
		d.pos = start
		return 0, d.fail(start, "a tuple says it has %d elements, more than the input can hold", n)
	}
	return n, nil
}

// ListHeader reads the head of a list. With n > 0, n elements and then the tail follow, which [Decoder.ListEnd] reads
// if it is to be the end. With n == 0 the list is empty and read whole; call neither. A list that came as a string
// (KindString) has no elements that could be read one by one: use [Decoder.StringBytes] or [Decoder.Term] for it.
func (d *Decoder) ListHeader() (n int, err error) {
	start := d.pos
	for {
		rest := d.data[d.pos:]
		switch {
		case len(rest) >= 1 && rest[0] == tagNil:
			d.pos++
			return 0, nil
		case len(rest) >= 5 && rest[0] == tagList:
			n = int(binary.BigEndian.Uint32(rest[1:]))
			d.pos += 5
		default:
			return 0, d.wantHead(KindList)
		}
		if n >= d.Len() {
			d.pos = start
			return 0, d.fail(start, "a list says it has %d elements, more than the input can hold", n)
		}
		if n > 0 {
			return n, nil
		}
		// A list of no elements is its tail.
	}
}

// ListEnd reads the empty list that ends a proper list after the elements ListHeader announced.
func (d *Decoder) ListEnd() error {
	n, err := d.ListHeader()
	if err == nil && n != 0 {
		return d.fail(d.pos, "a list goes on after its end")
	}
	return err
}

// MapHeader reads the head of a map; n keys follow, each with its value behind it.
func (d *Decoder) MapHeader() (n int, err error) {
	rest := d.data[d.pos:]
	if len(rest) < 5 || rest[0] != tagMap {
		return 0, d.wantHead(KindMap)
	}
	n = int(binary.BigEndian.Uint32(rest[1:]))
	if n > (len(rest)-5)/2 {
		return 0, d.fail(d.pos, "a map says it has %d keys, more than the input can hold", n)
	}
	d.pos += 5
	return n, nil
}

// lendFrom is the size from which on binaries are lent.
const lendFrom = 16 << 10

// keep makes b, which aliases the input, a result that may be kept.
func (d *Decoder) keep(b []byte) []byte {
	if d.Owned && len(b) >= lendFrom && len(b) >= len(d.data)/2 {
		d.Lent = true
		return b[:len(b):len(b)]
	}
	return append([]byte(nil), b...)
}

// Bytes reads a binary. The result aliases the input: copy what is to outlive it.
func (d *Decoder) Bytes() ([]byte, error) {
	rest := d.data[d.pos:]
	if len(rest) >= 1 && rest[0] == tagBitBinary { // a binary too if its last byte is whole
		start := d.pos
		b, bits, err := d.bits()
		if err == nil && bits != 0 {
			d.pos = start
			return nil, d.want("binary")
		}
		return b, err
	}
	if len(rest) < 5 || rest[0] != tagBinary {
		return nil, d.wantHead(KindBinary)
	}
	n := int(binary.BigEndian.Uint32(rest[1:]))
	if n > len(rest)-5 {
		return nil, d.fail(d.pos, "a binary of %d bytes, more than the input holds", n)
	}
	d.pos += 5 + n
	return rest[5 : 5+n : 5+n], nil
}

// StringBytes reads a list that came as STRING (KindString), a list of integers 0 to 255. The result aliases the input.
func (d *Decoder) StringBytes() ([]byte, error) {
	rest := d.data[d.pos:]
	if len(rest) < 3 || rest[0] != tagString {
		return nil, d.wantHead(KindString)
	}
	n := int(binary.BigEndian.Uint16(rest[1:]))
	if n > len(rest)-3 {
		return nil, d.fail(d.pos, "a string of %d bytes, more than the input holds", n)
	}
	d.pos += 3 + n
	return rest[3 : 3+n : 3+n], nil
}

// bits reads BIT_BINARY. bits is 0 when all of the last byte counts. The unused low bits are as they came.
func (d *Decoder) bits() (b []byte, bits uint8, err error) {
	start := d.pos
	head, err := d.take(6)
	if err != nil {
		return nil, 0, err
	}
	n := int(binary.BigEndian.Uint32(head[1:]))
	bits = head[5]
	if bits > 8 || (n == 0) != (bits == 0) {
		return nil, 0, d.fail(start, "a bitstring of %d bytes with %d bits in the last", n, bits)
	}
	if b, err = d.take(n); err != nil {
		return nil, 0, err
	}
	return b, bits % 8, nil
}
