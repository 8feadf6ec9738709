// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"encoding/json"
	"testing"
	"time"
)

// seeds adds the smaller vectors to a fuzz corpus.
func seeds(f *testing.F) {
	for _, name := range []string{"decode.jsonl", "reject.jsonl"} {
		lines(f, name, func(line []byte) {
			var v struct{ Hex string }
			if err := json.Unmarshal(line, &v); err != nil {
				f.Fatal(err)
			}
			f.Add(unhex(f, v.Hex))
		})
	}
	for _, v := range encodeVectors(f) {
		if len(v.Default) < 400 {
			f.Add(unhex(f, v.Default))
		}
	}
	for _, v := range []any{order{Extra: small{}}, tree{Kids: []tree{{}}}, flat{}, ints{}, anyKeys{map[any]int{"x": 1}}, profile{At: noon, Flags: map[string]int{"a": 1}}, settings{Name: "x"}, holder{S: square{1}}, optional{}, noon} {
		data, err := Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// What decodes must encode, and decode again to the same term; Skip must agree on its length.
func FuzzDecodeTerm(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		lim := Limits{MaxDepth: 1000, MaxBytes: 1 << 20}
		v, n, err := DecodeTerm(data, lim)
		if err != nil {
			return
		}
		if data[1] != tagCompressed {
			var d Decoder
			d.Reset(data[1:], nil, lim)
			if err := d.Skip(); err != nil || d.Pos() != n-1 {
				t.Fatalf("Skip took %d of %d: %v", d.Pos(), n-1, err)
			}
		}
		again, err := Marshal(v)
		if err != nil {
			t.Fatalf("%v does not encode: %v", v, err)
		}
		w, n, err := DecodeTerm(again, lim)
		if err != nil || n != len(again) || !Equal(v, w) || Compare(v, w) != 0 {
			t.Fatalf("%v became %v: %v", v, w, err)
		}
	})
}

// What decodes into a Go type must encode and decode again.
func FuzzInto(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, into := range []func() any{
			func() any { return new(order) }, func() any { return new(tree) }, func() any { return new(flat) }, func() any { return new(ints) },
			func() any { return new(anyKeys) }, func() any { return new([]string) }, func() any { return new(map[string]any) },
			func() any { return new([3]*float32) }, func() any { return new(celsius) }, func() any { return new(any) }, func() any { return new([][]byte) },
			func() any { return new(profile) }, func() any { return new(settings) }, func() any { return new(holder) }, func() any { return new(optional) },
			func() any { return new(time.Time) }, func() any { return new(error) }, func() any { return new(user) }, func() any { return new(chain) },
		} {
			p := into()
			if Unmarshal(data, p) != nil {
				continue
			}
			again, err := Marshal(p)
			if err != nil {
				t.Fatalf("%T %v does not encode: %v", p, p, err)
			}
			if err := Unmarshal(again, into()); err != nil {
				t.Fatalf("%T %v: %v", p, p, err)
			}
		}
	})
}

// What decodes into a Go type must do so from the generic term as well, and with the same result.
func FuzzFromTerm(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		term, _, err := DecodeTerm(data, Limits{MaxDepth: 1000, MaxBytes: 1 << 20})
		if err != nil {
			return
		}
		Format(term)
		for _, into := range []func() any{func() any { return new(profile) }, func() any { return new(settings) }, func() any { return new(optional) },
			func() any { return new(order) }, func() any { return new(time.Time) }, func() any { return new(any) }} {
			p := into()
			if FromTerm(term, p, nil) != nil {
				continue
			}
			again, err := TermOf(p)
			if err != nil {
				t.Fatalf("%T %v has no term: %v", p, p, err)
			}
			q := into()
			if err := FromTerm(again, q, nil); err != nil {
				t.Fatalf("%T %v: %v", p, p, err)
			}
			if last, err := TermOf(q); err != nil || !Equal(last, again) {
				t.Fatalf("%T: %s became %s (%v)", p, Format(again), Format(last), err)
			}
		}
	})
}
