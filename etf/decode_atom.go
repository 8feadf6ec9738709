// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"unicode/utf8"
	"unsafe"
)

// recentAtoms is the size of a Decoder's table of recent atoms, a power of two. The table is bounded, unlike Erlang's
// atom table, and goes with the Decoder: a peer can fill it with rubbish, but nothing else.
const recentAtoms = 32

// Atom reads an atom.
func (d *Decoder) Atom() (Atom, error) {
	text, stable, err := d.atomText()
	if err != nil {
		return "", err
	}
	if stable {
		return Atom(text), nil
	}
	return d.recall(text).(Atom), nil
}

// boxedAtom reads an atom into an interface, without an allocation if it was seen lately.
func (d *Decoder) boxedAtom() (any, error) {
	text, _, err := d.atomText()
	if err != nil {
		return nil, err
	}
	return d.recall(text), nil
}

// recall returns the boxed Atom with this text, copying text when it is not in the table.
func (d *Decoder) recall(text string) any {
	h := len(text)
	if h > 0 {
		h += int(text[0])*7 + int(text[len(text)-1])*31 + int(text[len(text)/2])*5
	}
	slot := &d.recent[h%recentAtoms]
	if a, ok := (*slot).(Atom); ok && string(a) == text {
		return *slot
	}
	*slot = Atom(append([]byte(nil), text...))
	return *slot
}

// atomText reads an atom's text. Unless stable, it aliases the input and must not be kept.
func (d *Decoder) atomText() (text string, stable bool, err error) {
	tag, err := d.tag()
	if err != nil {
		return "", false, err
	}
	start := d.pos
	var n, head int
	latin1 := false
	switch tag {
	case tagAtomCacheRef:
		d.pos++
		b, err := d.take(1)
		if err != nil {
			return "", false, err
		}
		if int(b[0]) >= len(d.atoms) {
			return "", false, d.fail(start, "atom cache reference %d of %d", b[0], len(d.atoms))
		}
		return string(d.atoms[b[0]]), true, nil
	case tagSmallAtomUTF8, tagSmallAtom:
		if len(d.data)-start < 2 {
			return "", false, d.fail(start, "the input ends within a term")
		}
		n, head, latin1 = int(d.data[start+1]), 2, tag == tagSmallAtom
	case tagAtomUTF8, tagAtom:
		if len(d.data)-start < 3 {
			return "", false, d.fail(start, "the input ends within a term")
		}
		n, head, latin1 = int(d.data[start+1])<<8|int(d.data[start+2]), 3, tag == tagAtom
	default:
		return "", false, d.want("atom")
	}
	if n > len(d.data)-start-head {
		return "", false, d.fail(start, "the input ends within a term")
	}
	b := d.data[start+head : start+head+n]
	if latin1 {
		if n > maxAtomChars {
			return "", false, d.fail(start, "an atom of %d characters", n)
		}
		d.pos = start + head + n
		return fromLatin1(b)
	}
	text = unsafe.String(unsafe.SliceData(b), n)
	if !validAtom(text) {
		return "", false, d.fail(start, "an atom that is not valid UTF-8 or longer than 255 characters")
	}
	d.pos = start + head + n
	return text, false, nil
}

// fromLatin1 converts to UTF-8, without a copy when there is nothing to convert.
func fromLatin1(b []byte) (text string, stable bool, err error) {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			out := append(make([]byte, 0, 2*len(b)), b[:i]...)
			for _, c := range b[i:] {
				out = utf8.AppendRune(out, rune(c))
			}
			return string(out), true, nil
		}
	}
	return unsafe.String(unsafe.SliceData(b), len(b)), false, nil
}
