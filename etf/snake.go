// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"strings"
	"unicode"
)

// snake turns a Go name into Erlang's way of writing: OrderID is order_id, HTTPServer http_server, SKU sku.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' {
			// A word begins at a capital after a small letter or digit, and at the last capital of several if a small
			// letter follows it.
			if !unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
