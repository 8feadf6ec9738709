// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"math"
	"unicode/utf8"
	"unsafe"
)

func encBool(e *Encoder, p unsafe.Pointer) error {
	if *(*bool)(p) {
		return e.atom("true")
	}
	return e.atom("false")
}

func decBool(d *Decoder, p unsafe.Pointer) error {
	start := d.pos
	if d.Peek() != KindAtom {
		return d.want("true or false")
	}
	text, _, err := d.atomText()
	if err != nil {
		return err
	}
	switch text {
	case "true":
		*(*bool)(p) = true
	case "false":
		*(*bool)(p) = false
	default:
		d.pos = start
		return d.want("true or false")
	}
	return nil
}

func encFloat64(e *Encoder, p unsafe.Pointer) error { return e.float(*(*float64)(p)) }

func decFloat64(d *Decoder, p unsafe.Pointer) error {
	f, err := d.number()
	if err == nil {
		*(*float64)(p) = f
	}
	return err
}

func encFloat32(e *Encoder, p unsafe.Pointer) error { return e.float(float64(*(*float32)(p))) }

func decFloat32(d *Decoder, p unsafe.Pointer) error {
	start := d.pos
	f, err := d.number()
	if err != nil {
		return err
	}
	if math.IsInf(float64(float32(f)), 0) {
		return d.fail(start, "%v is out of range for float32", f)
	}
	*(*float32)(p) = float32(f)
	return nil
}

// number reads a float or an integer as a float; one that is too large is an error.
func (d *Decoder) number() (float64, error) {
	start := d.pos
	switch d.Peek() {
	case KindFloat:
		return d.Float()
	case KindInt:
		if i, err := d.Int(); err == nil {
			return float64(i), nil
		}
		b, err := d.BigInt()
		if err != nil {
			return 0, err
		}
		f, _ := b.Float64()
		if math.IsInf(f, 0) {
			return 0, d.fail(start, "an integer of %d bits is out of range for a float", b.BitLen())
		}
		return f, nil
	}
	return 0, d.want("float")
}

func encString(e *Encoder, p unsafe.Pointer) error {
	e.String(*(*string)(p))
	return nil
}

func decString(d *Decoder, p unsafe.Pointer) error {
	if d.Peek() != KindBinary {
		return decCharlist(d, p)
	}
	b, err := d.Bytes()
	if err == nil {
		*(*string)(p) = string(b)
	}
	return err
}

// decCharlist reads a list of code points, an Erlang string, into a Go string.
func decCharlist(d *Decoder, p unsafe.Pointer) error {
	switch d.Peek() {
	case KindNil, KindString, KindList, KindBitstring:
	default:
		return d.want("binary or string")
	}
	if d.Peek() == KindBitstring {
		b, err := d.Bytes() // one of whole bytes is a binary
		*(*string)(p) = string(b)
		return err
	}
	var out []byte
	for {
		switch d.Peek() {
		case KindNil:
			d.pos++
			*(*string)(p) = string(out)
			return nil
		case KindString:
			b, err := d.StringBytes()
			if err != nil {
				return err
			}
			for _, c := range b {
				out = utf8.AppendRune(out, rune(c))
			}
			*(*string)(p) = string(out)
			return nil
		case KindList:
			n, err := d.ListHeader()
			if err != nil {
				return err
			}
			if n == 0 { // it was read up to its end
				*(*string)(p) = string(out)
				return nil
			}
			for range n {
				start := d.pos
				c, err := d.Int()
				if err != nil {
					return err
				}
				if c < 0 || c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
					return d.fail(start, "%d is no code point", c)
				}
				out = utf8.AppendRune(out, rune(c))
			}
		default:
			return d.want("the end of a string")
		}
	}
}
