// SPDX-License-Identifier: Apache-2.0

package etf

// Limits bounds what one decoding may cost. A zero field stands for its default, so Limits{} is [DefaultLimits].
type Limits struct {
	// MaxDepth is how deeply terms may nest, in containers (and, decoding into Go types, pointers). Default 32768: a level costs up to about 1 kB of stack, and
	// the deepest term of OTP's that we test with has 20000. Raising it beyond 300 000 risks Go's limit of 1 GB.
	MaxDepth int
	// MaxBytes is the largest inflated size of a compressed term. Default 64 MiB. Deflate can expand a thousandfold, so
	// this is what a hostile kilobyte may cost; memory grows with what was inflated, not with what was announced.
	MaxBytes int
	// MaxElems is how many elements all lists, tuples and maps (keys and values count each) may have together.
	// Default 16 Mi, about half a gigabyte as generic terms.
	MaxElems int
}

// DefaultLimits returns the defaults that the fields of [Limits] document.
func DefaultLimits() Limits {
	return Limits{MaxDepth: 32768, MaxBytes: 64 << 20, MaxElems: 16 << 20}
}

// withDefaults replaces fields that are not positive.
func (l Limits) withDefaults() Limits {
	def := DefaultLimits()
	if l.MaxDepth <= 0 {
		l.MaxDepth = def.MaxDepth
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = def.MaxBytes
	}
	if l.MaxElems <= 0 {
		l.MaxElems = def.MaxElems
	}
	return l
}

// maxEncodeDepth bounds the encoder's recursion; it is what turns a cyclic Go value into an error.
const maxEncodeDepth = 1 << 16

// maxKeyDepth bounds how deeply composite map keys nest within map keys. The search for duplicate keys hashes each key
// whole, so without it a term of n bytes that nests in key position would cost n*n steps. OTP has no such limit, but no
// term anybody wrote comes near it.
const maxKeyDepth = 32
