// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/banyan-go/banyan"
)

// tally is what became of all calls.
type tally struct {
	Sent, Answered, Failed int
	Doubled                int // handled more than once
	Lost                   int // answered, and not handled by anybody
	Untrue                 int // said not to have been delivered, and handled
}

// count compares how calls ended with what servers have written down.
func count(ends []end, journals []string) (t tally, err error) {
	handled := map[uint64]int{}
	for _, path := range journals {
		b, err := os.ReadFile(path)
		if err != nil {
			return t, err
		}
		if len(b)%8 != 0 {
			return t, fmt.Errorf("%s has no whole number of entries", path)
		}
		for ; len(b) > 0; b = b[8:] {
			handled[binary.BigEndian.Uint64(b)]++
		}
	}
	for _, e := range ends {
		t.Sent++
		n := handled[e.id]
		if n > 1 {
			t.Doubled++
		}
		switch {
		case e.err != nil:
			t.Failed++
			if n > 0 && errors.Is(e.err, banyan.ErrNotDelivered) {
				t.Untrue++
			}
		default:
			t.Answered++
			if n == 0 {
				t.Lost++
			}
		}
		delete(handled, e.id)
	}
	if len(handled) > 0 {
		return t, fmt.Errorf("%d calls were handled that nobody has made", len(handled))
	}
	return t, nil
}

// right reports whether no call failed and each was handled once.
func (t tally) right() bool {
	return t.Sent > 0 && t.Answered == t.Sent && t.Failed == 0 && t.Doubled == 0 && t.Lost == 0 && t.Untrue == 0
}
