// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The vectors were made by Erlang/OTP 25 (term_to_binary, binary_to_term, sorting).

// lines calls do for each line of a file of testdata.
func lines(t testing.TB, name string, do func(line []byte)) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		do(s.Bytes())
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
}

type encodeVector struct {
	ID                         int
	Group, Src                 string
	Term                       json.RawMessage
	Default                    string
	Mv0, Mv1, Mv2              string
	Compressed1, Compressed    string
	Compressed9, Deterministic string
	DetMv2                     string `json:"det_mv2"`
}

func encodeVectors(t testing.TB) (all []encodeVector) {
	lines(t, "encode.jsonl.gz", func(line []byte) {
		var v encodeVector
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	})
	return all
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodeVectors(t *testing.T) {
	all := encodeVectors(t)
	if len(all) != 703 {
		t.Fatalf("%d vectors", len(all))
	}
	for _, v := range all {
		data := unhex(t, v.Default)
		term, n, err := DecodeTerm(data, Limits{})
		if err != nil || n != len(data) {
			t.Errorf("%d %s: %d of %d bytes, %v", v.ID, v.Src, n, len(data), err)
			continue
		}
		if v.Term != nil && string(v.Term) != "null" {
			if want := neutral(t, v.Term); !matches(term, want) {
				t.Errorf("%d %s: decoded as %v, want %v", v.ID, v.Src, term, want)
			}
		}
		// We keep the order of keys, so even the bytes of large maps must come back.
		want := v.Mv2
		if want == "" {
			want = v.Default
		}
		if v.Mv2 == "" && len(data) > 40000 {
			want = "" // the vectors have no variants of large terms; compared as terms below
		}
		got, err := Marshal(term)
		if err != nil {
			t.Errorf("%d %s: %v", v.ID, v.Src, err)
			continue
		}
		if want != "" && !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%d %s: encoded as\n%.200X, want\n%.200s", v.ID, v.Src, got, want)
		}
		again, _, err := DecodeTerm(got, Limits{})
		if err != nil || !Equal(term, again) {
			t.Errorf("%d %s: not the same after a round trip (%v)", v.ID, v.Src, err)
		}
		for _, other := range []string{v.Mv0, v.Mv1, v.Mv2, v.Compressed1, v.Compressed, v.Compressed9, v.Deterministic, v.DetMv2} {
			if other == "" {
				continue
			}
			b := unhex(t, other)
			same, n, err := DecodeTerm(b, Limits{})
			if err != nil || n != len(b) || !Equal(term, same) {
				t.Errorf("%d %s: %.80s: %v, not the same term", v.ID, v.Src, other, err)
			}
		}
	}
}

func TestDecodeVectors(t *testing.T) {
	line := 0
	lines(t, "decode.jsonl", func(b []byte) {
		line++
		var v struct {
			Name, Hex    string
			Term         json.RawMessage
			Used         int
			CanonicalMv2 string `json:"canonical_mv2"`
			Canonical    string
		}
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		data := unhex(t, v.Hex)
		term, n, err := DecodeTerm(data, Limits{})
		if line == 64 { // an arity of 256, which OTP takes but cuts to a byte
			if err == nil {
				t.Errorf("%s: taken", v.Name)
			}
			return
		}
		if err != nil || n != min(v.Used, len(data)) { // vector 60 claims more bytes than it has
			t.Errorf("%d %s: used %d of %d, %v", line, v.Name, n, v.Used, err)
			return
		}
		if want := neutral(t, v.Term); !matches(term, want) {
			t.Errorf("%d %s: %v, want %v", line, v.Name, term, want)
		}
		want := v.CanonicalMv2
		if want == "" {
			want = v.Canonical
		}
		got, err := Marshal(term)
		if _, isMap := term.(Map); isMap && err == nil { // OTP sorts the keys
			if back, _, err := DecodeTerm(unhex(t, want), Limits{}); err != nil || !Equal(back, term) {
				t.Errorf("%d %s: %v, want %v (%v)", line, v.Name, term, back, err)
			}
			return
		}
		if err != nil || !strings.EqualFold(hex.EncodeToString(got), want) {
			t.Errorf("%d %s: %X, want %s (%v)", line, v.Name, got, want, err)
		}
		d := new(Decoder)
		if data[1] == tagCompressed {
			return
		}
		d.Reset(data[1:], nil, Limits{})
		if err := d.Skip(); err != nil || d.Pos() != min(v.Used, len(data))-1 {
			t.Errorf("%d %s: skipped %d of %d, %v", line, v.Name, d.Pos()+1, v.Used, err)
		}
	})
	if line != 74 {
		t.Errorf("%d vectors", line)
	}
}

func TestRejectVectors(t *testing.T) {
	count := 0
	lines(t, "reject.jsonl", func(b []byte) {
		count++
		var v struct{ Name, Hex string }
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		if term, _, err := DecodeTerm(unhex(t, v.Hex), Limits{}); err == nil {
			t.Errorf("%s: decoded as %v", v.Name, term)
		} else if !strings.HasPrefix(err.Error(), "etf: ") || !strings.Contains(err.Error(), " at byte ") {
			t.Errorf("%s: %q", v.Name, err)
		}
		var into any
		if err := Unmarshal(unhex(t, v.Hex), &into); err == nil {
			t.Errorf("%s: unmarshalled as %v", v.Name, into)
		}
	})
	if count != 136 {
		t.Errorf("%d vectors", count)
	}
}

