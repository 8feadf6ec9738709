// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/banyan-go/banyan/etf"
)

// The cases of bad_dist_structure of OTP's distribution_SUITE, made by rule: each operation with an element too few, an
// element too many, and each of its elements as a term that cannot stand there.
func TestBadStructures(t *testing.T) {
	name, reason := etf.Atom("x"), etf.Atom("why")
	mfa := etf.Tuple{etf.Atom("m"), etf.Atom("f"), 2}
	// free are the places where any term may stand: a trace token, a reason.
	for _, c := range []struct {
		term etf.Tuple
		free []int
	}{
		{etf.Tuple{1, theirs, ours}, nil},
		{etf.Tuple{2, none, ours}, nil},
		{etf.Tuple{3, theirs, ours, reason}, []int{3}},
		{etf.Tuple{6, theirs, none, name}, nil},
		{etf.Tuple{7, third, ours}, nil},
		{etf.Tuple{8, theirs, ours, reason}, []int{3}},
		{etf.Tuple{12, none, ours, token}, []int{3}},
		{etf.Tuple{13, theirs, ours, token, reason}, []int{3, 4}},
		{etf.Tuple{16, theirs, none, name, token}, []int{4}},
		{etf.Tuple{18, theirs, ours, token, reason}, []int{3, 4}},
		{etf.Tuple{19, theirs, ours, ref}, nil},
		{etf.Tuple{19, theirs, name, ref}, nil},
		{etf.Tuple{20, theirs, ours, ref}, nil},
		{etf.Tuple{21, theirs, ours, ref, reason}, []int{4}},
		{etf.Tuple{22, theirs, ours}, nil},
		{etf.Tuple{23, theirs, ours, token}, []int{3}},
		{etf.Tuple{24, theirs, ours}, nil},
		{etf.Tuple{25, theirs, ours, token}, []int{3}},
		{etf.Tuple{26, theirs, ours}, nil},
		{etf.Tuple{27, theirs, ours, token}, []int{3}},
		{etf.Tuple{28, theirs, ours, ref}, nil},
		{etf.Tuple{29, ref, theirs, third, mfa, etf.List{}}, nil},
		{etf.Tuple{30, ref, theirs, third, mfa, etf.List{}, token}, []int{6}},
		{etf.Tuple{31, ref, ours, 3, theirs}, nil},
		{etf.Tuple{32, ref, ours, 0, etf.Atom("notsup"), token}, []int{5}},
		{etf.Tuple{33, theirs, ref}, nil},
		{etf.Tuple{34, theirs, ref, token}, []int{3}},
		{etf.Tuple{35, 7, theirs, ours}, nil},
		{etf.Tuple{36, 7, theirs, ours}, nil},
	} {
		if _, err := decode(t, c.term); err != nil {
			t.Errorf("the right %s: %v", etf.Format(c.term), err)
		}
		refused := func(what string, bad etf.Tuple) {
			t.Helper()
			if m, err := decode(t, bad); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %s was taken: %+v, %v", what, etf.Format(bad), m.Signal, err)
			}
		}
		refused("one too few", c.term[:len(c.term)-1])
		refused("one too many", append(slices.Clone(c.term), etf.Atom("more")))
		for i := 1; i < len(c.term); i++ {
			for _, wrong := range []any{1.5, []byte("x"), etf.Tuple{}, etf.Map{}, etf.ImproperList{Elems: []any{1}, Tail: 2}, etf.Port{Node: "a@h", ID: 1}, etf.Bitstring{Bytes: []byte{0x80}, Bits: 1}} {
				bad := slices.Clone(c.term)
				bad[i] = wrong
				if slices.Contains(c.free, i) {
					if _, err := decode(t, bad); err != nil {
						t.Errorf("%s, where any term may stand: %v", etf.Format(bad), err)
					}
					continue
				}
				refused(fmt.Sprint("element ", i+1), bad)
			}
		}
	}
}
