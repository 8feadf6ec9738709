// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strconv"
)

// Int reads an integer that fits an int64.
func (d *Decoder) Int() (int64, error) {
	if rest := d.data[d.pos:]; len(rest) >= 2 && rest[0] == tagSmallInt {
		d.pos += 2
		return int64(rest[1]), nil
	} else if len(rest) >= 5 && rest[0] == tagInt {
		d.pos += 5
		return int64(int32(binary.BigEndian.Uint32(rest[1:]))), nil
	}
	start := d.pos
	neg, mag, err := d.magnitude()
	if err != nil {
		return 0, err
	}
	u, ok := uint64Of(mag)
	switch {
	case ok && !neg && u <= math.MaxInt64:
		return int64(u), nil
	case ok && neg && u <= 1<<63:
		return -int64(u), nil // -int64(1<<63) is MinInt64
	}
	d.pos = start
	return 0, d.fail(start, "the integer does not fit 64 bits")
}

// Uint reads a non-negative integer that fits a uint64.
func (d *Decoder) Uint() (uint64, error) {
	start := d.pos
	neg, mag, err := d.magnitude()
	if err != nil {
		return 0, err
	}
	u, ok := uint64Of(mag)
	if !ok || neg && u != 0 {
		d.pos = start
		return 0, d.fail(start, "want an integer from 0 to 2^64-1")
	}
	return u, nil
}

// BigInt reads an integer of any size.
func (d *Decoder) BigInt() (*big.Int, error) {
	neg, mag, err := d.magnitude()
	if err != nil {
		return nil, err
	}
	mag = slices.Clone(mag)
	slices.Reverse(mag)
	b := new(big.Int).SetBytes(mag)
	if neg {
		b.Neg(b)
	}
	return b, nil
}

// integer reads an integer into an int, or a *big.Int where it does not fit.
func (d *Decoder) integer() (any, error) {
	start := d.pos
	i, err := d.Int()
	if err == nil && int64(int(i)) == i {
		return int(i), nil
	}
	d.pos = start
	return d.BigInt()
}

// magnitude reads any integer as sign and little endian magnitude without high zero bytes. mag may alias the input.
func (d *Decoder) magnitude() (neg bool, mag []byte, err error) {
	tag, err := d.tag()
	if err != nil {
		return false, nil, err
	}
	start := d.pos
	var n int
	switch tag {
	case tagSmallInt:
		d.pos++
		mag, err = d.take(1)
		return false, trimHigh(mag), err
	case tagInt:
		d.pos++
		u, err := d.u32()
		i := int64(int32(u))
		if i < 0 {
			neg, i = true, -i
		}
		return neg, trimHigh(binary.LittleEndian.AppendUint32(nil, uint32(i))), err
	case tagSmallBig:
		d.pos++
		b, err := d.take(1)
		if err != nil {
			return false, nil, err
		}
		n = int(b[0])
	case tagLargeBig:
		d.pos++
		u, err := d.u32()
		if err != nil {
			return false, nil, err
		}
		n = int(u)
	default:
		return false, nil, d.want("integer")
	}
	if n >= len(d.data)-d.pos {
		return false, nil, d.fail(start, "an integer of %d bytes, more than the input holds", n)
	}
	sign := d.data[d.pos]
	d.pos++
	mag, err = d.take(n)
	return sign != 0, trimHigh(mag), err
}

// trimHigh cuts the zero bytes at the high end, which is the last.
func trimHigh(mag []byte) []byte {
	n := len(mag)
	for n > 0 && mag[n-1] == 0 {
		n--
	}
	return mag[:n]
}

// uint64Of returns a magnitude of up to 64 bits.
func uint64Of(mag []byte) (uint64, bool) {
	if len(mag) > 8 {
		return 0, false
	}
	var u uint64
	for i, b := range mag {
		u |= uint64(b) << (8 * i)
	}
	return u, true
}

// Float reads a float. An integer is not one; see Peek.
func (d *Decoder) Float() (float64, error) {
	start := d.pos
	switch tag, err := d.tag(); {
	case err != nil:
		return 0, err
	case tag == tagNewFloat:
		d.pos++
		b, err := d.take(8)
		if err != nil {
			return 0, err
		}
		f := math.Float64frombits(binary.BigEndian.Uint64(b))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return 0, d.fail(start, "Erlang has no float %v", f)
		}
		return f, nil
	case tag == tagFloat:
		d.pos++
		b, err := d.take(31)
		if err != nil {
			return 0, err
		}
		if end := bytes.IndexByte(b, 0); end >= 0 {
			b = b[:end]
		}
		f, perr := strconv.ParseFloat(string(b), 64)
		if !floatText(b) || math.IsInf(f, 0) || perr != nil && f != 0 {
			return 0, d.fail(start, "a float that is not one: %.31q", b)
		}
		return f, nil
	}
	return 0, d.want("float")
}

// floatText reports whether b is digits, point, digits and perhaps an exponent, as OTP demands: strconv takes more.
func floatText(b []byte) bool {
	sign := func() {
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
	}
	digits := func() bool {
		n := 0
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n > 0
	}
	sign()
	if !digits() || len(b) == 0 || b[0] != '.' {
		return false
	}
	b = b[1:]
	if !digits() {
		return false
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		sign()
		return digits() && len(b) == 0
	}
	return len(b) == 0
}
