// SPDX-License-Identifier: Apache-2.0

package etf

import "github.com/banyan-go/banyan/internal/term"

type (
	// Atom is an Erlang atom: at most 255 characters of valid UTF-8.
	Atom = term.Atom
	// PID identifies a process. Equality includes the creation of its node.
	PID = term.PID
	// Reference is an Erlang reference. Words past Len are zero.
	Reference = term.Reference
	// Port is an Erlang port, carried but never made here.
	Port = term.Port
	// Tuple is an Erlang tuple of any size.
	Tuple = term.Tuple
)

// List is a proper Erlang list. The empty list has length 0, nil or not.
type List []any

// ImproperList is a list whose tail is not a list, as [a, b | c]. Elems is not empty in a decoded one;
// encoding one with no elements gives just the tail.
type ImproperList struct {
	Elems []any
	Tail  any
}

// Improper gives the parts, for those who may not name the type: packages that do not know the wire.
func (l ImproperList) Improper() (elems []any, tail any) { return l.Elems, l.Tail } //lint:any terms

// Map is an Erlang map as a sequence of pairs, because terms may be keys that Go cannot hash. The order is that of the
// wire and has no meaning: [Equal] and [Compare] do not see it. Encoding does not look for duplicate keys, which a
// receiver would refuse.
type Map []Pair

// Pair is one association of a [Map].
type Pair struct{ Key, Value any }

// Get returns the value whose key is =:= to key. It looks at every pair.
func (m Map) Get(key any) (any, bool) {
	for i := range m {
		if Equal(m[i].Key, key) {
			return m[i].Value, true
		}
	}
	return nil, false
}

// Bitstring is a bitstring whose size is not a multiple of 8 (those that are, are []byte).
// Bits, 1 to 7, says how many of the last byte's high bits count; the others are zero. Encoding clears them, and takes
// Bits 0 or 8 for whole bytes, that is for a binary.
type Bitstring struct {
	Bytes []byte
	Bits  uint8
}

// Export is an external fun, as in fun lists:map/2.
type Export struct {
	Module, Function Atom
	Arity            uint8
}

// Fun is a local fun of an Erlang node. Go cannot call it; all its parts are kept, so that it can be sent back.
type Fun struct {
	Module   Atom
	Arity    uint8
	Uniq     [16]byte // checksum of the module's code
	Index    uint32   // of the fun within its module
	OldIndex int64
	OldUniq  int64
	Creator  PID   // the process that made it
	Free     []any // the values it closes over
}

// TermMarshaler replaces the way a type is encoded. The result may be a generic term or any value with a mapping.
// A value that marshals to itself ends in the error about nesting.
type TermMarshaler interface{ MarshalTerm() (any, error) }

// TermUnmarshaler replaces the way a type is decoded. t is a generic term that the receiver may keep; env is the
// Env of the [Decoder], nil outside a connection.
type TermUnmarshaler interface{ UnmarshalTerm(t any, env any) error }
