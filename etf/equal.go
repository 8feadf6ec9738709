// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"reflect"
	"slices"
)

// Equal reports whether a and b are the same generic term, Erlang's =:= : 1 and 1.0 differ, and so do 0.0 and -0.0 as
// they do from OTP 27. Any Go integer type stands for its value, and []any for [List]. Values that are not generic terms
// (structs that '__struct__' gave) are compared by reflect.DeepEqual.
func Equal(a, b any) bool {
	switch x := a.(type) {
	case Atom:
		if y, ok := b.(Atom); ok {
			return x == y
		}
	case int:
		if y, ok := b.(int); ok {
			return x == y
		}
	case []byte:
		if y, ok := b.([]byte); ok {
			return bytes.Equal(x, y)
		}
	}
	x, y := canonical(a), canonical(b)
	switch x := x.(type) {
	case int:
		y, ok := y.(int)
		return ok && x == y
	case *big.Int:
		y, ok := y.(*big.Int)
		return ok && x.Cmp(y) == 0
	case List:
		y, ok := y.(List)
		return ok && slices.EqualFunc(x, y, Equal)
	case ImproperList:
		y, ok := y.(ImproperList)
		return ok && slices.EqualFunc(x.Elems, y.Elems, Equal) && Equal(x.Tail, y.Tail)
	case Bitstring:
		y, ok := y.(Bitstring)
		return ok && x.Bits == y.Bits && bytes.Equal(x.Bytes, y.Bytes)
	case Fun:
		y, ok := y.(Fun)
		return ok && x.Module == y.Module && x.Arity == y.Arity && x.Uniq == y.Uniq && x.Index == y.Index &&
			slices.EqualFunc(x.Free, y.Free, Equal)
	case Atom:
		y, ok := y.(Atom)
		return ok && x == y
	case []byte:
		y, ok := y.([]byte)
		return ok && bytes.Equal(x, y)
	case float64:
		y, ok := y.(float64)
		return ok && math.Float64bits(x) == math.Float64bits(y)
	case Tuple:
		y, ok := y.(Tuple)
		return ok && slices.EqualFunc(x, y, Equal)
	case Map:
		y, ok := y.(Map)
		return ok && equalMaps(x, y)
	case PID, Reference, Port, Export:
		return x == y
	}
	return reflect.DeepEqual(x, y)
}

// equalMaps compares maps of any order. Large ones are matched by hash.
func equalMaps(x, y Map) bool {
	if len(x) != len(y) {
		return false
	}
	if len(x) <= fewKeys {
		for i := range x {
			// The order mostly is the same.
			if Equal(x[i].Key, y[i].Key) {
				if !Equal(x[i].Value, y[i].Value) {
					return false
				}
			} else if v, ok := y.Get(x[i].Key); !ok || !Equal(x[i].Value, v) {
				return false
			}
		}
		return true
	}
	hx, hy := sortedHashes(x), sortedHashes(y)
	for i := range hx {
		if hx[i].hash != hy[i].hash {
			return false
		}
		p, q := x[hx[i].i], y[hy[i].i]
		if !Equal(p.Key, q.Key) || !Equal(p.Value, q.Value) {
			return false
		}
	}
	return true
}

// sortedHashes hashes the keys.
func sortedHashes(m Map) []keyHash {
	hashes := make([]keyHash, len(m))
	for i := range m {
		hashes[i] = keyHash{hashTerm(m[i].Key), i}
	}
	slices.SortFunc(hashes, func(a, b keyHash) int { return cmp.Compare(a.hash, b.hash) })
	return hashes
}

// canonical brings a Go value that is not quite a generic term into the form that decoding would give.
func canonical(v any) any {
	switch v := v.(type) {
	case nil:
		return Atom("nil")
	case bool:
		if v {
			return Atom("true")
		}
		return Atom("false")
	case string:
		return []byte(v)
	case []any:
		return List(v)
	case float32:
		return float64(v)
	case *big.Int:
		if v.IsInt64() && int64(int(v.Int64())) == v.Int64() {
			return int(v.Int64())
		}
	case ImproperList:
		switch tail := canonical(v.Tail).(type) {
		case List:
			return append(slices.Clip(List(v.Elems)), tail...)
		case ImproperList:
			return ImproperList{append(slices.Clip(v.Elems), tail.Elems...), tail.Tail}
		default:
			if len(v.Elems) == 0 {
				return tail
			}
		}
	case Bitstring:
		if v.Bits%8 == 0 {
			return v.Bytes
		}
	case int8, int16, int32, int64:
		i := reflect.ValueOf(v).Int()
		if int64(int(i)) == i {
			return int(i)
		}
		return big.NewInt(i)
	case uint, uint8, uint16, uint32, uint64:
		u := reflect.ValueOf(v).Uint()
		if u <= math.MaxInt {
			return int(u)
		}
		return new(big.Int).SetUint64(u)
	}
	return v
}
