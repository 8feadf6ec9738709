// SPDX-License-Identifier: Apache-2.0

package term

import (
	"strconv"
	"strings"
)

// Atom is an Erlang atom: a constant whose value is its own name. At most 255 characters.
type Atom string

// PID identifies one process of one incarnation of one node, for ever. The zero PID names no process.
type PID struct {
	Node     Atom
	ID       uint32
	Serial   uint32
	Creation uint32
}

// IsZero reports whether p names no process.
func (p PID) IsZero() bool { return p == PID{} }

// String is <node.id.serial/creation>.
func (p PID) String() string {
	var b strings.Builder
	b.WriteByte('<')
	b.WriteString(string(p.Node))
	b.WriteByte('.')
	b.WriteString(strconv.FormatUint(uint64(p.ID), 10))
	b.WriteByte('.')
	b.WriteString(strconv.FormatUint(uint64(p.Serial), 10))
	b.WriteByte('/')
	b.WriteString(strconv.FormatUint(uint64(p.Creation), 10))
	b.WriteByte('>')
	return b.String()
}

// Reference is an Erlang reference: unique among all made by one incarnation of a node.
// Invariant: words past Len are zero, so that == is equality of references.
type Reference struct {
	Node     Atom
	Creation uint32
	Len      uint8 // words in use, 0 to 5
	Words    [5]uint32
}

// IsZero reports whether r is no reference at all.
func (r Reference) IsZero() bool { return r == Reference{} }

// String is #Ref<node/creation.w0.w1...>.
func (r Reference) String() string {
	var b strings.Builder
	b.WriteString("#Ref<")
	b.WriteString(string(r.Node))
	b.WriteByte('/')
	b.WriteString(strconv.FormatUint(uint64(r.Creation), 10))
	for _, w := range r.Words[:min(int(r.Len), len(r.Words))] {
		b.WriteByte('.')
		b.WriteString(strconv.FormatUint(uint64(w), 10))
	}
	b.WriteByte('>')
	return b.String()
}

// Port is an Erlang port. Banyan makes none; it carries those of Erlang nodes.
type Port struct {
	Node     Atom
	ID       uint64
	Creation uint32
}

// String is #Port<node.id/creation>.
func (p Port) String() string {
	return "#Port<" + string(p.Node) + "." + strconv.FormatUint(p.ID, 10) + "/" + strconv.FormatUint(uint64(p.Creation), 10) + ">"
}
