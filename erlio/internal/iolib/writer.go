// SPDX-License-Identifier: Apache-2.0

package iolib

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/banyan-go/banyan/etf"
)

// writer collects text up to a limit. Invariant: once full is set nothing is added any more.
type writer struct {
	buf     []byte
	limit   int
	full    bool
	invalid bool // something was no character
	strict  bool // a binary that is not UTF-8 is invalid, and not Latin-1
	col     int  // where the next character goes, from 0
}

func (w *writer) room(n int) bool {
	if w.full || len(w.buf)+n > w.limit {
		w.full = true
	}
	return !w.full
}

func (w *writer) char(c rune) {
	if !utf8.ValidRune(c) {
		w.invalid = true
		return
	}
	if w.room(utf8.RuneLen(c)) {
		w.buf = utf8.AppendRune(w.buf, c)
	}
	switch c {
	case '\n':
		w.col = 0
	case '\t':
		w.col = (w.col + 8) / 8 * 8
	default:
		w.col++
	}
}

func (w *writer) text(s string) {
	if !w.room(len(s)) {
		return
	}
	for _, c := range s {
		w.char(c)
	}
}

// fill writes a character n times.
func (w *writer) fill(c rune, n int) {
	if n <= 0 || !w.room(n) {
		return
	}
	for range n {
		w.char(c)
	}
}

// Text is what Erlang's unicode:characters_to_binary makes of characters and binaries in lists, in UTF-8; with latin1 of
// those that are in Latin-1.
func Text(t any, latin1 bool, limit int) (string, error) {
	w := writer{limit: limit, strict: true}
	if err := w.chars(t, !latin1); err != nil {
		return "", err
	}
	switch {
	case w.full:
		return "", ErrTooLong
	case w.invalid:
		return "", notText(t)
	}
	return string(w.buf), nil
}

// chars writes text as Erlang's programs hand it around: characters and binaries in lists, or alone. With utf8 binaries are
// UTF-8 if they can be, else all is Latin-1.
func (w *writer) chars(t any, utf bool) error {
	for !w.full {
		switch v := t.(type) {
		case []byte:
			w.bytes(v, utf)
			return nil
		case string:
			w.text(v)
			return nil
		case etf.List:
			return w.elems(v, utf)
		case etf.ImproperList:
			if err := w.elems(v.Elems, utf); err != nil {
				return err
			}
			t = v.Tail // a binary may be one
			if _, ok := t.([]byte); !ok {
				return notText(t)
			}
		default:
			return notText(t)
		}
	}
	return nil
}

func (w *writer) elems(l []any, utf bool) error {
	for _, t := range l {
		if w.full {
			return nil
		}
		i, ok := smallInt(t)
		if !ok {
			if err := w.chars(t, utf); err != nil {
				return err
			}
			continue
		}
		if i < 0 || i > 0xFF && !utf {
			return notText(t)
		}
		w.char(rune(min(i, unicode.MaxRune+1)))
	}
	return nil
}

func notText(t any) error { return fmt.Errorf("%w: %s is no text", ErrFormat, brief(t)) }

func (w *writer) bytes(b []byte, utf bool) {
	if utf && utf8.Valid(b) {
		w.text(string(b))
		return
	}
	if !w.room(len(b)) {
		return
	}
	w.invalid = w.invalid || utf && w.strict
	for _, c := range b {
		w.char(rune(c))
	}
}

// width is how many characters Erlang takes s for: of Latin-1 each counts, else marks belong to the one before them.
func width(s string) int {
	n, marks, wide := 0, 0, false
	for _, c := range s {
		n++
		if c > 0xFF {
			wide = true
			if isMark(c) {
				marks++
			}
		}
	}
	if wide {
		return n - marks
	}
	return n
}

func isMark(c rune) bool { return unicode.Is(unicode.M, c) || c == 0x200D }

// cut is the first n characters of s.
func cut(s string, n int) string {
	for i, c := range s {
		if isMark(c) {
			continue
		}
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
