// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// reserved are the atoms that the language has other uses for.
var reserved = func() map[Atom]bool {
	m := map[Atom]bool{}
	for _, w := range strings.Fields("after and andalso band begin bnot bor bsl bsr bxor case catch cond div end fun if let not of or orelse " +
		"receive rem try when xor") {
		m[Atom(w)] = true
	}
	return m
}()

// atom prints a with quotes where Erlang needs them: it may go without if it begins with a small letter of Latin-1 and has
// only letters of Latin-1, digits, _ and @.
func (p *printer) atom(a Atom) {
	if plainAtom(a) && !reserved[a] {
		p.text(string(a))
		return
	}
	p.quoted(string(a), '\'')
}

func plainAtom(a Atom) bool {
	for i, r := range a {
		small := r >= 'a' && r <= 'z' || r >= 'ß' && r <= 'ÿ' && r != '÷'
		other := r >= 'A' && r <= 'Z' || r >= 'À' && r <= 'Þ' && r != '×' || r >= '0' && r <= '9' || r == '_' || r == '@'
		if !small && (i == 0 || !other) {
			return false
		}
	}
	return a != ""
}

// escapes are the characters that have a letter behind a backslash.
var escapes = map[rune]byte{'\n': 'n', '\r': 'r', '\t': 't', '\v': 'v', '\b': 'b', '\f': 'f', '\x1b': 'e', '\x7f': 'd'}

// quoted prints s between quotes.
func (p *printer) quoted(s string, quote byte) {
	p.buf = append(p.buf, quote)
	for _, r := range s {
		esc, has := escapes[r]
		switch {
		case r == rune(quote) || r == '\\':
			p.buf = append(p.buf, '\\', byte(r))
		case has:
			p.buf = append(p.buf, '\\', esc)
		case r < ' ' || r > 0x7E && r < 0xA0:
			p.buf = append(p.buf, '\\', '0'+byte(r>>6), '0'+byte(r>>3&7), '0'+byte(r&7))
		case r > 0xFF && p.style&Unicode == 0:
			p.text(`\x{` + strings.ToUpper(strconv.FormatInt(int64(r), 16)) + "}")
		default:
			p.buf = utf8.AppendRune(p.buf, r)
		}
	}
	p.buf = append(p.buf, quote)
}

// printable reports whether a string may show r.
func (p *printer) printable(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7F || r >= 0xA0 && r <= 0xFF:
		return true
	case r > 0xFF:
		return p.style&(AllPrintable|Unicode) == AllPrintable|Unicode && utf8.ValidRune(r) && r != 0xFFFE && r != 0xFFFF
	}
	_, has := escapes[r]
	return has && r != 0x7F
}

// printableList returns the text of a list of nothing but printable characters.
func (p *printer) printableList(l List) (string, bool) {
	var b strings.Builder
	for _, t := range l {
		i, ok := canonical(t).(int)
		if !ok || i < 0 || i > utf8.MaxRune || !p.printable(rune(i)) {
			return "", false
		}
		b.WriteRune(rune(i))
	}
	return b.String(), true
}

// printableBytes returns the text of a binary: what is UTF-8 is read as such under Unicode, all else is Latin-1.
// asUTF8 says that this matters.
func (p *printer) printableBytes(b []byte) (text string, asUTF8, ok bool) {
	if p.style&Strings == 0 || len(b) == 0 {
		return "", false, false
	}
	if p.style&Unicode != 0 && utf8.Valid(b) {
		text = string(b)
		asUTF8 = strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0
	} else {
		if bytes.IndexByte(b, 0) >= 0 { // most binaries that are no text end here
			return "", false, false
		}
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		text = string(runes)
	}
	for _, r := range text {
		if !p.printable(r) {
			return "", false, false
		}
	}
	return text, asUTF8, true
}

// appendFloat writes the shortest digits that give f back, always with a point. Like Erlang it takes the shorter of 0.01 and
// 1.0e-2, the plain one if they are equally long, and never the plain one where floats are more than 1 apart.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) { // no terms
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	}
	plain := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(plain, ".") {
		plain += ".0"
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, err := strconv.Atoi(exp)
	if err != nil {
		return append(dst, plain...)
	}
	scientific := mantissa + "e" + strconv.Itoa(n)
	if len(plain) <= len(scientific) && math.Abs(f) < 1<<53 {
		return append(dst, plain...)
	}
	return append(dst, scientific...)
}
