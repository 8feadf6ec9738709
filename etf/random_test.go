// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// randomTerm makes a generic term in the form that decoding gives.
func randomTerm(r *rand.Rand, depth int) any {
	kinds := 15
	if depth <= 0 {
		kinds = 10
	}
	elems := func() (l []any) {
		for range r.IntN(5) {
			l = append(l, randomTerm(r, depth-1))
		}
		return l
	}
	switch r.IntN(kinds) {
	case 0:
		return r.IntN(256)
	case 1:
		return int(r.Uint64()) >> r.IntN(64)
	case 2:
		b := new(big.Int).Lsh(big.NewInt(int64(r.Uint64()|1<<63)), uint(1+r.IntN(3000)))
		return b.Add(b, big.NewInt(r.Int64()))
	case 3:
		for {
			if f := math.Float64frombits(r.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
				return f
			}
		}
	case 4:
		return randomAtom(r)
	case 5:
		return randomBytes(r, 40)
	case 6:
		b := append(randomBytes(r, 10), byte(r.Uint32()))
		bits := uint8(1 + r.IntN(7))
		b[len(b)-1] &= 0xFF << (8 - bits)
		return Bitstring{b, bits}
	case 7:
		return PID{Node: randomNode(r), ID: r.Uint32N(3), Serial: r.Uint32N(3), Creation: 1 + r.Uint32N(3)}
	case 8:
		ref := Reference{Node: randomNode(r), Creation: 1 + r.Uint32N(3), Len: uint8(1 + r.IntN(5))}
		for i := range ref.Len {
			ref.Words[i] = r.Uint32N(3)
		}
		return ref
	case 9:
		if r.IntN(2) == 0 {
			return Port{Node: randomNode(r), ID: r.Uint64() >> r.IntN(64), Creation: 1 + r.Uint32N(3)}
		}
		return Export{randomAtom(r), randomAtom(r), uint8(r.Uint32())}
	case 10:
		return Tuple(elems())
	case 11:
		return List(elems())
	case 12:
		l := List{}
		for range r.IntN(20) {
			l = append(l, r.IntN(256))
		}
		return l
	case 13:
		if l := elems(); len(l) > 0 {
			return ImproperList{l, randomAtom(r)}
		}
		return List{}
	}
	m := Map{}
	for range r.IntN(40 / (4 - min(3, depth))) {
		k := randomTerm(r, depth-1)
		if _, ok := m.Get(k); !ok {
			m = append(m, Pair{k, randomTerm(r, depth-1)})
		}
	}
	return m
}

// randomNode is one of few, so that the order of identifiers does not depend on the node alone.
func randomNode(r *rand.Rand) Atom { return [...]Atom{"a@h", "n@h", "n@i"}[r.IntN(3)] }

func randomAtom(r *rand.Rand) Atom {
	letters := []rune("abcxyz_@ÅßλЖ語😁")
	s := make([]rune, r.IntN(12))
	for i := range s {
		s[i] = letters[r.IntN(len(letters))]
	}
	return Atom(s)
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, r.IntN(n))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestRandomTerms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var prev any = 0
	for range 3000 {
		v := randomTerm(r, 3)
		data, err := Marshal(v)
		if err != nil {
			t.Fatalf("%v: %v", v, err)
		}
		got, n, err := DecodeTerm(data, Limits{})
		if err != nil || n != len(data) || !Equal(got, v) || !Equal(v, got) || Compare(got, v) != 0 || hashTerm(got) != hashTerm(v) {
			t.Fatalf("%v became %v (%d of %d bytes, %v)", v, got, n, len(data), err)
		}
		if again, err := Marshal(got); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v: other bytes the second time (%v)", v, err)
		}
		// The same with an atom cache, and skipped.
		var e Encoder
		var table AtomTable
		e.Reset(nil, &table)
		if err := e.Term(v); err != nil {
			t.Fatal(err)
		}
		var d Decoder
		d.Reset(e.Bytes(), table.Atoms(), Limits{})
		got, err = d.Term()
		if err != nil || d.Len() != 0 || !Equal(got, v) {
			t.Fatalf("%v became %v with a cache (%v)", v, got, err)
		}
		d.SetPos(0)
		if err := d.Skip(); err != nil || d.Len() != 0 {
			t.Fatalf("%v: skipping left %d bytes (%v)", v, d.Len(), err)
		}
		// Equal and Compare agree, and Compare is antisymmetric.
		if c := Compare(v, prev); sign(c) != -sign(Compare(prev, v)) || c != 0 && Equal(v, prev) {
			t.Fatalf("%v and %v: %d", v, prev, c)
		}
		if m, ok := v.(Map); ok {
			shuffled := append(Map(nil), m...)
			r.Shuffle(len(m), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if !Equal(m, shuffled) || Compare(m, shuffled) != 0 || hashTerm(m) != hashTerm(shuffled) {
				t.Fatalf("the order of keys shows in %v", m)
			}
		}
		prev = v
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b  any
		equal bool
	}{
		{1, 1.0, false}, {0.0, math.Copysign(0, -1), false}, {1, int8(1), true}, {uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64), true},
		{big.NewInt(7), 7, true}, {"x", []byte("x"), true}, {List{}, List(nil), true}, {[]any{1}, List{1}, true}, {List{1}, Tuple{1}, false},
		{true, Atom("true"), true}, {nil, Atom("nil"), true}, {Atom("a"), []byte("a"), false}, {ImproperList{[]any{1}, List{2}}, List{1, 2}, true},
		{Map{{1, 2}}, Map{{1.0, 2}}, false}, {Map{{1, 2}}, Map{{1, 3}}, false}, {Map{{1, 2}}, Map{}, false},
		{Fun{Module: "m", Free: []any{1}}, Fun{Module: "m", Free: []any{1}}, true}, {Fun{Module: "m"}, Fun{Module: "n"}, false},
		{Bitstring{[]byte{1}, 8}, []byte{1}, true}, {small{1, "x"}, small{1, "x"}, true}, {small{1, "x"}, 1, false},
	} {
		if Equal(c.a, c.b) != c.equal || Equal(c.b, c.a) != c.equal {
			t.Errorf("%v and %v: want %v", c.a, c.b, c.equal)
		}
	}
}

// Terms that are made by hand need not be in the form that decoding gives: equal ones have one hash all the same.
func TestHashOfWhatIsEqual(t *testing.T) {
	for _, c := range [][2]any{
		{big.NewInt(-7), -7}, {Bitstring{[]byte{1}, 8}, []byte{1}}, {ImproperList{[]any{1}, List{2}}, List{1, 2}}, {"x", []byte("x")}, {uint8(3), 3},
		{ImproperList{[]any{1}, ImproperList{[]any{2}, Atom("c")}}, ImproperList{[]any{1, 2}, Atom("c")}}, {ImproperList{nil, Atom("x")}, Atom("x")},
		{true, Atom("true")}, {float32(0.5), 0.5}, {Tuple{[]any{big.NewInt(1)}}, Tuple{List{1}}},
	} {
		if !Equal(c[0], c[1]) || hashTerm(c[0]) != hashTerm(c[1]) || Compare(c[0], c[1]) != 0 {
			t.Errorf("%v and %v: equal %v, compare %d", c[0], c[1], Equal(c[0], c[1]), Compare(c[0], c[1]))
		}
	}
	var large, same Map
	for i := range 20 { // so many keys are matched by hash
		large, same = append(large, Pair{i, i}), append(same, Pair{big.NewInt(int64(i)), int8(i)})
	}
	if !Equal(large, same) {
		t.Error("the maps differ")
	}
}
