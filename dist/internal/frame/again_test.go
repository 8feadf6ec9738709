// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/banyan-go/banyan/etf"
)

// Lists of atoms that come again, between others that push theirs out of their slots.
func TestCachesAgreeOnRepetitions(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	out, in := NewOutCache(), new(InCache)
	var lists [4][]etf.Atom
	for i := range lists {
		for j := range i + 1 {
			lists[i] = append(lists[i], etf.Atom(fmt.Sprintf("list%d_%d", i, j)))
		}
	}
	var got []etf.Atom
	for i := range 20000 {
		atoms := lists[rnd.IntN(len(lists))]
		if rnd.IntN(4) == 0 {
			atoms = nil
			for range 200 {
				atoms = append(atoms, etf.Atom(fmt.Sprintf("flood%d", rnd.IntN(10000))))
			}
		}
		for range 1 + rnd.IntN(3) {
			h := out.AppendHeader(nil, atoms)
			var n int
			var err error
			if got, n, err = in.ParseHeader(append(h, 99, 99), got); err != nil || n != len(h) || !slices.Equal(got, atoms) {
				t.Fatalf("message %d: %v, %d of %d\n got %q\nwant %q", i, err, n, len(h), got, atoms)
			}
		}
	}
}

// A header means what its slots hold now, also if it was read before.
func TestHeaderAgainAfterAChange(t *testing.T) {
	in := new(InCache)
	read := func(h string) string {
		atoms, _, err := in.ParseHeader([]byte(h), nil)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(atoms)
	}
	read("\x01\x08\x05\x01x")
	read("\x01\x00\x05")
	read("\x01\x08\x05\x01y")
	if got := read("\x01\x00\x05"); got != "[y]" {
		t.Errorf("got %s, want y, which is in slot 5 now", got)
	}
}
