// SPDX-License-Identifier: Apache-2.0

package erlterm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/banyan-go/banyan/etf"
)

// The bounds of what is read.
const (
	MaxSize  = 64 << 10
	MaxDepth = 32
)

// ErrSyntax is wrapped by every error of Parse.
var ErrSyntax = errors.New("erlterm: not a term")

// Parse reads the one term of text. Atoms are etf.Atom, tuples etf.Tuple, lists etf.List, "strings" string, <<"binaries">>
// []byte, and integers int64.
func Parse(text []byte) (term any, err error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrSyntax, len(text), MaxSize)
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: the file is not UTF-8", ErrSyntax)
	}
	p := &parser{rest: string(text), line: 1}
	if term, err = p.term(0); err == nil {
		err = p.want(".")
	}
	if err == nil {
		if p.space(); p.rest != "" {
			err = p.fault("there is something behind the full stop: one term is read")
		}
	}
	if err != nil {
		return nil, err
	}
	return term, nil
}

type parser struct {
	rest string
	line int
}

// fault makes an error of this line.
func (p *parser) fault(format string, args ...any) error {
	return fmt.Errorf("%w: line %d: %s", ErrSyntax, p.line, fmt.Sprintf(format, args...))
}

// skip moves over n bytes.
func (p *parser) skip(n int) {
	p.line += strings.Count(p.rest[:n], "\n")
	p.rest = p.rest[n:]
}

// space moves over blanks and comments.
func (p *parser) space() {
	for p.rest != "" {
		switch p.rest[0] {
		case ' ', '\t', '\r', '\n', '\f', '\v':
			p.skip(1)
		case '%':
			end := strings.IndexByte(p.rest, '\n')
			if end < 0 {
				end = len(p.rest)
			}
			p.skip(end)
		default:
			return
		}
	}
}

// take moves over s, if it is next.
func (p *parser) take(s string) bool {
	p.space()
	if !strings.HasPrefix(p.rest, s) {
		return false
	}
	p.skip(len(s))
	return true
}

func (p *parser) want(s string) error {
	if !p.take(s) {
		return p.fault("%q is missing before %s", s, p.here())
	}
	return nil
}

// here shows what is next.
func (p *parser) here() string {
	if p.rest == "" {
		return "the end"
	}
	r := []rune(p.rest[:min(len(p.rest), 80)])
	return strconv.Quote(string(r[:min(len(r), 12)]))
}

func (p *parser) term(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.fault("nested deeper than %d", MaxDepth)
	}
	p.space()
	if p.rest == "" {
		return nil, p.fault("a term is missing at the end")
	}
	c := p.rest[0]
	switch {
	case p.take("{"):
		elems, err := p.elems("}", depth)
		return etf.Tuple(elems), err
	case p.take("["):
		elems, err := p.elems("]", depth)
		return etf.List(elems), err
	case p.take("<<"):
		return p.binary()
	case c == '"':
		return p.str()
	case c == '\'':
		name, err := p.quoted('\'')
		return atom(p, name, err)
	case c == '-' || c == '+' || (c >= '0' && c <= '9'):
		return p.integer()
	}
	first, _ := utf8.DecodeRuneInString(p.rest)
	if unicode.IsLower(first) {
		end := strings.IndexFunc(p.rest, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '@'
		})
		if end < 0 {
			end = len(p.rest)
		}
		name := p.rest[:end]
		p.skip(end)
		return atom(p, name, nil)
	}
	return nil, p.fault("a term cannot begin with %s", p.here())
}

// elems reads what is between brackets.
func (p *parser) elems(end string, depth int) ([]any, error) {
	out := []any{}
	if p.take(end) {
		return out, nil
	}
	for {
		t, err := p.term(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		if p.take(end) {
			return out, nil
		}
		if err := p.want(","); err != nil {
			return nil, err
		}
	}
}

// atom checks a name's length.
func atom(p *parser, name string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(name) > 255 {
		return nil, p.fault("an atom of more than 255 characters")
	}
	return etf.Atom(name), nil
}

// str reads a string, and those right behind it, which Erlang joins.
func (p *parser) str() (any, error) {
	var all strings.Builder
	for {
		s, err := p.quoted('"')
		if err != nil {
			return nil, err
		}
		all.WriteString(s)
		if p.space(); !strings.HasPrefix(p.rest, `"`) {
			return all.String(), nil
		}
	}
}

// binary reads what follows <<.
func (p *parser) binary() (any, error) {
	if p.take(">>") {
		return []byte{}, nil
	}
	if p.space(); !strings.HasPrefix(p.rest, `"`) {
		return nil, p.fault("of binaries, only <<\"...\">> are read")
	}
	s, err := p.quoted('"')
	if err != nil {
		return nil, err
	}
	utf8 := p.take("/utf8")
	b := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case utf8:
			b = append(b, string(r)...)
		case r > 0xFF:
			return nil, p.fault("%q does not fit a byte: write <<\"...\"/utf8>>", r)
		default:
			b = append(b, byte(r))
		}
	}
	return b, p.want(">>")
}

// integer reads a decimal number.
func (p *parser) integer() (any, error) {
	end := 1
	for end < len(p.rest) && (p.rest[end] == '_' || (p.rest[end] >= '0' && p.rest[end] <= '9')) {
		end++
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(p.rest[:end], "_", ""), 10, 64)
	if err != nil {
		return nil, p.fault("%s is no integer of 64 bits", strconv.Quote(p.rest[:min(end, 30)]))
	}
	if end+1 < len(p.rest) && (p.rest[end] == '#' || (p.rest[end] == '.' && p.rest[end+1] >= '0' && p.rest[end+1] <= '9')) {
		return nil, p.fault("floats and numbers with a base are not read")
	}
	p.skip(end)
	return n, nil
}
