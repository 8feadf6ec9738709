// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// A control message and its payload, written and read piece by piece as dist does.
func TestPiecewise(t *testing.T) {
	from := PID{Node: "a@h", ID: 1, Serial: 2, Creation: 3}
	ref := Reference{Node: "a@h", Creation: 3, Len: 3, Words: [5]uint32{1, 2, 3}}
	var table AtomTable
	var e Encoder
	e.Reset([]byte("head"), &table)
	e.Tuple(3)
	e.Int(6)
	e.PID(from)
	e.Atom("rex")
	e.List(2)
	e.Uint(1 << 63)
	e.Float(1.5)
	e.Nil()
	e.List(0)
	e.Nil()
	e.Map(1)
	e.Ref(ref)
	e.Port(Port{Node: "a@h", ID: 7, Creation: 3})
	e.Binary([]byte{1, 2})
	e.String("str")
	e.Bool(true)
	e.Raw([]byte{tagNil})
	if err := e.Pointer(&flat{ID: 1}); err != nil || e.Err() != nil {
		t.Fatal(err, e.Err())
	}
	if want := []Atom{"a@h", "rex", "true", "flat"}; fmt.Sprint(table.Atoms()) != fmt.Sprint(want) {
		t.Fatal(table.Atoms())
	}
	data := e.Bytes()[4:]
	if string(e.Bytes()[:4]) != "head" {
		t.Fatal("the prefix is gone")
	}

	var d Decoder
	d.Reset(data, table.Atoms(), Limits{})
	check := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: %v, want %v (%v)", what, got, want, err)
		}
	}
	n, err := d.TupleHeader()
	check("tuple", n, 3, err)
	i, err := d.Int()
	check("int", i, 6, err)
	mark := d.Pos()
	if _, err := d.Atom(); err == nil || !strings.Contains(err.Error(), "want atom, got pid") || d.Pos() != mark {
		t.Fatal(err, d.Pos())
	}
	p, err := d.PID()
	check("pid", p, from, err)
	a, err := d.Atom()
	check("atom", a, "rex", err)
	n, err = d.ListHeader()
	check("list", n, 2, err)
	u, err := d.Uint()
	check("uint", u, uint64(1<<63), err)
	f, err := d.Float()
	check("float", f, 1.5, err)
	check("list end", nil, nil, d.ListEnd())
	if d.Peek() != KindNil {
		t.Fatal(d.Peek())
	}
	n, err = d.ListHeader()
	check("empty list", n, 0, err)
	n, err = d.MapHeader()
	check("map", n, 1, err)
	r, err := d.Ref()
	check("ref", r, ref, err)
	check("skip the port", nil, nil, d.Skip())
	b, err := d.Bytes()
	check("bytes", b, []byte{1, 2}, err)
	b, err = d.Bytes()
	check("string", string(b), "str", err)
	v, err := d.Term()
	check("bool", v, "true", err)
	check("raw", nil, nil, d.ListEnd())
	if !bytes.Equal(d.Rest(), data[d.Pos():]) || d.Len() != len(d.Rest()) {
		t.Fatal("Rest")
	}
	var got flat
	check("flat", nil, nil, d.Into(&got))
	if d.Len() != 0 || d.Peek() != KindInvalid || got.ID != 1 {
		t.Fatal(d.Len(), got)
	}
}

func TestAtomTable(t *testing.T) {
	var table AtomTable
	for round := range 3 {
		for i := range 255 {
			if got, ok := table.Index(Atom(fmt.Sprint("atom", i))); !ok || int(got) != i {
				t.Fatalf("round %d: %d is at %d, %v", round, i, got, ok)
			}
		}
		for i := 254; i >= 0; i-- {
			if got, ok := table.Index(Atom(fmt.Sprint("atom", i))); !ok || int(got) != i {
				t.Fatalf("round %d: %d is at %d the second time, %v", round, i, got, ok)
			}
		}
		if _, ok := table.Index("one too many"); ok || len(table.Atoms()) != 255 {
			t.Fatal("256 references")
		}
		// The encoder then writes the atom in full, and knows the others still.
		var e Encoder
		e.Reset(nil, &table)
		e.Atom("one too many")
		e.Atom("atom254")
		if want := "\x77\x0cone too many\x52\xfe"; string(e.Bytes()) != want {
			t.Fatalf("%q", e.Bytes())
		}
		table.Reset()
		if len(table.Atoms()) != 0 {
			t.Fatal("Reset")
		}
	}
	if _, ok := table.Index(Atom(strings.Repeat("x", 256))); ok {
		t.Fatal("took an atom of 256 characters")
	}
	if _, ok := table.Index("\xff"); ok {
		t.Fatal("took invalid UTF-8")
	}
}

// A fun that came with cache references goes out in full where there is no cache.
func TestFunLeavesTheCache(t *testing.T) {
	fun := Fun{Module: "m", Arity: 1, Index: 2, OldIndex: 3, OldUniq: 1 << 27, Creator: PID{Node: "a@h", ID: 1}, Free: []any{Atom("x"), 2}}
	fun.Uniq[3] = 9
	var table AtomTable
	var e Encoder
	e.Reset(nil, &table)
	if err := e.Term(fun); err != nil {
		t.Fatal(err)
	}
	var d Decoder
	d.Reset(e.Bytes(), table.Atoms(), Limits{})
	got, err := d.Term()
	if err != nil || !Equal(got, fun) {
		t.Fatal(got, err)
	}
	full, err := Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := DecodeTerm(full, Limits{})
	if err != nil || !Equal(again, fun) {
		t.Fatal(again, err)
	}
	d.Reset(e.Bytes(), nil, Limits{})
	if _, err := d.Term(); err == nil {
		t.Fatal("a cache reference without a cache was taken")
	}
}
