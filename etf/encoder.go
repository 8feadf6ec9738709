// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"encoding/binary"
	"math"
	"math/big"
	"unicode/utf8"
)

// Encoder appends terms to a buffer. The zero value is ready (it then appends to nothing and writes atoms in full).
// It is reused through Reset and belongs to one goroutine at a time.
//
// The methods that write one scalar or the head of a container do not return an error: what they cannot write (an atom
// of 256 characters, a NaN) is kept, and Err, Term and Pointer return it from then on until Reset.
type Encoder struct {
	buf   []byte
	atoms *AtomTable
	depth int
	last  lastPlan
	err   error // the first error of a method that returns none
}

// Reset makes e append to buf. With atoms not nil, atoms become references into that table as long as it has room;
// with nil they are written in full. e owns buf until the next Reset.
func (e *Encoder) Reset(buf []byte, atoms *AtomTable) {
	e.buf, e.atoms, e.depth, e.err = buf, atoms, 0, nil
}

// Bytes returns the buffer given to Reset with what was appended. It stays e's until the next Reset.
func (e *Encoder) Bytes() []byte { return e.buf }

// Err returns the first error since Reset of a method that returns none itself.
func (e *Encoder) Err() error { return e.err }

// keep remembers the first error.
func (e *Encoder) keep(err error) {
	if e.err == nil && err != nil {
		e.err = err
	}
}

// Version writes the byte 131 that begins a stand-alone term.
func (e *Encoder) Version() { e.buf = append(e.buf, versionMagic) }

// Tuple writes the head of a tuple; the n elements must follow. n must not be negative.
func (e *Encoder) Tuple(n int) {
	if n <= math.MaxUint8 {
		e.buf = append(e.buf, tagSmallTuple, byte(n))
		return
	}
	e.count(tagLargeTuple, n)
}

// List writes the head of a list; the n elements and then the tail, for a proper list [Encoder.Nil], must follow.
// List(0) writes nothing, so that List(len(x)), elements, Nil() is right for every length.
func (e *Encoder) List(n int) {
	if n > 0 {
		e.count(tagList, n)
	}
}

// Nil writes the empty list.
func (e *Encoder) Nil() { e.buf = append(e.buf, tagNil) }

// Map writes the head of a map; n keys, each followed by its value, must follow. The keys must differ.
func (e *Encoder) Map(n int) { e.count(tagMap, n) }

