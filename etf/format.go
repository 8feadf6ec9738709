// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"math/big"
	"reflect"
	"slices"
	"strconv"
)

// Style chooses among Erlang's ways to print a term. The zero Style is that of ~w.
type Style uint8

// The parts of a [Style], to be added by |.
const (
	// Strings prints lists of printable characters as "text" and such binaries as <<"text">>, as ~p does.
	Strings Style = 1 << iota
	// Unicode prints characters beyond Latin-1 as they are, and binaries as <<"text"/utf8>>, as ~tw and ~tp do.
	// Without it they are \x{3B1} in atoms, and binaries are read as Latin-1.
	Unicode
	// AllPrintable takes every letter of Unicode for printable, and not only those of Latin-1: what +pc unicode does.
	AllPrintable
)

// Format prints t in Erlang's syntax on one line, readable: as io_lib:format("~0tp", [T]) in an Erlang with +pc unicode.
func Format(t any) string { return (Strings | Unicode | AllPrintable).Format(t) }

// Format prints t in Erlang's syntax on one line, as io_lib:format does with ~w, or ~0p given [Strings].
//
// The keys of maps are in Erlang's order. Pids, references and ports are printed with their node in full, as Erlang's
// short numbers for nodes mean nothing elsewhere. A Go value prints as the term it travels as, and one that cannot
// travel as #Go<its type>. t must not be changed meanwhile.
func (s Style) Format(t any) string { return string(s.Append(nil, t)) }

// Append is Format onto dst.
func (s Style) Append(dst []byte, t any) []byte {
	p := printer{buf: dst, style: s}
	p.term(t)
	return p.buf
}

// printer collects the text of one term.
type printer struct {
	buf   []byte
	style Style
	depth int
}

func (p *printer) text(s string) { p.buf = append(p.buf, s...) }

func (p *printer) term(t any) {
	if p.depth++; p.depth > maxEncodeDepth { // a cyclic value
		p.text("...")
		p.depth--
		return
	}
	switch t := canonical(t).(type) {
	case Atom:
		p.atom(t)
	case int:
		p.buf = strconv.AppendInt(p.buf, int64(t), 10)
	case *big.Int:
		p.buf = t.Append(p.buf, 10)
	case float64:
		p.buf = appendFloat(p.buf, t)
	case []byte:
		p.binary(t)
	case Bitstring:
		p.bits(t)
	case Tuple:
		p.text("{")
		p.elems(t)
		p.text("}")
	case List:
		p.list(t)
	case ImproperList:
		p.text("[")
		p.elems(t.Elems)
		p.text("|")
		p.term(t.Tail)
		p.text("]")
	case Map:
		p.mapping(t)
	case PID:
		p.text(t.String())
	case Reference:
		p.text(t.String())
	case Port:
		p.text(t.String())
	case Export:
		p.text("fun ")
		p.atom(t.Module)
		p.text(":")
		p.atom(t.Function)
		p.text("/")
		p.buf = strconv.AppendUint(p.buf, uint64(t.Arity), 10)
	case Fun:
		p.text("#Fun<")
		p.atom(t.Module)
		p.text(".")
		p.buf = strconv.AppendInt(p.buf, t.OldIndex, 10)
		p.text(".")
		p.buf = strconv.AppendInt(p.buf, t.OldUniq, 10)
		p.text(">")
	default:
		p.goValue(t)
	}
	p.depth--
}

// goValue prints a value that is no generic term yet.
func (p *printer) goValue(v any) {
	if t, err := TermOf(v); err == nil {
		p.term(t)
		return
	}
	p.text("#Go<")
	p.text(reflect.TypeOf(v).String())
	p.text(">")
}

func (p *printer) elems(l []any) {
	for i, t := range l {
		if i > 0 {
			p.text(",")
		}
		p.term(t)
	}
}

func (p *printer) mapping(m Map) {
	m = slices.SortedStableFunc(slices.Values(m), func(a, b Pair) int { return compare(a.Key, b.Key, true) })
	p.text("#{")
	for i := range m {
		if i > 0 {
			p.text(",")
		}
		p.term(m[i].Key)
		p.text(" => ")
		p.term(m[i].Value)
	}
	p.text("}")
}

func (p *printer) list(l List) {
	if p.style&Strings != 0 && len(l) > 0 {
		if s, ok := p.printableList(l); ok {
			p.quoted(s, '"')
			return
		}
	}
	p.text("[")
	p.elems(l)
	p.text("]")
}

// bits prints a bitstring that is no binary; those never print as text.
func (p *printer) bits(b Bitstring) {
	n := len(b.Bytes)
	if n == 0 { // not made by decoding
		p.text("<<>>")
		return
	}
	p.text("<<")
	for _, c := range b.Bytes[:n-1] {
		p.buf = strconv.AppendUint(p.buf, uint64(c), 10)
		p.text(",")
	}
	p.buf = strconv.AppendUint(p.buf, uint64(b.Bytes[n-1]>>(8-b.Bits%8)), 10)
	p.text(":")
	p.buf = strconv.AppendUint(p.buf, uint64(b.Bits), 10)
	p.text(">>")
}

func (p *printer) binary(b []byte) {
	p.text("<<")
	if text, utf8, ok := p.printableBytes(b); ok {
		p.quoted(text, '"')
		if utf8 {
			p.text("/utf8")
		}
	} else {
		for i, c := range b {
			if i > 0 {
				p.text(",")
			}
			p.buf = strconv.AppendUint(p.buf, uint64(c), 10)
		}
	}
	p.text(">>")
}
