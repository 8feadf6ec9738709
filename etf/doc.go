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
// docs/wire.md shows each of these as it looks in Erlang and in Elixir.
//
//	bool                     true | false
//	integers, *big.Int       integer; decoding checks the range
//	float32, float64         float; decoding takes integers too; NaN and infinities are errors
//	string                   binary, UTF-8 by custom; decoding takes a list of code points too
//	[]byte, [N]byte          binary
//	other slices, arrays     list; nil is [] and [] decodes to nil
//	map[K]V                  map; nil is #{}
//	*T                       nil is the atom nil (decoding takes undefined too), else the value
//	time.Time                Elixir's %DateTime{} in UTC; the zero Time is the atom nil
//	time.Duration            integer, nanoseconds
//	struct                   as it is registered, see below
//	error                    {error, Reason}, the reason as for exits; nil is the atom nil
//	any                      whatever it holds; decodes to a generic term, but a map whose '__struct__' is a
//	                         registered type decodes to that struct
//	other interfaces         as any; decoding needs a registered struct that has the methods
//
// So an any holds terms: a string sent in one arrives as the binary it is on the wire, []byte, an int32 as int, an error as
// the tuple {error, Reason}. Fields and messages of a Go type keep theirs. [FromTerm] makes Go values of such terms.
//
// Channels, functions, unsafe pointers, complex numbers, uintptr, unexported fields and unregistered structs are errors
// that name the field. [TermMarshaler] and [TermUnmarshaler] replace the mapping of a type.
//
// # Structs
//
// The name that a struct is registered with (banyan.RegisterType, RegisterCall, RegisterCast) says its form:
//
//	take         {take, F1, F2...}; the atom take if no field travels
//	(nothing)    #{'__struct__' => 'pkg.Type', key => F1...}
//	%Shop.Take   Elixir's %Shop.Take{}, that is '__struct__' => 'Elixir.Shop.Take'
//	{}           {F1, F2...}
//	#{}          #{key => F1...}
//	[]           the keyword list [{key, F1}...]
//
// Tuples must have all elements, as they have no room for change. In maps and keyword lists unknown keys are ignored and
// missing ones leave the zero value, so that fields can be added in a rolling upgrade. A map without '__struct__' is taken
// for any struct that travels as a map, one with another is refused. In keyword lists the first of equal keys counts and a
// bare atom is {Atom, true}. Keys are the names in snake_case.
//
// # Tags
//
// A field's tag is its key, may be nothing, and then options: `etf:"user_name,required"`, `etf:",charlist"`. The tag "-" keeps
// the field at home. One of these options says how the value is represented. On a pointer, slice, array or map it holds for
// what is in it.
//
//	charlist                       a string as the list of its code points
//	atom                           a string as an atom
//	text                           an encoding.TextMarshaler (netip.Addr, many UUIDs) as a binary of its text
//	tuple, map, keyword, record=x  a struct, registered or not, in that form; tuple: an array; keyword: a map
//	datetime                       a time.Time as {{Year, Month, Day}, {Hour, Minute, Second}} in UTC
//	unix, unix_ms, unix_us,        a time.Time as an integer, in seconds, milliseconds, microseconds or nanoseconds
//	  unix_ns                      since 1970
//	s, ms, us                      a time.Duration in seconds, milliseconds, microseconds
//
// What a unit cannot count is cut off. Times are read in any form, but integers only with an option that says the unit.
// Others say what becomes of the zero value (for slices and maps: of no elements):
//
//	omitempty                      the key is left out
//	nil, undefined                 that atom stands for it; as with omitempty, decoding takes both
//	required                       a missing key is an error
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
// when the bytes for all elements it and those around it promise are there, see [Limits]; an element then costs the size
// of its Go type, however few bytes it came in. Nothing decoded aliases the
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
// Go maps use reflection. A generic term costs at most some 30 times its encoded size. A time.Time costs
// some 230 bytes as a DateTime, 90 with an atom table, and 10 with an option unix_*. [TermOf] and [FromTerm] encode and decode.
package etf
