// SPDX-License-Identifier: Apache-2.0

package iolib

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/banyan-go/banyan/etf"
)

// directive evaluates one, from behind its ~.
func (e *evaluator) directive() error {
	s, err := e.spec()
	if err != nil {
		return err
	}
	letter, err := e.next()
	if err != nil {
		return err
	}
	switch letter {
	case '~':
		return e.repeat(s, '~')
	case 'n':
		return e.newline(s)
	}
	a, err := e.arg()
	if err != nil {
		return err
	}
	switch letter {
	case 'i':
		return nil
	case 'c':
		return e.character(s, a)
	case 's':
		return e.str(s, a)
	case 'w':
		return e.term(s, e.style(s, 0).Format(a))
	case 'p':
		return e.pretty(s, a, -1)
	case 'W', 'P':
		d, err := e.intArg()
		if err != nil {
			return err
		}
		if letter == 'P' {
			return e.pretty(s, a, d)
		}
		w := depthWriter{style: e.style(s, 0)}
		w.out.limit = e.opts.Limit
		w.term(a, d)
		if w.out.full {
			return ErrTooLong
		}
		return e.term(s, string(w.out.buf))
	case 'e', 'f', 'g':
		f, ok := a.(float64)
		if !ok {
			return bad(letter, a, "a float")
		}
		return e.float(s, letter, f)
	case 'b', 'B', '+', '#':
		prefix := ""
		if letter == '+' || letter == '#' {
			if prefix = "10#"; s.prec != none {
				prefix = strconv.Itoa(s.prec) + "#"
			}
		}
		return e.integer(s, letter, a, prefix)
	case 'x', 'X':
		p, err := e.arg()
		if err != nil {
			return err
		}
		prefix, err := prefixText(p)
		if err != nil {
			return err
		}
		return e.integer(s, letter, a, prefix)
	}
	return fmt.Errorf("%w: there is no directive ~%c", ErrFormat, letter)
}

func bad(letter rune, a any, want string) error {
	return fmt.Errorf("%w: ~%c wants %s, not %s", ErrFormat, letter, want, brief(a))
}

// style is that of the modifiers, with strings if asked for.
func (e *evaluator) style(s spec, strings etf.Style) etf.Style {
	style := strings
	if s.unicode {
		style |= etf.Unicode
		if !e.opts.Latin1 {
			style |= etf.AllPrintable
		}
	}
	return style
}

// adjusted writes text in a field that is pad characters wider.
func (e *evaluator) adjusted(s spec, text string, pad int) error {
	if !s.left {
		e.out.fill(s.pad, pad)
	}
	e.out.text(text)
	if s.left {
		e.out.fill(s.pad, pad)
	}
	return nil
}

// term writes what is not to be cut: where it does not fit, stars tell so.
func (e *evaluator) term(s spec, text string) error {
	switch {
	case s.width == none && s.prec == none:
		e.out.text(text)
		return nil
	case s.width == none:
		s.width = s.prec
	}
	n := width(text)
	p := s.width
	if s.prec != none {
		p = min(s.prec, s.width)
	}
	if p = min(n, p); p < 0 {
		return fmt.Errorf("%w: a negative precision", ErrFormat)
	}
	if n > p {
		pad := s.width - p
		if !s.left {
			e.out.fill(s.pad, pad)
		}
		e.out.fill('*', p)
		if s.left {
			e.out.fill(s.pad, pad)
		}
		return nil
	}
	return e.adjusted(s, text, s.width-n)
}

// repeat writes a character as often as the precision or else the width says.
func (e *evaluator) repeat(s spec, c rune) error {
	n := 1
	switch {
	case s.prec != none:
		n = s.prec
	case s.width != none:
		n = s.width
		s.width = none
	}
	if n < 0 || s.width != none && s.width < n {
		return fmt.Errorf("%w: %d characters in a field of %d", ErrFormat, n, s.width)
	}
	pad := 0
	if s.width != none {
		pad = s.width - n
	}
	if !s.left {
		e.out.fill(s.pad, pad)
	}
	e.out.fill(c, n)
	if s.left {
		e.out.fill(s.pad, pad)
	}
	return nil
}

