// SPDX-License-Identifier: Apache-2.0

package iolib

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/banyan-go/banyan/etf"
)

// Options change how a format is evaluated.
type Options struct {
	// Limit is how many bytes of UTF-8 the text may have; 0 is 16 MiB.
	Limit int
	// Latin1 takes lists of characters beyond Latin-1 for lists of numbers, as ~tp does in an Erlang without +pc unicode.
	Latin1 bool
}

// ErrFormat is what Erlang answers with badarg: the format is none, or the arguments are not what it wants.
var ErrFormat = errors.New("bad format or arguments")

// ErrTooLong tells that the text would be longer than the limit.
var ErrTooLong = errors.New("the text is too long")

const defaultLimit = 16 << 20

// Format evaluates io_lib:format(Format, Args): format is a term (a list of characters, a binary in Latin-1, or an atom),
// or a Go string. Errors are ErrFormat and ErrTooLong.
func Format(format any, args []any, opts Options) (string, error) {
	if opts.Limit == 0 {
		opts.Limit = defaultLimit
	}
	f, err := formatChars(format)
	if err != nil {
		return "", err
	}
	e := evaluator{fmt: f, args: args, opts: opts}
	e.out.limit = opts.Limit
	for len(e.fmt) > 0 {
		c := e.fmt[0]
		e.fmt = e.fmt[1:]
		if c != '~' {
			e.out.char(c)
			continue
		}
		if err := e.directive(); err != nil {
			return "", err
		}
		if e.out.full {
			break
		}
	}
	if e.out.full {
		return "", ErrTooLong
	}
	if e.out.invalid {
		return "", fmt.Errorf("%w: a number that is no character", ErrFormat)
	}
	if len(e.args) > 0 {
		return "", fmt.Errorf("%w: %d arguments too many", ErrFormat, len(e.args))
	}
	return string(e.out.buf), nil
}

// formatChars is the format as characters.
func formatChars(format any) ([]rune, error) {
	switch f := format.(type) {
	case string:
		return []rune(f), nil
	case etf.Atom:
		return []rune(f), nil
	case []byte:
		r := make([]rune, len(f))
		for i, b := range f {
			r[i] = rune(b)
		}
		return r, nil
	case etf.List:
		var w writer
		w.limit = defaultLimit
		if err := w.chars(f, true); err != nil {
			return nil, err
		}
		if w.full || w.invalid {
			return nil, fmt.Errorf("%w: the format is no text", ErrFormat)
		}
		return []rune(string(w.buf)), nil
	}
	return nil, fmt.Errorf("%w: the format is no text", ErrFormat)
}

// evaluator is one evaluation.
type evaluator struct {
	fmt  []rune
	args []any
	opts Options
	out  writer
}

// spec is one directive. A width or precision of none was not given.
type spec struct {
	width, prec int
	left        bool
	pad         rune
	unicode     bool // modifier t
	lists       bool // modifier l: no lists as strings
}

const none = -1 << 31

// maxField bounds widths, so that sums cannot overflow; the text's limit bounds what is written.
const maxField = 1 << 30

func (e *evaluator) next() (rune, error) {
	if len(e.fmt) == 0 {
		return 0, fmt.Errorf("%w: it ends within a directive", ErrFormat)
	}
	c := e.fmt[0]
	e.fmt = e.fmt[1:]
	return c, nil
}

func (e *evaluator) peek() rune {
	if len(e.fmt) == 0 {
		return -1
	}
	return e.fmt[0]
}

func (e *evaluator) arg() (any, error) {
	if len(e.args) == 0 {
		return nil, fmt.Errorf("%w: too few arguments", ErrFormat)
	}
	a := e.args[0]
	e.args = e.args[1:]
	return a, nil
}

func (e *evaluator) intArg() (int, error) {
	a, err := e.arg()
	if err != nil {
		return 0, err
	}
	i, ok := smallInt(a)
	if !ok || i > maxField || i < -maxField {
		return 0, fmt.Errorf("%w: %s is no number of characters", ErrFormat, brief(a))
	}
	return i, nil
}

// value reads a number, or takes it from the arguments for *; none if there is neither.
func (e *evaluator) value() (int, error) {
	if e.peek() == '*' {
		e.fmt = e.fmt[1:]
		return e.intArg()
	}
	if c := e.peek(); c < '0' || c > '9' {
		return none, nil
	}
	n := 0
	for c := e.peek(); c >= '0' && c <= '9'; c = e.peek() {
		e.fmt = e.fmt[1:]
		if n = n*10 + int(c-'0'); n > maxField {
			return 0, fmt.Errorf("%w: a width of more than %d", ErrFormat, maxField)
		}
	}
	return n, nil
}

// spec reads what is between ~ and the directive's letter.
func (e *evaluator) spec() (s spec, err error) {
	s = spec{prec: none, pad: ' '}
	minus := e.peek() == '-'
	if minus {
		e.fmt = e.fmt[1:]
	}
	if s.width, err = e.value(); err != nil {
		return s, err
	}
	if minus {
		if s.width == none {
			return s, fmt.Errorf("%w: a minus without a width", ErrFormat)
		}
		s.width = -s.width
	}
	if s.width < 0 && s.width != none {
		s.width, s.left = -s.width, true
	}
	if e.peek() == '.' {
		e.fmt = e.fmt[1:]
		if s.prec, err = e.value(); err != nil {
			return s, err
		}
	}
	if e.peek() == '.' {
		e.fmt = e.fmt[1:]
		if e.peek() == '*' {
			e.fmt = e.fmt[1:]
			i, err := e.intArg()
			if err != nil {
				return s, err
			}
			s.pad = rune(i)
		} else if s.pad, err = e.next(); err != nil {
			return s, err
		}
	}
	for {
		switch e.peek() {
		case 't':
			s.unicode = true
		case 'l':
			s.lists = true
		case 'k':
		case 'K': // with the function that orders
			if _, err := e.arg(); err != nil {
				return s, err
			}
		default:
			return s, nil
		}
		e.fmt = e.fmt[1:]
	}
}

// smallInt is an integer that fits int.
func smallInt(t any) (int, bool) {
	switch t := t.(type) {
	case int:
		return t, true
	case int64:
		return int(t), int64(int(t)) == t
	case *big.Int:
		if t.IsInt64() {
			return smallInt(t.Int64())
		}
	}
	return 0, false
}

// brief is a term for an error text.
func brief(t any) string {
	s := etf.Format(t)
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return s
}
