// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
)

func TestTermOf(t *testing.T) {
	for _, c := range []struct{ v, want any }{
		{flat{1, "a", []byte("b")}, Tuple{Atom("flat"), 1, []byte("a"), []byte("b")}},
		{&small{1, "x"}, Map{{Atom("__struct__"), Atom("etf.small")}, {Atom("a"), 1}, {Atom("b"), []byte("x")}}},
		{[]any{"s", nil, celsius{3}}, List{[]byte("s"), Atom("nil"), Tuple{Atom("celsius"), 3}}},
	} {
		got, err := TermOf(c.v)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%T: %v, want %v (%v)", c.v, got, c.want, err)
		}
	}
	_, err := TermOf(List{1, ints{F64: math.NaN()}})
	fails(t, err, "etf: [1](etf.ints).F64: Erlang has no float NaN")
}

func TestFromTerm(t *testing.T) {
	var o order
	if err := FromTerm(Map{{Atom("lines"), List{Tuple{}, Map{{Atom("qty"), Atom("x")}}}}}, &o, nil); err == nil {
		t.Error("taken")
	}
	var got line
	if err := FromTerm(Map{{Atom("qty"), int64(5)}, {Atom("sku"), "tea"}}, &got, nil); err != nil || got != (line{"tea", 5}) {
		t.Error(got, err)
	}
	err := FromTerm(Map{{Atom("lines"), List{Map{{Atom("qty"), 128}}}}}, &o, nil)
	fails(t, err, "etf: etf.order.Lines[0].Qty: 128 is out of range for int8")
	if e := (*Error)(nil); !errors.As(err, &e) || e.Offset != -1 {
		t.Errorf("%#v", e)
	}
	fails(t, FromTerm(1, nil, nil), "etf: want a pointer, got nil")
	fails(t, FromTerm(make(chan int), &o, nil), "etf: chan int: values of type chan int cannot travel")
	// The environment reaches hooks, and is forgotten afterwards.
	var seen any
	c := new(celsius)
	if err := FromTerm(Tuple{Atom("celsius"), 4}, c, func(t any) error { seen = t; return nil }); err != nil || seen == nil {
		t.Error(seen, err)
	}
	if err := FromTerm(Tuple{Atom("celsius"), 4}, c, nil); err != nil || c.tenths != 4 {
		t.Error(c, err)
	}
	// Maps that say which struct they are become it, in an any.
	var x any
	if err := FromTerm(List{generic(t, small{1, "x"})}, &x, nil); err != nil || !reflect.DeepEqual(x, List{small{1, "x"}}) {
		t.Error(x, err)
	}
	// Nothing is shared, whatever its size.
	big := make([]byte, 1<<20)
	var back []byte
	if err := FromTerm(big, &back, nil); err != nil || len(back) != len(big) {
		t.Fatal(err)
	}
	big[0] = 1
	if back[0] != 0 {
		t.Error("shared with the term")
	}
}

// To a term and back gives the same value, from many goroutines.
func TestConversionsAgree(t *testing.T) {
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			for range 300 {
				in := randomTerm(r, 3)
				term, err := TermOf(in)
				if err != nil || !Equal(term, in) {
					t.Errorf("%v became %v (%v)", in, term, err)
				}
				var out any
				if err := FromTerm(term, &out, nil); err != nil || !Equal(out, in) {
					t.Errorf("%v became %v (%v)", term, out, err)
				}
			}
		})
	}
	wg.Wait()
}
