// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"cmp"
	"hash/maphash"
	"math"
	"math/big"
	"slices"
)

// hashSeed is drawn once per process, so that no peer can prepare keys that collide.
var hashSeed = maphash.MakeSeed()

// keyHash is the hash of the i-th key of a map.
type keyHash struct {
	hash uint64
	i    int
}

// fewKeys is up to how many keys comparing all pairs beats hashing.
const fewKeys = 8

// duplicateKey reports whether two keys of m are =:=.
func (d *Decoder) duplicateKey(m Map) bool {
	if len(m) <= fewKeys && allScalar(m) {
		for i := range m {
			for j := range i {
				if Equal(m[i].Key, m[j].Key) {
					return true
				}
			}
		}
		return false
	}
	hashes := d.hashes[:0]
	for i := range m {
		hashes = append(hashes, keyHash{hashTerm(m[i].Key), i})
	}
	slices.SortFunc(hashes, func(a, b keyHash) int { return cmp.Compare(a.hash, b.hash) })
	d.hashes = hashes
	if cap(d.hashes) > 4096 { // do not keep what one huge map needed
		d.hashes = nil
	}
	for i := 1; i < len(hashes); i++ {
		// Neighbours are enough: equal keys share a hash, and that a different key with the same 64 bits stands between
		// them is not going to happen.
		if hashes[i].hash == hashes[i-1].hash && Equal(m[hashes[i].i].Key, m[hashes[i-1].i].Key) {
			return true
		}
	}
	return false
}

// allScalar reports whether comparing any two keys is cheap.
func allScalar(m Map) bool {
	for i := range m {
		switch k := m[i].Key.(type) {
		case Tuple, List, ImproperList, Map, Fun, Bitstring, *big.Int:
			return false
		case []byte:
			if len(k) > 256 {
				return false
			}
		}
	}
	return true
}

// hashTerm is a hash of a generic term: equal for terms that are =:=.
func hashTerm(t any) uint64 {
	switch t := t.(type) {
	case Atom:
		return maphash.String(hashSeed, string(t))
	case []byte:
		return mix(1, maphash.Bytes(hashSeed, t))
	case Bitstring:
		if t.Bits%8 == 0 {
			return hashTerm(t.Bytes)
		}
		return mix(uint64(t.Bits)+100, maphash.Bytes(hashSeed, t.Bytes))
	case int:
		return mix(2, maphash.Comparable(hashSeed, int64(t)))
	case float64:
		return mix(3, maphash.Comparable(hashSeed, math.Float64bits(t)))
	case *big.Int:
		if small, ok := canonical(t).(int); ok {
			return hashTerm(small)
		}
		return mix(4+uint64(t.Sign()+1), maphash.Bytes(hashSeed, t.Bytes()))
	case Tuple:
		return hashAll(7, t)
	case List:
		return hashAll(8, t)
	case ImproperList:
		c, ok := canonical(t).(ImproperList)
		if !ok {
			return hashTerm(canonical(t))
		}
		return mix(hashAll(9, c.Elems), hashTerm(c.Tail))
	case Map:
		var sum uint64 // of the pairs, as their order has no meaning
		for i := range t {
			sum += mix(hashTerm(t[i].Key), hashTerm(t[i].Value))
		}
		return mix(10, sum+uint64(len(t)))
	case Fun:
		return mix(hashAll(11, t.Free), maphash.Comparable(hashSeed, funID{t.Module, t.Arity, t.Uniq, t.Index}))
	case PID, Reference, Port, Export:
		return maphash.Comparable(hashSeed, t)
	}
	switch c := canonical(t).(type) {
	case Atom, []byte, int, *big.Int, float64, List:
		return hashTerm(c)
	}
	return 12 // a struct that a map was resolved to; Equal tells them apart
}

// funID is the part of a Fun that does not depend on what it closes over.
type funID struct {
	module Atom
	arity  uint8
	uniq   [16]byte
	index  uint32
}

// hashAll hashes a sequence.
func hashAll(h uint64, elems []any) uint64 {
	for _, t := range elems {
		h = mix(h, hashTerm(t))
	}
	return mix(h, uint64(len(elems)))
}

// mix combines two hashes, in order (the finisher of splitmix64 over their sum with distinct odd factors).
func mix(a, b uint64) uint64 {
	h := a*0x9E3779B97F4A7C15 + b*0xC2B2AE3D27D4EB4F + 0x165667B19E3779F9
	h = (h ^ h>>30) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>27) * 0x94D049BB133111EB
	return h ^ h>>31
}
