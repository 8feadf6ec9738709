// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"fmt"
	"slices"
)

// Hold is a time during which somebody believed to be the only holder of a name.
type Hold struct {
	Name     string
	Holder   string
	Token    uint64 // the fencing token of the grant
	From, To int64  // To is when it knew that it holds it no more; MaxInt64: it still does
}

// Holds checks that no name had two holders at a time, and that its token rises with each grant. One holder may report one grant
// in several pieces.
func Holds(history []Hold) error {
	sorted := slices.Clone(history)
	slices.SortFunc(sorted, func(a, b Hold) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	for i := range sorted[:max(len(sorted)-1, 0)] {
		a, b := &sorted[i], &sorted[i+1]
		if a.Name != b.Name {
			continue
		}
		if a.Holder == b.Holder && a.Token == b.Token {
			b.From, b.To = a.From, max(a.To, b.To) // what comes next must be behind both
			continue
		}
		if b.From < a.To {
			return fmt.Errorf("%s had two holders: %+v and %+v", a.Name, *a, *b)
		}
		if b.Token <= a.Token {
			return fmt.Errorf("the token of %s did not rise: %+v, then %+v", a.Name, *a, *b)
		}
	}
	return nil
}
