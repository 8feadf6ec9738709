// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"slices"
	"strings"
)

// The rank of each kind of term in Erlang's order.
const (
	rankNumber = iota
	rankAtom
	rankRef
	rankFun
	rankPort
	rankPID
	rankTuple
	rankMap
	rankNil
	rankList
	rankBits
	rankOther // Go values that are no terms
)

// Compare orders generic terms as Erlang's < and == do: negative when a comes before b, 0 when a == b (1 == 1.0),
// positive when after. Numbers come before atoms, then references, funs, ports, pids, tuples, maps, lists, bitstrings.
// Values that are not generic terms come last and are all equal. Maps are sorted for each comparison, which for maps
// whose keys are large maps again may be slow.
func Compare(a, b any) int { return compare(a, b, false) }

// compare is Compare; exact tells 1 from 1.0, as among the keys of maps.
func compare(a, b any, exact bool) int {
	a, b = canonical(a), canonical(b)
	ra, rb := rank(a), rank(b)
	if ra != rb {
		return cmp.Compare(ra, rb)
	}
	switch ra {
	case rankNumber:
		return compareNumbers(a, b, exact)
	case rankAtom:
		return strings.Compare(string(a.(Atom)), string(b.(Atom))) // UTF-8 keeps the order of code points
	case rankRef:
		return compareRefs(a.(Reference), b.(Reference))
	case rankFun:
		return compareFuns(a, b, exact)
	case rankPort:
		x, y := a.(Port), b.(Port)
		return cmp.Or(strings.Compare(string(x.Node), string(y.Node)), cmp.Compare(x.Creation, y.Creation), cmp.Compare(x.ID, y.ID))
	case rankPID:
		x, y := a.(PID), b.(PID)
		return cmp.Or(cmp.Compare(x.Serial, y.Serial), cmp.Compare(x.ID, y.ID),
			strings.Compare(string(x.Node), string(y.Node)), cmp.Compare(x.Creation, y.Creation))
	case rankTuple:
		x, y := a.(Tuple), b.(Tuple)
		if len(x) != len(y) {
			return cmp.Compare(len(x), len(y))
		}
		return compareElems(x, y, exact)
	case rankMap:
		return compareMaps(a.(Map), b.(Map), exact)
	case rankList:
		return compareLists(a, b, exact)
	case rankBits:
		x, xn := bitsOf(a)
		y, yn := bitsOf(b)
		// The unused low bits are zero, so bytes decide first and the number of bits only between a string and its prefix.
		return cmp.Or(bytes.Compare(x, y), cmp.Compare(xn, yn))
	}
	return 0
}

// rank places the kind of a canonical term.
func rank(t any) int {
	switch t := t.(type) {
	case int, *big.Int, float64:
		return rankNumber
	case Atom:
		return rankAtom
	case Reference:
		return rankRef
	case Fun, Export:
		return rankFun
	case Port:
		return rankPort
	case PID:
		return rankPID
	case Tuple:
		return rankTuple
	case Map:
		return rankMap
	case List:
		if len(t) == 0 {
			return rankNil
		}
		return rankList
	case ImproperList:
		return rankList
	case []byte, Bitstring:
		return rankBits
	}
	return rankOther
}

// compareNumbers compares by value. When exact, integers come before floats.
func compareNumbers(a, b any, exact bool) int {
	x, xf := a.(float64)
	y, yf := b.(float64)
	switch {
	case xf && yf:
		if c := cmp.Compare(x, y); c != 0 || !exact {
			return c
		}
		return cmp.Compare(int64(math.Float64bits(x)), int64(math.Float64bits(y))) // -0.0 before 0.0
	case exact && xf != yf:
		if xf {
			return 1
		}
		return -1
	case xf:
		return -compareIntFloat(b, x)
	case yf:
		return compareIntFloat(a, y)
	}
	i, iok := a.(int)
	j, jok := b.(int)
	if iok && jok {
		return cmp.Compare(i, j)
	}
	return toBig(a).Cmp(toBig(b))
}

