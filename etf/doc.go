// SPDX-License-Identifier: Apache-2.0

// Package etf is Erlang's external term format and the mapping between it and Go types.
//
// It exists to carry messages between nodes (package dist drives an [Encoder] and a [Decoder] over frames), and it can
// be used alone to read and write what term_to_binary writes:
//
//	data, err := etf.Marshal(etf.Tuple{etf.Atom("ok"), 42, []byte("bin")})
//	var t any
//	err = etf.Unmarshal(data, &t) // Tuple{Atom("ok"), 42, []byte("bin")}
//
// # Generic terms
//
// Without a target type a term decodes to int (or *big.Int when it does not fit), float64, [Atom], []byte, [Bitstring],
// [List], [ImproperList], [Tuple], [Map], [PID], [Reference], [Port], [Export] or [Fun]. true, false and nil stay atoms.
// An Erlang string is a List of integers, as in Erlang. All of these encode again to the same term.
//
// # Go types
//
//	bool                     true | false
//	integers, *big.Int       integer; decoding checks the range
//	float32, float64         float; decoding takes integers too; NaN and infinities are errors
//	string                   binary; decoding takes a list of code points too
//	[]byte, [N]byte          binary
//	other slices, arrays     list; nil is [] and [] decodes to nil
//	map[K]V                  map; nil is #{}
//	*T                       nil is the atom nil (decoding takes undefined too), else the value
//	time.Time                integer, nanoseconds since 1970 UTC; the zero Time is the atom undefined
//	time.Duration            integer, nanoseconds
//	registered struct        the tuple {name, F1, F2...}, or the bare atom name when it has no fields
//	struct registered        a map: '__struct__' => 'pkg.Type' and a key per field in snake_case, or as the tag
//	  without a name         `etf:"key"` says; unknown keys are ignored and missing ones leave the zero value
//	any                      whatever it holds; decodes to a generic term, but a map whose '__struct__' is a
//	                         registered type decodes to that struct
//
// A field tagged `etf:"-"` does not travel. Channels, functions, unsafe pointers, complex numbers, uintptr, unexported
// fields, interfaces other than any and unregistered structs are errors that name the field. [TermMarshaler] and
// [TermUnmarshaler] replace the mapping of a type.
//
// [TermOf] and [FromTerm] convert between Go values and generic terms by the same rules; [Format] and [Style] print terms
// in Erlang's syntax.
//
// # Concurrency
//
// [Marshal], [Append], [Unmarshal], [DecodeTerm], [TermOf], [FromTerm], [Format], [Equal] and [Compare] may be called from any goroutine. An Encoder, a
// Decoder and an [AtomTable] belong to one goroutine at a time and are meant to be reused. How a Go type travels is
// compiled once and cached for all.
//
// # Guarantees
//
// No input makes a Decoder panic, recurse without bound or allocate out of proportion: a container is only allocated
// when the bytes for all elements it and those around it promise are there, see [Limits]. Nothing decoded aliases the
// input, except what [Decoder.Bytes], [Decoder.StringBytes] and [Decoder.Rest] return. What Erlang/OTP 25 refuses is
// refused (and export arities above 255 as well). Map keys equal under =:= within one map are an error.
// Encoding follows OTP's choice of tags with UTF-8 atoms, so what was decoded generically encodes to the bytes that OTP
// would write, but for the order of map keys: a [Map] keeps its own, a Go map has none.
//
// Not guaranteed: that decoding of an aborted value leaves the target untouched, and that cyclic Go values are
// recognised as such; they end in the error about nesting.
//
// # Costs
//
// A flat struct encodes without allocation into a warm buffer and decodes with one allocation per non-empty string or
// byte slice. Atoms that come by cache reference do not allocate; others go through a small table of recent ones.
// Go maps use reflection. A generic term costs at most some 30 times its encoded size.
package etf
