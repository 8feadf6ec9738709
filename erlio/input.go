// SPDX-License-Identifier: Apache-2.0

package erlio

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/banyan-go/banyan/erlio/internal/iolib"
	"github.com/banyan-go/banyan/etf"
)

// prompt prints one, as io_lib:format_prompt makes it: text, or {format, Format, Args}, or any term.
func (l *Leader) prompt(p any) {
	opts := iolib.Options{Limit: l.cfg.MaxText}
	var s string
	var err error
	t, isTuple := p.(etf.Tuple)
	if isTuple && len(t) == 3 && t[0] == etf.Atom("format") {
		args, _ := t[2].(etf.List)
		s, err = iolib.Format(t[1], args, opts)
	} else if s, err = iolib.Format("~ts", []any{p}, opts); err != nil {
		s, err = iolib.Format("~tp", []any{p}, opts)
	}
	if err == nil {
		l.print(s)
	}
}

// getLine answers get_line: a line with its end, or what is left, or eof.
func (l *Leader) getLine(prompt any, latin1 bool) any {
	l.prompt(prompt)
	var b strings.Builder
	return l.gather(&b, latin1, func(r rune) bool { return r == '\n' || b.Len() >= l.cfg.MaxLine })
}

// getChars answers get_chars: n characters, or fewer at the end.
func (l *Leader) getChars(prompt, count any, latin1 bool) any {
	n, ok := count.(int)
	if !ok || n < 0 || n > l.cfg.MaxLine {
		return failed(etf.Atom("einval"))
	}
	l.prompt(prompt)
	var b strings.Builder
	if n == 0 {
		return l.give("", latin1)
	}
	return l.gather(&b, latin1, func(rune) bool { n--; return n == 0 })
}

// gather reads characters until one is the last.
func (l *Leader) gather(b *strings.Builder, latin1 bool, last func(rune) bool) any {
	for l.in != nil {
		r, size, err := l.in.ReadRune()
		switch {
		case errors.Is(err, io.EOF):
		case err != nil:
			l.node.Logger().Warn("group leader cannot read", "error", err)
			if b.Len() == 0 {
				return failed(etf.Atom("eio"))
			}
		case r == utf8.RuneError && size == 1:
			if err := l.in.UnreadRune(); err != nil {
				return failed(etf.Atom("eio"))
			}
			c, err := l.in.ReadByte() // not UTF-8: Latin-1, then
			if err != nil {
				return failed(etf.Atom("eio"))
			}
			r = rune(c)
			fallthrough
		default:
			b.WriteRune(r)
			if !last(r) {
				continue
			}
		}
		break
	}
	if b.Len() == 0 {
		return etf.Atom("eof")
	}
	return l.give(b.String(), latin1)
}

// give is text as the asker wants it.
func (l *Leader) give(s string, latin1 bool) any {
	if latin1 && strings.ContainsFunc(s, beyondLatin1) {
		return failed(etf.Tuple{etf.Atom("no_translation"), etf.Atom("unicode"), etf.Atom("latin1")})
	}
	l.mu.Lock()
	binary := l.binary
	l.mu.Unlock()
	runes := []rune(s)
	if !binary {
		list := make(etf.List, len(runes))
		for i, r := range runes {
			list[i] = int(r)
		}
		return list
	}
	if !latin1 {
		return []byte(s)
	}
	b := make([]byte, len(runes))
	for i, r := range runes {
		b[i] = byte(r)
	}
	return b
}
