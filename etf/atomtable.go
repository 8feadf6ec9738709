// SPDX-License-Identifier: Apache-2.0

package etf

// maxHeaderAtoms is how many references one distribution header can hold: their number is a byte, and 255 of them
// have the indices 0 to 254.
const maxHeaderAtoms = 255

// linearAtoms is up to how many atoms a scan beats a map. Comparing two Go strings looks at the lengths first and finds
// equal pointers before it compares bytes, so a scan over few atoms that mostly are constants is a few nanoseconds.
const linearAtoms = 16

// AtomTable collects the atoms of one distribution message in the order of their first use. The terms then hold
// ATOM_CACHE_REF i; the header, which dist builds afterwards, lists the atoms. Zero value ready, one goroutine at a time.
type AtomTable struct {
	list  []Atom
	index map[Atom]byte // of all in list; filled only once list outgrows a scan
}

// Reset empties the table for the next message. What was allocated is kept; so are, until overwritten, the strings.
func (t *AtomTable) Reset() {
	if len(t.list) > linearAtoms {
		clear(t.index)
	}
	t.list = t.list[:0]
}

// Index returns the reference number of a and takes it into the table if it is new. ok is false when the table is full
// or a is no valid atom; it must then be written out in full (where an invalid one is reported).
func (t *AtomTable) Index(a Atom) (i byte, ok bool) {
	if len(t.list) <= linearAtoms {
		for i, have := range t.list {
			if have == a {
				return byte(i), true
			}
		}
	} else if i, ok := t.index[a]; ok {
		return i, true
	}
	if len(t.list) >= maxHeaderAtoms || !t.stoodHere(a) && !validAtom(string(a)) {
		return 0, false
	}
	t.list = append(t.list, a)
	switch n := len(t.list); {
	case n == linearAtoms+1:
		if t.index == nil {
			t.index = make(map[Atom]byte, maxHeaderAtoms)
		}
		for i, have := range t.list {
			t.index[have] = byte(i)
		}
	case n > linearAtoms:
		t.index[a] = byte(n - 1)
	}
	return byte(len(t.list) - 1), true
}

// stoodHere reports whether a has the place that it would get now in the message before, where it was found to be valid. One
// message is much like the next.
func (t *AtomTable) stoodHere(a Atom) bool {
	n := len(t.list)
	return n < cap(t.list) && t.list[:n+1][n] == a // a place that was never used holds the empty atom, which is valid
}

// Atoms returns the atoms in order. The slice is valid until the next call of Reset or Index and must not be changed.
func (t *AtomTable) Atoms() []Atom { return t.list }
