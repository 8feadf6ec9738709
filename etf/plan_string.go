// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"math"
	"unicode/utf8"
	"unsafe"
)

// encCharlist writes a string as the list of its code points, compactly where OTP would.
func encCharlist(e *Encoder, p unsafe.Pointer) error {
	s := *(*string)(p)
	if s == "" {
		e.Nil()
		return nil
	}
	n, latin1 := 0, true
	for i, r := range s {
		if r == utf8.RuneError {
			if _, width := utf8.DecodeRuneInString(s[i:]); width == 1 {
				return encodeErr("%.40q is not UTF-8, so that it has no list of code points", s)
			}
		}
		n++
		latin1 = latin1 && r <= math.MaxUint8
	}
	if latin1 && n <= math.MaxUint16 {
		e.buf = append(e.buf, tagString, byte(n>>8), byte(n))
		for _, r := range s {
			e.buf = append(e.buf, byte(r))
		}
		return nil
	}
	e.List(n)
	for _, r := range s {
		e.Int(int64(r))
	}
	e.Nil()
	return nil
}

func encStringAtom(e *Encoder, p unsafe.Pointer) error { return e.atom(*(*Atom)(p)) }

// decStringAtom reads an atom into a string, and a binary too.
func decStringAtom(d *Decoder, p unsafe.Pointer) error {
	switch d.Peek() {
	case KindAtom:
		a, err := d.Atom()
		if err == nil {
			*(*string)(p) = string(a)
		}
		return err
	case KindBinary:
		start := d.pos
		b, err := d.Bytes()
		if err == nil && !validAtom(string(b)) {
			return d.fail(start, "%.40q is no atom", b)
		}
		if err == nil {
			*(*string)(p) = string(b)
		}
		return err
	}
	return d.want("atom")
}
