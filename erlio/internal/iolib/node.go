// SPDX-License-Identifier: Apache-2.0

package iolib

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/banyan-go/banyan/etf"
)

// node is a term that is to be laid out: its text, or its parts, with the length that it has on one line.
type node struct {
	kind   nodeKind
	text   string // of a leaf, and of a binary of numbers
	len    int
	tagged bool   // a tuple that begins with an atom
	elems  []node // of a pair: key and value
	tail   *node  // what follows an improper list, or the dots where the depth ends
}

type nodeKind uint8

const (
	leaf nodeKind = iota
	list
	tuple
	mapping
	pair
	bits // a binary of numbers, which may be broken
	dots
)

// builder makes nodes. left bounds the text.
type builder struct {
	plain   etf.Style // for what is no string
	strings etf.Style // for what may be one
	left    int
}

func (b *builder) leaf(s string) node {
	b.left -= len(s)
	return node{text: s, len: width(s)}
}

var cutOff = node{kind: dots, len: 3}

// term makes the node of a term down to a depth, which never ends if it is negative.
func (b *builder) term(t any, d int) node {
	if b.left < 0 {
		return node{}
	}
	switch t := t.(type) {
	case etf.List:
		if d != 1 && b.strings&etf.Strings != 0 && isString(t) {
			if s := b.strings.Format(t); s[0] == '"' {
				return b.leaf(s)
			}
		}
		if len(t) == 0 {
			return b.leaf("[]")
		}
		return b.sequence(node{kind: list}, t, nil, d)
	case etf.ImproperList:
		return b.sequence(node{kind: list}, t.Elems, t.Tail, d)
	case etf.Tuple:
		if len(t) == 0 {
			return b.leaf("{}")
		}
		if d == 1 {
			return b.leaf("{...}")
		}
		_, tagged := t[0].(etf.Atom)
		return b.sequence(node{kind: tuple, tagged: tagged && len(t) > 1}, t, nil, d)
	case etf.Map:
		if len(t) == 0 {
			return b.leaf("#{}")
		}
		if d == 1 {
			return b.leaf("#{...}")
		}
		return b.mapping(t, d)
	case []byte:
		return b.binary(t, d)
	case etf.Bitstring:
		if d == 1 {
			return b.leaf("<<...>>")
		}
		w := depthWriter{}
		w.out.limit = max(b.left, 16)
		w.binary(t.Bytes, t.Bits, d)
		return b.numbers(&w.out)
	}
	return b.leaf(b.plain.Format(t))
}

func isString(l etf.List) bool {
	for _, t := range l {
		if i, ok := t.(int); !ok || i < 0 || i > utf8.MaxRune {
			return false
		}
	}
	return len(l) > 0
}

// sequence is a list or a tuple: each element is one level deeper than the one before.
func (b *builder) sequence(n node, l []any, tail any, d int) node {
	n.len = 2
	for i, t := range l {
		if d == 1 {
			n.tail = &cutOff
			break
		}
		e := b.term(t, d-1)
		d--
		if i > 0 {
			n.len++
			b.left--
		}
		n.len += e.len
		n.elems = append(n.elems, e)
		if b.left < 0 {
			return n
		}
	}
	if n.tail == nil && tail != nil {
		if d == 1 {
			n.tail = &cutOff
		} else {
			e := b.term(tail, d-1)
			n.tail = &e
		}
	}
	if n.tail != nil {
		n.len += n.tail.len
		if len(n.elems) > 0 {
			n.len++
		}
	}
	return n
}

func (b *builder) mapping(m etf.Map, d int) node {
	n := node{kind: mapping, len: 3}
	inner := d - 1
	for i, p := range sorted(m) {
		if d == 1 {
			n.tail = &cutOff
			n.len += 3
			if i > 0 {
				n.len++
			}
			break
		}
		k, v := b.term(p.Key, inner), b.term(p.Value, inner)
		d--
		if i > 0 {
			n.len++
		}
		e := node{kind: pair, len: k.len + 4 + v.len, elems: []node{k, v}}
		b.left -= 5
		n.len += e.len
		n.elems = append(n.elems, e)
		if b.left < 0 {
			return n
		}
	}
	return n
}

// sorted is in the order of the keys; an integer comes before the float that it equals.
func sorted(m etf.Map) etf.Map {
	return slices.SortedStableFunc(slices.Values(m), func(a, b etf.Pair) int {
		if c := etf.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		_, af := a.Key.(float64)
		_, bf := b.Key.(float64)
		switch {
		case af == bf:
			return 0
		case bf:
			return -1
		}
		return 1
	})
}

func (b *builder) binary(t []byte, d int) node {
	if len(t) == 0 {
		return b.leaf("<<>>")
	}
	if d == 1 {
		return b.leaf("<<...>>")
	}
	if b.strings&etf.Strings != 0 {
		if d < 0 {
			if s := b.strings.Format(t); strings.HasPrefix(s, `<<"`) {
				return b.leaf(s)
			}
		} else if s, ok := b.prefix(t, d-1); ok {
			return b.leaf(s)
		}
	}
	w := depthWriter{}
	w.out.limit = max(b.left, 16)
	w.binary(t, 0, d)
	return b.numbers(&w.out)
}

func (b *builder) numbers(w *writer) node {
	if b.left -= len(w.buf); w.full {
		b.left = -1
	}
	s := string(w.buf)
	return node{kind: bits, text: s, len: len(s)}
}

// prefix is the beginning of a binary that may be text, of up to four characters per level of depth; ok is false if too
// little of it is text.
func (b *builder) prefix(t []byte, d int) (text string, ok bool) {
	limit := min(4*d, len(t))
	if b.strings&etf.Unicode != 0 && validPrefix(t, limit) {
		n, end := 0, 0
		for n < limit && end < len(t) {
			_, size := utf8.DecodeRune(t[end:])
			if !printable(b.strings, t[end:end+size]) {
				break
			}
			n, end = n+1, end+size
		}
		if end == len(t) {
			return b.strings.Format(t), true
		}
		if n < d {
			return "", false
		}
		return b.dotted(t[:end]), true
	}
	style := b.strings &^ (etf.Unicode | etf.AllPrintable)
	n := 0
	for n < limit && printable(style, t[n:n+1]) {
		n++
	}
	switch {
	case n == len(t):
		return style.Format(t), true
	case n < d:
		return "", false
	}
	return strings.TrimSuffix(style.Format(t[:n]), ">>") + "...>>", true
}

func (b *builder) dotted(t []byte) string {
	s := b.strings.Format(t)
	return strings.TrimSuffix(s, ">>") + "...>>"
}

func validPrefix(t []byte, n int) bool {
	for ; n > 0 && len(t) > 0; n-- {
		r, size := utf8.DecodeRune(t)
		if r == utf8.RuneError && size <= 1 {
			return false
		}
		t = t[size:]
	}
	return true
}

// printable reports whether a binary of one character prints as text.
func printable(s etf.Style, char []byte) bool {
	return bytes.HasPrefix(s.Append(nil, char), []byte(`<<"`))
}