func (e *evaluator) newline(s spec) error {
	if s.left {
		return fmt.Errorf("%w: a newline cannot be adjusted", ErrFormat)
	}
	if s.width == none {
		s.width = 1
	}
	e.out.fill('\n', s.width)
	return nil
}

func (e *evaluator) character(s spec, a any) error {
	i, ok := smallInt(a)
	if b, isBig := a.(*big.Int); isBig && !ok {
		i, ok = -1, true
		if !s.unicode {
			i = int(new(big.Int).And(b, big.NewInt(255)).Int64())
		}
	}
	if !ok {
		return bad('c', a, "a character")
	}
	if !s.unicode {
		i &= 255
	}
	if i < 0 || i > unicode.MaxRune {
		i = unicode.MaxRune + 1 // an error only if it is to be written
	}
	return e.repeat(s, rune(i))
}

// str is ~s: text of any shape, cut and padded to the field.
func (e *evaluator) str(s spec, a any) error {
	var w writer
	w.limit = e.opts.Limit
	if atom, ok := a.(etf.Atom); ok {
		if !s.unicode && strings.ContainsFunc(string(atom), func(r rune) bool { return r > 0xFF }) {
			return bad('s', a, "text in Latin-1")
		}
		w.text(string(atom))
	} else if err := w.chars(a, s.unicode); err != nil {
		return err
	}
	if w.full {
		return ErrTooLong
	}
	if w.invalid && s.width != 0 && (s.width != none || s.prec != 0) { // else nothing of it is written
		e.out.invalid = true
	}
	text := string(w.buf)
	n := width(text)
	switch {
	case s.width == none && s.prec == none:
		e.out.text(text)
		return nil
	case s.width == none:
		s.width, s.prec, s.left = s.prec, none, true
	}
	if s.width < 0 {
		return fmt.Errorf("%w: a negative precision", ErrFormat)
	}
	if s.prec != none && s.prec != s.width {
		if s.prec > s.width || s.prec < 0 {
			return fmt.Errorf("%w: a precision of %d in a field of %d", ErrFormat, s.prec, s.width)
		}
		if n < s.prec {
			text += strings.Repeat(string(s.pad), min(s.prec-n, e.opts.Limit))
		} else {
			text = cut(text, s.prec)
		}
		return e.adjusted(s, text, s.width-s.prec)
	}
	if n > s.width {
		e.out.text(cut(text, s.width))
		return nil
	}
	return e.adjusted(s, text, s.width-n)
}

// prefixText is the prefix of ~x: an atom or text.
func prefixText(p any) (string, error) {
	if a, ok := p.(etf.Atom); ok {
		return string(a), nil
	}
	if _, ok := p.(etf.List); !ok {
		return "", notText(p)
	}
	w := writer{limit: defaultLimit}
	if err := w.chars(p, true); err != nil {
		return "", err
	}
	if w.invalid || w.full {
		return "", notText(p)
	}
	return string(w.buf), nil
}

// integer is ~b, ~x and ~+; capital letters and # want capital digits.
func (e *evaluator) integer(s spec, letter rune, a any, prefix string) error {
	base := s.prec
	if base == none {
		base = 10
	}
	if base < 2 || base > 36 {
		return fmt.Errorf("%w: a base of %d", ErrFormat, base)
	}
	var digits string
	switch i := a.(type) {
	case int:
		digits = strconv.FormatInt(int64(i), base)
	case int64:
		digits = strconv.FormatInt(i, base)
	case *big.Int:
		digits = i.Text(base)
	default:
		return bad(letter, a, "an integer")
	}
	if letter == 'B' || letter == 'X' || letter == '#' {
		digits = strings.ToUpper(digits)
	}
	if d, neg := strings.CutPrefix(digits, "-"); neg {
		prefix, digits = "-"+prefix, d
	}
	s.prec = none
	return e.term(s, prefix+digits)
}