// count writes a tag and a 32 bit length.
func (e *Encoder) count(tag byte, n int) {
	if uint64(n) > math.MaxUint32 {
		e.keep(encodeErr("%d elements or bytes are more than the format can count", n))
		return
	}
	e.buf = append(e.buf, tag, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// Atom writes an atom, as a reference where the table allows it.
func (e *Encoder) Atom(a Atom) { e.keep(e.atom(a)) }

// atom is Atom with its error.
func (e *Encoder) atom(a Atom) error {
	if e.atoms != nil {
		if i, ok := e.atoms.Index(a); ok {
			e.buf = append(e.buf, tagAtomCacheRef, i)
			return nil
		}
	}
	if !validAtom(string(a)) {
		return encodeErr("%.80q is no atom: it must be UTF-8 and have at most 255 characters", string(a))
	}
	if len(a) <= math.MaxUint8 {
		e.buf = append(e.buf, tagSmallAtomUTF8, byte(len(a)))
	} else {
		e.buf = append(e.buf, tagAtomUTF8, byte(len(a)>>8), byte(len(a)))
	}
	e.buf = append(e.buf, a...)
	return nil
}

// validAtom reports whether s can be an atom.
func validAtom(s string) bool {
	return len(s) <= maxAtomBytes && utf8.ValidString(s) && (len(s) <= maxAtomChars || utf8.RuneCountInString(s) <= maxAtomChars)
}

// Bool writes true or false.
func (e *Encoder) Bool(b bool) {
	if b {
		e.Atom("true")
	} else {
		e.Atom("false")
	}
}

// Int writes an integer.
func (e *Encoder) Int(i int64) {
	switch {
	case i >= 0 && i <= math.MaxUint8:
		e.buf = append(e.buf, tagSmallInt, byte(i))
	case i >= math.MinInt32 && i <= math.MaxInt32:
		e.buf = append(e.buf, tagInt, byte(i>>24), byte(i>>16), byte(i>>8), byte(i))
	case i < 0:
		e.smallBig(1, -uint64(i)) // right for MinInt64 too: the negation wraps to 2^63
	default:
		e.smallBig(0, uint64(i))
	}
}

// Uint writes an integer.
func (e *Encoder) Uint(u uint64) {
	if u <= math.MaxInt64 {
		e.Int(int64(u))
		return
	}
	e.smallBig(0, u)
}

// smallBig writes sign and magnitude in as few bytes as hold it.
func (e *Encoder) smallBig(sign byte, mag uint64) {
	at := len(e.buf)
	e.buf = append(e.buf, tagSmallBig, 0, sign)
	for ; mag != 0; mag >>= 8 {
		e.buf = append(e.buf, byte(mag))
	}
	e.buf[at+1] = byte(len(e.buf) - at - 3)
}

// BigInt writes an integer of any size; nil is the atom nil.
func (e *Encoder) BigInt(b *big.Int) {
	switch {
	case b == nil:
		e.Atom("nil")
		return
	case b.IsInt64():
		e.Int(b.Int64())
		return
	}
	n, sign := (b.BitLen()+7)/8, byte(0)
	if b.Sign() < 0 {
		sign = 1
	}
	if n <= math.MaxUint8 {
		e.buf = append(e.buf, tagSmallBig, byte(n), sign)
	} else {
		e.count(tagLargeBig, n)
		e.buf = append(e.buf, sign)
	}
	at := len(e.buf)
	e.buf = append(e.buf, make([]byte, n)...)
	mag := b.FillBytes(e.buf[at:])
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		mag[i], mag[j] = mag[j], mag[i]
	}
}

// Float writes a float. Erlang has neither NaN nor infinities: those are kept as an error.
func (e *Encoder) Float(f float64) { e.keep(e.float(f)) }

// float is Float with its error.
func (e *Encoder) float(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return encodeErr("Erlang has no float %v", f)
	}
	e.buf = append(e.buf, tagNewFloat)
	e.buf = binary.BigEndian.AppendUint64(e.buf, math.Float64bits(f))
	return nil
}

// Binary writes a binary.
func (e *Encoder) Binary(b []byte) {
	e.count(tagBinary, len(b))
	if len(b) > copyPiece {
		e.reserve(len(b))
		for len(b) > copyPiece {
			e.buf = append(e.buf, b[:copyPiece]...)
			b = b[copyPiece:]
		}
	}
	e.buf = append(e.buf, b...)
}

// reserve makes room for n bytes. Unlike slices.Grow it does not clear them in one go, nor at all where the memory is new.
func (e *Encoder) reserve(n int) {
	if n <= cap(e.buf)-len(e.buf) {
		return
	}
	buf := make([]byte, len(e.buf), max(len(e.buf)+n+slack, cap(e.buf)+cap(e.buf)/4))
	copy(buf, e.buf)
	e.buf = buf
}

// slack is for what follows a large binary, mostly nothing.
const slack = 64

// copyPiece is how much is copied at once: Go cannot interrupt a copy, and all processors wait for one that lasts when the
// garbage collector wants them.
const copyPiece = 256 << 10

// String writes the bytes of s as a binary.
func (e *Encoder) String(s string) {
	e.count(tagBinary, len(s))
	e.buf = append(e.buf, s...)
}

// Raw appends b, which must be whole encoded terms that need no atom table but e's own.
func (e *Encoder) Raw(b []byte) { e.buf = append(e.buf, b...) }

// enter counts one level of nesting.
func (e *Encoder) enter() error {
	if e.depth++; e.depth > maxEncodeDepth {
		return encodeErr("nested deeper than %d levels, or a cyclic value", maxEncodeDepth)
	}
	return nil
}