func TestOrderVectors(t *testing.T) {
	byID := make(map[int]any)
	for _, v := range encodeVectors(t) {
		term, _, err := DecodeTerm(unhex(t, v.Default), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		byID[v.ID] = term
	}
	var sorted []any
	var equal []bool
	lines(t, "order.jsonl", func(b []byte) {
		var v struct {
			ID int    `json:"encode_id"`
			Vs string `json:"vs_previous"`
		}
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		sorted = append(sorted, byID[v.ID])
		equal = append(equal, v.Vs == "eq")
	})
	if len(sorted) != 491 {
		t.Fatalf("%d vectors", len(sorted))
	}
	group := 0 // terms of one group are ==
	groups := make([]int, len(sorted))
	for i := range sorted {
		if !equal[i] {
			group++
		}
		groups[i] = group
	}
	for i := range sorted {
		for j := range sorted {
			want := 0
			if groups[i] != groups[j] {
				want = map[bool]int{true: -1, false: 1}[i < j]
			}
			if got := Compare(sorted[i], sorted[j]); sign(got) != want {
				t.Errorf("%.80v and %.80v: %d, want %d", sorted[i], sorted[j], got, want)
			}
		}
	}
}

func sign(i int) int { return min(1, max(-1, i)) }

// funSketch is all that the vectors' neutral form says of a fun.
type funSketch struct {
	module string
	arity  int
	free   any
}

// tooDeep stands where the vectors gave up writing down a term.
type tooDeep struct{}

// matches is Equal, but compares the funs within by what a funSketch has.
func matches(got, want any) bool {
	switch w := want.(type) {
	case tooDeep:
		return true
	case funSketch:
		f, ok := got.(Fun)
		return ok && string(f.Module) == w.module && int(f.Arity) == w.arity && matches(List(f.Free), w.free)
	case Tuple:
		g, ok := got.(Tuple)
		return ok && matchAll(g, w)
	case List:
		g, ok := got.(List)
		return ok && matchAll(g, w)
	case Map:
		g, ok := got.(Map)
		if !ok || len(g) != len(w) {
			return false
		}
		for _, p := range w {
			if v, ok := g.Get(p.Key); !ok || !matches(v, p.Value) {
				return false
			}
		}
		return true
	}
	return Equal(got, want)
}

func matchAll(got, want []any) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range want {
		if !matches(got[i], want[i]) {
			return false
		}
	}
	return true
}

// neutral reads the vectors' JSON form of a term.
func neutral(t testing.TB, raw json.RawMessage) any {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		t.Fatal(err)
	}
	get := func(i int, into any) {
		if err := json.Unmarshal(parts[i], into); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	}
	str := func(i int) (s string) { get(i, &s); return s }
	num := func(i int) (n uint64) { get(i, &n); return n }
	list := func(i int) (l []any) {
		var elems []json.RawMessage
		get(i, &elems)
		for _, e := range elems {
			l = append(l, neutral(t, e))
		}
		return l
	}
	switch kind := str(0); kind {
	case "int":
		b, ok := new(big.Int).SetString(str(1), 10)
		if !ok {
			t.Fatal(str(1))
		}
		return b
	case "float":
		u, err := strconv.ParseUint(str(1), 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return math.Float64frombits(u)
	case "atom":
		return Atom(str(1))
	case "bin":
		return unhex(t, str(1))
	case "bits":
		return Bitstring{Bytes: unhex(t, str(2)), Bits: uint8(num(1) % 8)}
	case "nil":
		return List{}
	case "list":
		l, tail := list(1), neutral(t, parts[2])
		if Equal(tail, List{}) {
			return List(l)
		}
		return canonical(ImproperList{l, tail})
	case "tuple":
		return Tuple(list(1))
	case "map":
		var pairs [][2]json.RawMessage
		get(1, &pairs)
		m := Map{}
		for _, p := range pairs {
			m = append(m, Pair{neutral(t, p[0]), neutral(t, p[1])})
		}
		return m
	case "pid":
		return PID{Node: Atom(str(1)), ID: uint32(num(2)), Serial: uint32(num(3)), Creation: uint32(num(4))}
	case "port":
		return Port{Node: Atom(str(1)), ID: num(2), Creation: uint32(num(3))}
	case "ref":
		r := Reference{Node: Atom(str(1)), Creation: uint32(num(2))}
		var words []uint32
		get(3, &words)
		r.Len = uint8(copy(r.Words[:], words))
		return r
	case "export":
		return Export{Atom(str(1)), Atom(str(2)), uint8(num(3))}
	case "fun":
		return funSketch{str(1), int(num(2)), List(list3(t, parts[3]))}
	case "too_deep":
		return tooDeep{}
	default:
		t.Fatal(fmt.Sprint("no such kind: ", kind))
		return nil
	}
}

// list3 reads the environment of a fun, a list in neutral form.
func list3(t testing.TB, raw json.RawMessage) []any {
	l, ok := neutral(t, raw).(List)
	if !ok {
		t.Fatalf("%s is no list", raw)
	}
	return l
}
