// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"encoding/binary"
	"fmt"
)

// Decoder reads terms from a byte slice. The zero value has no input; Reset gives it some. It is meant to be reused: it
// remembers recent atoms, so that the next message need not allocate them. It belongs to one goroutine at a time.
//
// After an error the position is unspecified, except that a method that finds a term of another kind than it wants
// stays before it, so that another method can be tried.
type Decoder struct {
	// Env is handed to [TermUnmarshaler]s; dist sets the node. Reset leaves it alone.
	Env any

	// Owned says that whoever decodes will not use the input again: a binary that makes up at least half of it is then
	// lent to the result instead of copied, and Lent is set. For large messages that copy is most of the work.
	Owned bool
	// Lent reports that a result refers to the input, which must not be changed any more. Reset leaves both alone.
	Lent bool

	data  []byte
	pos   int
	atoms []Atom // what ATOM_CACHE_REF i means; nil outside distribution
	lim   Limits

	depth    int
	keyDepth int // composite map keys around the current term
	elems    int // elements of all containers so far, against lim.MaxElems
	// owed is how many elements the containers around the current term still expect. Each takes at least one byte, so
	// a count that exceeds the rest of the input less owed is a lie, found out before anything is allocated for it.
	owed int

	resolve bool       // whether maps with a registered '__struct__' become structs
	found   structScan // where such maps are, see resolve.go
	hashes  []keyHash  // scratch of the search for duplicate keys

	recent [recentAtoms]any // Atoms, boxed once
	pid    any              // the last PID, boxed
	last   lastPlan
}

// Reset makes d read data from its beginning. atoms are the references of the distribution header, by index, and may be
// nil outside distribution, where tag 82 is an error. d reads data and atoms until the next Reset but never writes to
// them.
func (d *Decoder) Reset(data []byte, atoms []Atom, lim Limits) {
	d.data, d.pos, d.atoms, d.lim = data, 0, atoms, lim.withDefaults()
	d.depth, d.keyDepth, d.elems, d.owed, d.resolve = 0, 0, 0, 0, false
	d.found.reset()
}

// Pos is how many bytes were read; it can be given to SetPos.
func (d *Decoder) Pos() int { return d.pos }

// SetPos goes back (or forward) to a position that Pos returned for the same input. Others are ignored.
func (d *Decoder) SetPos(pos int) {
	if pos >= 0 && pos <= len(d.data) {
		d.pos = pos
	}
}

// Len is how many bytes are left.
func (d *Decoder) Len() int { return len(d.data) - d.pos }

// Rest returns the bytes left. They alias the input.
func (d *Decoder) Rest() []byte { return d.data[d.pos:] }

// Peek returns the kind of the next term without reading it.
func (d *Decoder) Peek() Kind {
	if d.pos >= len(d.data) {
		return KindInvalid
	}
	return kindOf[d.data[d.pos]]
}

// Version reads the byte 131 that begins a stand-alone term.
func (d *Decoder) Version() error {
	b, err := d.take(1)
	if err != nil {
		return err
	}
	if b[0] != versionMagic {
		return d.fail(d.pos-1, "want the version byte 131, got %d", b[0])
	}
	return nil
}

// fail is an error at a position.
func (d *Decoder) fail(pos int, format string, args ...any) error {
	return &Error{Offset: pos, Reason: fmt.Sprintf(format, args...)}
}

// take reads the next n bytes, which alias the input.
func (d *Decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.data)-d.pos {
		return nil, d.fail(d.pos, "the input ends within a term")
	}
	b := d.data[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	return b, nil
}

// u16 reads two bytes.
func (d *Decoder) u16() (int, error) {
	b, err := d.take(2)
	if err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint16(b)), nil
}

// u32 reads four bytes.
func (d *Decoder) u32() (uint32, error) {
	b, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b), nil
}

// tag returns the next term's tag without reading it.
func (d *Decoder) tag() (byte, error) {
	if d.pos >= len(d.data) {
		return 0, d.fail(d.pos, "the input ends where a term should begin")
	}
	return d.data[d.pos], nil
}

// enter counts one level of nesting.
func (d *Decoder) enter() error {
	if d.depth++; d.depth > d.lim.MaxDepth {
		return d.fail(d.pos, "nested deeper than %d levels", d.lim.MaxDepth)
	}
	return nil
}

// owe promises n elements of a container whose head began at pos. Whoever calls it takes them off owed one by one.
func (d *Decoder) owe(pos, n int) error {
	if n > len(d.data)-d.pos-d.owed {
		return d.fail(pos, "a %s says it has %d elements, more than the input can hold", kindOf[d.data[pos]], n)
	}
	if d.elems += n; d.elems > d.lim.MaxElems {
		return d.fail(pos, "more than %d elements in all", d.lim.MaxElems)
	}
	d.owed += n
	return nil
}

// want is the error for a term of the wrong kind; the position stays before the term.
func (d *Decoder) want(what string) error {
	return d.fail(d.pos, "want %s, got %s", what, d.describe())
}

// wantHead is want for a container whose whole head could not be read: perhaps it is of the right kind but cut off.
// Without the distinction describe, which reads heads, would come back here for ever.
func (d *Decoder) wantHead(kind Kind) error {
	if d.Peek() == kind {
		return d.fail(d.pos, "the input ends within a term")
	}
	return d.want(kind.String())
}

// describe says what comes next, briefly.
func (d *Decoder) describe() string {
	pos := d.pos
	defer func() { d.pos = pos }()
	kind := d.Peek()
	switch kind {
	case KindInvalid:
		if pos >= len(d.data) {
			return "the end of the input"
		}
		return fmt.Sprintf("unknown tag %d", d.data[pos])
	case KindAtom:
		if s, _, err := d.atomText(); err == nil {
			return fmt.Sprintf("atom %.40s", s)
		}
	case KindInt:
		if i, err := d.Int(); err == nil {
			return fmt.Sprintf("integer %d", i)
		}
		return "a big integer"
	case KindTuple:
		if n, err := d.TupleHeader(); err == nil {
			return fmt.Sprintf("a tuple of %d", n)
		}
	case KindBinary, KindString:
		var b []byte
		var err error
		if kind == KindBinary {
			b, err = d.Bytes()
		} else {
			b, err = d.StringBytes()
		}
		if err == nil {
			return fmt.Sprintf("a %s of %d bytes", kind, len(b))
		}
	}
	return kind.String()
}
