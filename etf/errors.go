// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"fmt"
	"strconv"
	"strings"
)

// Error is what every function of this package returns for a term or a value that it cannot take.
// Decode it with errors.As; the text is for people and may change.
type Error struct {
	// Path leads to the Go field, as shop.Order.Lines[3].Qty. Empty where no Go type is involved.
	Path string
	// Offset is the position in the input (for a compressed term: in what it inflated to), or -1 when encoding.
	Offset int
	// Reason says what is wrong.
	Reason string
	// Err is the cause, when it came from elsewhere (a TermUnmarshaler, zlib). May be nil.
	Err error
}

// Error is "etf: path: reason", or "etf: reason at byte n" where there is no path.
func (e *Error) Error() string {
	s := "etf: "
	if e.Path != "" {
		s += e.Path + ": "
	}
	s += e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Path == "" && e.Offset >= 0 {
		s += " at byte " + strconv.Itoa(e.Offset)
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// maxPath keeps the path of a deeply recursive value short, and the work to build it linear.
const maxPath = 512

// at puts segment before the path of err on the way out of a nested value.
func at(segment string, err error) error {
	e, ok := err.(*Error)
	if !ok {
		return &Error{Path: segment, Offset: -1, Reason: "cannot be converted", Err: err}
	}
	if len(e.Path) < maxPath {
		e.Path = segment + e.Path
		if len(e.Path) >= maxPath {
			e.Path = "..." + e.Path
		}
	}
	return e
}

// atType names the dynamic type of a value within an any, as in shop.Order.Extra(shop.Gift).Name.
func atType(name string, err error) error { return at("("+name+")", err) }

// outermost finishes the path of an error that leaves the package: a type at its beginning needs no parentheses.
func outermost(err error) error {
	if e, ok := err.(*Error); ok && strings.HasPrefix(e.Path, "(") {
		e.Path = strings.Replace(e.Path[1:], ")", "", 1)
	}
	return err
}

// atIndex is at("[i]", err).
func atIndex(i int, err error) error { return at("["+strconv.Itoa(i)+"]", err) }

// encodeErr is an error without a position.
func encodeErr(format string, args ...any) error {
	return &Error{Offset: -1, Reason: fmt.Sprintf(format, args...)}
}
