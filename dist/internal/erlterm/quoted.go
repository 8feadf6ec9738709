// SPDX-License-Identifier: Apache-2.0

package erlterm

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escapes are the letters with a meaning behind a backslash.
var escapes = map[byte]rune{'b': '\b', 'd': 127, 'e': 27, 'f': '\f', 'n': '\n', 'r': '\r', 's': ' ', 't': '\t', 'v': '\v'}

// quoted reads from one quote to the next.
func (p *parser) quoted(quote byte) (string, error) {
	var out strings.Builder
	for at := 1; at < len(p.rest); {
		switch c := p.rest[at]; c {
		case quote:
			p.skip(at + 1)
			return out.String(), nil
		case '\\':
			r, n := escape(p.rest[at+1:])
			if n == 0 {
				return "", p.fault("an escape that is none: %s", strconv.Quote(p.rest[at:min(at+4, len(p.rest))]))
			}
			out.WriteRune(r)
			at += 1 + n
		default:
			out.WriteByte(c)
			at++
		}
	}
	return "", p.fault("the quote %c is not closed", quote)
}

// escape reads what follows a backslash; n is how long it was, 0 if it is none.
func escape(s string) (r rune, n int) {
	if s == "" {
		return 0, 0
	}
	switch c := s[0]; {
	case c >= '0' && c <= '7':
		for n < min(len(s), 3) && s[n] >= '0' && s[n] <= '7' {
			r = r*8 + rune(s[n]-'0')
			n++
		}
		return r, n
	case c == 'x':
		return hex(s)
	case c == '^' && len(s) > 1 && s[1] >= '@' && s[1] <= '_':
		return rune(s[1] - '@'), 2
	case escapes[c] != 0:
		return escapes[c], 1
	}
	return utf8.DecodeRuneInString(s)
}

// hex reads x41 or x{1F4}.
func hex(s string) (rune, int) {
	digits, n := "", 0
	if strings.HasPrefix(s, "x{") {
		end := strings.IndexByte(s[:min(len(s), 12)], '}')
		if end < 0 {
			return 0, 0
		}
		digits, n = s[2:end], end+1
	} else if len(s) >= 3 {
		digits, n = s[1:3], 3
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || !utf8.ValidRune(rune(v)) {
		return 0, 0
	}
	return rune(v), n
}
