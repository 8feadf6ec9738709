// SPDX-License-Identifier: Apache-2.0

// Package clone makes deep copies of messages by plans that are compiled once per type. It is what keeps two processes
// from sharing memory that one of them may write.
//
//	plan, err := clone.Of(reflect.TypeFor[Order]()) // once: the error names the field that cannot be copied
//	if plan.Flat() {                                 // nothing in it can be written: hand it over as it is
//		...
//	}
//	err = plan.Copy(unsafe.Pointer(&copied), unsafe.Pointer(&order))
//
// # What happens to which type
//
//   - Numbers, booleans, strings, uintptr, and arrays and structs of these are flat: never copied, only passed on.
//   - A type that has a method Immutable() in its own method set is flat. The method must be its own: one that comes from
//     an embedded field says nothing about the other fields and is ignored (name the field instead of embedding it).
//   - A type T with a method Clone() T is copied by it. A value of type T may also use Clone of *T, returning T or *T.
//   - Known as immutable: reflect.Type, time.Time, *time.Location, unique.Handle, the addresses of net/netip, fields of
//     type error, and pointers that implement error by a method of their own: an error is compared by identity
//     (errors.Is) and by convention never changed once made.
//   - Pointers, slices, maps and structs are copied with all that they hold, unexported fields too. Nil stays nil, an
//     empty slice stays empty and not nil, and the capacity of a copied slice is its length.
//   - Interfaces are copied by what they hold at run time; a plan for that is looked up then.
//   - Refused: channels, functions, unsafe.Pointer, everything in sync and sync/atomic, whatever has the methods Lock and
//     Unlock, open files and connections, strings.Builder. Immutable and Clone come first: a type with a lock inside may
//     declare itself immutable.
//
// # Shape
//
// A type that can reach itself (a list, a graph, anything that holds an interface) keeps its shape: what was shared in the
// original is shared in the copy, and a cycle stays a cycle. In all other types two pointers to one thing become two
// things. Slices count as shared when they start at the same element and have the same length; a pointer into the middle
// of a struct or slice becomes a pointer to a copy of its own. Nesting is followed 100,000 levels deep, then Copy fails
// with [ErrTooDeep] before the stack can overflow.
//
// # Concurrency
//
// Plans are immutable and shared: every function may be called from any goroutine. Nobody may write to the original
// while Copy or Size read it. A method Clone is called on the goroutine that copies; if it panics, so does Copy.
//
// # Costs
//
// Of is one lookup in a concurrent map once the type is known. A copy allocates what the copy consists of and nothing
// else: a slice of numbers is one allocation and one memmove. Maps other than those from strings or 64-bit integers to
// simple values go through package reflect (about 100 ns an entry), and so do calls of Clone. Types that can reach
// themselves pay for remembering what was seen: a scan of up to eight pointers, then a map.
package clone
