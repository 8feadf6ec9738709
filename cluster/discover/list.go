// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"context"
	"os"
	"strings"
)

// Static is a fixed list of addresses, host:port or host for the default port.
func Static(addrs ...string) List { return addrs }

// List is what Static makes.
type List []string

// Discover finds them, once.
func (l List) Discover(_ context.Context, found func([]string)) error {
	found(l)
	return nil
}

// Env is the name of an environment variable with addresses, separated by commas or spaces. It is read once; unset, it finds
// nothing.
type Env string

// Discover finds them, once.
func (e Env) Discover(_ context.Context, found func([]string)) error {
	found(split(os.Getenv(string(e))))
	return nil
}

// split gives the words of a text, which ends at commas and blanks; what follows a # in a line is left out.
func split(text string) (words []string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words = append(words, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })...)
	}
	return words
}