// compareIntFloat compares an integer with a float by their exact values: converting either would lose digits.
func compareIntFloat(i any, f float64) int {
	if n, ok := i.(int); ok && math.Abs(f) < 1<<52 {
		if n <= -1<<52 || n >= 1<<52 {
			return cmp.Compare(n, 0)
		}
		return cmp.Compare(float64(n), f)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) { // no terms, but Go values that may get here
		return -cmp.Compare(f, 0)
	}
	whole, _ := new(big.Float).SetFloat64(math.Trunc(f)).Int(nil)
	if c := toBig(i).Cmp(whole); c != 0 {
		return c
	}
	return cmp.Compare(math.Trunc(f), f)
}

// toBig widens an int.
func toBig(i any) *big.Int {
	if n, ok := i.(int); ok {
		return big.NewInt(int64(n))
	}
	return i.(*big.Int)
}

// compareElems compares up to the length of the shorter.
func compareElems(x, y []any, exact bool) int {
	for i := range min(len(x), len(y)) {
		if c := compare(x[i], y[i], exact); c != 0 {
			return c
		}
	}
	return 0
}

// compareLists compares element by element, then what is left: a tail that is no list, the end, or more elements.
func compareLists(a, b any, exact bool) int {
	x, xt := parts(a)
	y, yt := parts(b)
	if c := compareElems(x, y, exact); c != 0 {
		return c
	}
	switch {
	case len(x) < len(y):
		return cmp.Compare(rank(xt), rankList)
	case len(x) > len(y):
		return cmp.Compare(rankList, rank(yt))
	}
	return compare(xt, yt, exact)
}

// parts splits a non-empty list into elements and a tail that is no non-empty list.
func parts(t any) (elems []any, tail any) {
	if l, ok := t.(List); ok {
		return l, emptyList
	}
	l := t.(ImproperList)
	return l.Elems, canonical(l.Tail)
}

// compareMaps compares sizes, then the sorted keys, then the values in the order of the keys.
func compareMaps(x, y Map, exact bool) int {
	if len(x) != len(y) {
		return cmp.Compare(len(x), len(y))
	}
	byKey := func(p, q Pair) int { return compare(p.Key, q.Key, true) }
	x, y = slices.SortedFunc(slices.Values(x), byKey), slices.SortedFunc(slices.Values(y), byKey)
	for i := range x {
		if c := compare(x[i].Key, y[i].Key, true); c != 0 {
			return c
		}
	}
	for i := range x {
		if c := compare(x[i].Value, y[i].Value, exact); c != 0 {
			return c
		}
	}
	return 0
}

// bitsOf returns the bytes of a binary or bitstring and its size in bits.
func bitsOf(t any) ([]byte, int) {
	if b, ok := t.([]byte); ok {
		return b, 8 * len(b)
	}
	b := t.(Bitstring)
	return b.Bytes, 8*len(b.Bytes) - 8 + int(b.Bits)
}

// compareRefs orders by node, then by the words read as one number, the first word lowest. A word that is missing counts
// as zero, as in OTP.
func compareRefs(x, y Reference) int {
	if c := cmp.Or(strings.Compare(string(x.Node), string(y.Node)), cmp.Compare(x.Creation, y.Creation)); c != 0 {
		return c
	}
	for i := len(x.Words) - 1; i >= 0; i-- {
		if c := cmp.Compare(x.Words[i], y.Words[i]); c != 0 {
			return c
		}
	}
	return 0
}

// compareFuns puts local funs before external ones.
func compareFuns(a, b any, exact bool) int {
	x, xLocal := a.(Fun)
	y, yLocal := b.(Fun)
	switch {
	case xLocal && yLocal:
		return cmp.Or(strings.Compare(string(x.Module), string(y.Module)), cmp.Compare(x.OldIndex, y.OldIndex),
			cmp.Compare(x.OldUniq, y.OldUniq), cmp.Compare(x.Index, y.Index), bytes.Compare(x.Uniq[:], y.Uniq[:]),
			cmp.Compare(x.Arity, y.Arity), cmp.Compare(len(x.Free), len(y.Free)), compareElems(x.Free, y.Free, exact))
	case xLocal:
		return -1
	case yLocal:
		return 1
	}
	p, q := a.(Export), b.(Export)
	return cmp.Or(strings.Compare(string(p.Module), string(q.Module)), strings.Compare(string(p.Function), string(q.Function)),
		cmp.Compare(p.Arity, q.Arity))
}
