// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/banyan-go/banyan/etf"
)

// The cache has 8 segments of 256 slots, one cache per direction.
const (
	slots = 2048
	// ways is in how many slots an atom may be: with one, two busy atoms of the same slot would be sent in full for ever.
	ways = 4
	sets = slots / ways
)

// newEntry marks a reference that brings its atom along.
const newEntry = 8

// maxAtomChars is what OTP takes.
const maxAtomChars = 255

// OutCache is what the peer knows of our atoms. Make it with NewOutCache.
//
// Invariant: after every header built, slot i holds what the peer will have in slot i once it has read that header.
// Headers must therefore leave in the order they were built.
type OutCache struct {
	seed   maphash.Seed // random, so that nobody can choose atoms that fall on one another
	atoms  [slots]etf.Atom
	used   [slots]bool
	next   [sets]uint8 // whom to replace
	lately lately
}

// lately is the last header that brought no atom, and what it refers to. One message is much like the next.
//
// Invariant: no slot has changed since, so header still means atoms.
type lately struct {
	atoms  []etf.Atom
	header []byte
}

func (l *lately) forget() { l.header = l.header[:0] }

func (l *lately) note(atoms []etf.Atom, header []byte) {
	l.atoms, l.header = append(l.atoms[:0], atoms...), append(l.header[:0], header...)
}

// NewOutCache makes an empty cache, for a new connection.
func NewOutCache() *OutCache { return &OutCache{seed: maphash.MakeSeed()} }

// AppendHeader appends the distribution header for atoms (from their number on, without 131, 68) and takes new ones into
// the cache. atoms are at most 255, each valid.
func (c *OutCache) AppendHeader(dst []byte, atoms []etf.Atom) []byte {
	n := len(atoms)
	if n == 0 {
		return append(dst, 0)
	}
	if len(c.lately.header) > 0 && slices.Equal(c.lately.atoms, atoms) {
		return append(dst, c.lately.header...)
	}
	start, news := len(dst), false
	dst = append(dst, byte(n))
	long := false
	for _, a := range atoms {
		long = long || len(a) > math.MaxUint8
	}
	flags := len(dst)
	for range n/2 + 1 {
		dst = append(dst, 0)
	}
	for i, a := range atoms {
		slot, known := c.place(a)
		nibble := byte(slot >> 8)
		dst = append(dst, byte(slot))
		if !known {
			news = true
			nibble |= newEntry
			if long {
				dst = append(dst, byte(len(a)>>8))
			}
			dst = append(dst, byte(len(a)))
			dst = append(dst, a...)
		}
		dst[flags+i/2] |= nibble << (4 * (i % 2))
	}
	if long {
		dst[flags+n/2] |= 1 << (4 * (n % 2))
	}
	if news {
		c.lately.forget()
	} else {
		c.lately.note(atoms, dst[start:])
	}
	return dst
}

// place finds the slot of a, or makes one its own.
func (c *OutCache) place(a etf.Atom) (slot int, known bool) {
	set := int(maphash.String(c.seed, string(a)) % sets)
	base := set * ways
	for i := base; i < base+ways; i++ {
		if c.atoms[i] == a && c.used[i] {
			return i, true
		}
	}
	slot = base + int(c.next[set])%ways
	c.next[set]++
	c.atoms[slot], c.used[slot] = a, true
	return slot, false
}

// InCache is what we know of the peer's atoms. The zero value is an empty cache, for a new connection.
type InCache struct {
	atoms  [slots]etf.Atom
	used   [slots]bool
	lately lately
}

// ParseHeader reads a distribution header (from the number of references on) and returns the atoms it refers to,
// appended to atoms[:0], and its length. The atoms do not alias b.
func (c *InCache) ParseHeader(b []byte, atoms []etf.Atom) ([]etf.Atom, int, error) {
	atoms = atoms[:0]
	if len(b) < 1 {
		return nil, 0, fmt.Errorf("%w: no header", ErrProtocol)
	}
	if h := c.lately.header; len(h) > 0 && bytes.HasPrefix(b, h) { // it says itself where it ends, so a prefix is all of it
		return append(atoms, c.lately.atoms...), len(h), nil
	}
	n, news := int(b[0]), false
	if n == 0 {
		return atoms, 1, nil
	}
	pos := 1 + n/2 + 1
	if len(b) < pos {
		return nil, 0, fmt.Errorf("%w: the header ends in its flags", ErrProtocol)
	}
	flags := b[1:pos]
	lengthSize := 1
	if flags[n/2]>>(4*(n%2))&1 != 0 {
		lengthSize = 2
	}
	for i := range n {
		nibble := flags[i/2] >> (4 * (i % 2)) & 0xF
		if pos >= len(b) {
			return nil, 0, fmt.Errorf("%w: the header ends before reference %d of %d", ErrProtocol, i, n)
		}
		slot := int(nibble&7)<<8 | int(b[pos])
		pos++
		if nibble&newEntry != 0 {
			news = true
			c.lately.forget()
			end, err := c.learn(b, pos, lengthSize, slot)
			if err != nil {
				return nil, 0, err
			}
			pos = end
		}
		if !c.used[slot] {
			return nil, 0, fmt.Errorf("%w: a reference to the empty slot %d of the atom cache", ErrProtocol, slot)
		}
		atoms = append(atoms, c.atoms[slot])
	}
	if !news {
		c.lately.note(atoms, b[:pos])
	}
	return atoms, pos, nil
}

// learn puts the atom at b[pos:] into slot and returns where it ends.
func (c *InCache) learn(b []byte, pos, lengthSize, slot int) (int, error) {
	if len(b)-pos < lengthSize {
		return 0, fmt.Errorf("%w: the header ends in a length", ErrProtocol)
	}
	n := int(b[pos])
	if lengthSize == 2 {
		n = int(binary.BigEndian.Uint16(b[pos:]))
	}
	pos += lengthSize
	if n > len(b)-pos {
		return 0, fmt.Errorf("%w: the header ends in an atom of %d bytes", ErrProtocol, n)
	}
	text := b[pos : pos+n]
	if !utf8.Valid(text) || (n > maxAtomChars && utf8.RuneCount(text) > maxAtomChars) {
		return 0, fmt.Errorf("%w: %.40q is no atom", ErrProtocol, text)
	}
	if string(c.atoms[slot]) != string(text) { // announced again: nothing to allocate
		c.atoms[slot] = etf.Atom(text)
	}
	c.used[slot] = true
	return pos + n, nil
}
