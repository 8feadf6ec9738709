// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"math"
	"math/big"
)

// Term writes any value that has a mapping, see the package comment. After an error the buffer is as it was before.
func (e *Encoder) Term(v any) error {
	if e.err != nil {
		return e.err
	}
	start, depth := len(e.buf), e.depth
	err := e.term(v)
	if err == nil {
		err = e.err
	}
	if err != nil {
		e.buf, e.depth = e.buf[:start], depth
	}
	return outermost(err)
}

// term writes v. The types that generic decoding gives, and the commonest Go ones, are found without a plan.
func (e *Encoder) term(v any) error {
	switch v := v.(type) {
	case nil:
		return e.atom("nil")
	case Atom:
		return e.atom(v)
	case int:
		e.Int(int64(v))
	case string:
		e.String(v)
	case []byte:
		e.Binary(v)
	case Tuple:
		e.Tuple(len(v))
		return e.terms(v)
	case List:
		return e.list(v)
	case []any:
		return e.list(v)
	case Map:
		return e.pairs(v)
	case PID:
		return e.pid(&v)
	case Reference:
		return e.ref(&v)
	case bool:
		e.Bool(v)
	case int64:
		e.Int(v)
	case uint64:
		e.Uint(v)
	case float64:
		return e.float(v)
	case *big.Int:
		e.BigInt(v)
	case Port:
		return e.port(&v)
	case Export:
		return e.export(&v)
	case Fun:
		return e.fun(&v)
	case ImproperList:
		e.List(len(v.Elems))
		if err := e.terms(v.Elems); err != nil {
			return err
		}
		return e.nested(v.Tail)
	case Bitstring:
		return e.bitstring(&v)
	default:
		return e.planned(v)
	}
	return nil
}

// terms writes the elements of a container one level further down.
func (e *Encoder) terms(elems []any) error {
	if err := e.enter(); err != nil {
		return err
	}
	for i := range elems {
		if err := e.term(elems[i]); err != nil {
			return atIndex(i, err)
		}
	}
	e.depth--
	return nil
}

// nested writes one term one level further down.
func (e *Encoder) nested(v any) error {
	if err := e.enter(); err != nil {
		return err
	}
	err := e.term(v)
	e.depth--
	return err
}

// list writes a proper list, in the compact form when OTP would.
func (e *Encoder) list(elems []any) error {
	if n := len(elems); n > 0 && n <= math.MaxUint16 && allBytes(elems) {
		e.buf = append(e.buf, tagString, byte(n>>8), byte(n))
		for _, v := range elems {
			e.buf = append(e.buf, byte(v.(int)))
		}
		return nil
	}
	e.List(len(elems))
	if err := e.terms(elems); err != nil {
		return err
	}
	e.Nil()
	return nil
}

// allBytes reports whether every element is an int of 0 to 255. Other integer types take the long form: it is the same
// list, and looking for all of them would slow down every list.
func allBytes(elems []any) bool {
	for _, v := range elems {
		if i, ok := v.(int); !ok || uint(i) > math.MaxUint8 {
			return false
		}
	}
	return true
}

// pairs writes a map in the order it has.
func (e *Encoder) pairs(m Map) error {
	if err := e.enter(); err != nil {
		return err
	}
	e.Map(len(m))
	for i := range m {
		if err := e.term(m[i].Key); err != nil {
			return at(keyPath(m[i].Key), err)
		}
		if err := e.term(m[i].Value); err != nil {
			return at(keyPath(m[i].Key), err)
		}
	}
	e.depth--
	return nil
}

// bitstring writes b with its unused bits cleared, as a binary when there are none.
func (e *Encoder) bitstring(b *Bitstring) error {
	n := len(b.Bytes)
	switch {
	case b.Bits > 8:
		return encodeErr("a bitstring with %d bits in its last byte", b.Bits)
	case n == 0 && b.Bits%8 != 0:
		return encodeErr("a bitstring with %d bits in its last byte but no bytes", b.Bits)
	case b.Bits%8 == 0:
		e.Binary(b.Bytes)
		return nil
	}
	e.count(tagBitBinary, n)
	e.buf = append(e.buf, b.Bits)
	e.buf = append(e.buf, b.Bytes...)
	e.buf[len(e.buf)-1] &= 0xFF << (8 - b.Bits)
	return nil
}
