// SPDX-License-Identifier: Apache-2.0

package etf

import "testing"

func TestKey(t *testing.T) {
	m := Map{{Key: Atom("a"), Value: 1}, {Key: Tuple{Map{{Key: 1, Value: 2}, {Key: 3, Value: 4}}}, Value: List{}}}
	turned := Map{{Key: Tuple{Map{{Key: 3, Value: 4}, {Key: 1, Value: 2}}}, Value: List{}}, {Key: Atom("a"), Value: int8(1)}}
	terms := []any{Atom("a"), "a", 1, 1.0, List{97}, List{}, Tuple{}, m, List{m}, ImproperList{Elems: []any{m}, Tail: m},
		PID{Node: "a@h", ID: 1, Creation: 2}, nil, true, Bitstring{Bytes: []byte{128}, Bits: 1}}
	seen := map[string]any{}
	for _, v := range terms {
		k, err := Key(v)
		if err != nil {
			t.Fatal(v, err)
		}
		if old, ok := seen[k]; ok {
			t.Errorf("%v and %v have one key", v, old)
		}
		seen[k] = v
		back, _, err := DecodeTerm([]byte(k), Limits{})
		want, _ := TermOf(v)
		if err != nil || !Equal(back, want) {
			t.Errorf("%v became %v, %v", want, back, err)
		}
	}
	k1, _ := Key(m)
	k2, _ := Key(turned)
	if k1 != k2 {
		t.Error("equal maps have two keys")
	}
	if _, err := Key(make(chan int)); err == nil {
		t.Error("a channel has a key")
	}
}
