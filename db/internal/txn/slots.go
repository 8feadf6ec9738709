// SPDX-License-Identifier: Apache-2.0

package txn

import "fmt"

// Slots is how many slots the rows of the tables of one class are spread over.
const Slots = 4096

// Groups is how many groups share the slots of a class, in equal parts.
const Groups = 8

// Class is where tables are kept, and in how many copies. Its number is the upper part of the numbers of its slots: it is written down, and none is used again.
type Class uint16

// The classes that every database has from its beginning. Those of other numbers of copies follow; see ClassFor.
const (
	Disk Class = iota // log and state on the disk
	Meta              // one slot, of the meta group: what the database knows of itself
	RAM               // log and state in memory
)

// Everywhere as a number of copies: each node has one.
const Everywhere = 255

// kinds are the classes by their numbers.
var kinds = [...]struct {
	ram    bool
	copies int
}{
	Disk: {false, 3}, Meta: {false, Everywhere}, RAM: {true, 3},
	3: {false, 1}, {true, 1}, {false, 5}, {true, 5}, {false, 7}, {true, 7}, {false, Everywhere}, {true, Everywhere},
}

// ClassFor is the class of tables in memory, or on the disk, in so many copies; ok is false if there is none.
func ClassFor(ram bool, copies int) (c Class, ok bool) {
	for i, k := range kinds {
		if k.ram == ram && k.copies == copies && Class(i) != Meta {
			return Class(i), true
		}
	}
	return 0, false
}

// Classes are all classes.
func Classes() (list []Class) {
	for i := range kinds {
		list = append(list, Class(i))
	}
	return list
}

// InRAM reports whether log and state are in memory.
func (c Class) InRAM() bool { return kinds[c].ram }

// Copies is how many copies there shall be, as far as there are nodes.
func (c Class) Copies() int { return kinds[c].copies }

// MetaGroup is the group of the tables that the database keeps for itself.
const MetaGroup = 1

// first is the first group of a class.
func (c Class) first() uint64 {
	switch c {
	case Meta:
		return MetaGroup
	case Disk:
		return MetaGroup + 1
	}
	return MetaGroup + 1 + Groups*uint64(c-1)
}

// Base is the first slot of a class.
func (c Class) Base() uint16 { return uint16(c) * Slots }

// Groups lists the groups of a class.
func (c Class) Groups() (list []uint64) {
	n := uint64(Groups)
	if c == Meta {
		n = 1
	}
	for i := range n {
		list = append(list, c.first()+i)
	}
	return list
}

// ClassOf is the class of a group.
func ClassOf(group uint64) Class {
	c := Disk
	switch {
	case group == MetaGroup:
		return Meta
	case group >= RAM.first():
		c = Class((group-MetaGroup-1)/Groups) + 1
	}
	if int(c) >= len(kinds) {
		panic(fmt.Sprintf("txn: group %d is of no class", group))
	}
	return c
}

// GroupOfSlot is the group that has a slot. It is the same on every node and in every version.
func GroupOfSlot(slot uint16) uint64 {
	c := Class(slot / Slots)
	switch {
	case c == Meta:
		return MetaGroup
	case int(c) < len(kinds):
		return c.first() + uint64(slot%Slots)*Groups/Slots
	}
	panic(fmt.Sprintf("txn: slot %#x is of no class", slot))
}

// SlotsOf is the first and the last slot of a group.
func SlotsOf(group uint64) (from, to uint16) {
	c := ClassOf(group)
	if c == Meta {
		return c.Base(), c.Base()
	}
	const each = Slots / Groups
	from = c.Base() + uint16(group-c.first())*each
	return from, from + each - 1
}

// TableSlot is the slot of a table that lies in one. It is the same on every node and in every version.
func TableSlot(c Class, table uint32) uint16 {
	if c == Meta {
		return c.Base()
	}
	return c.Base() + uint16(mix(uint64(table)*0x9e3779b97f4a7c15)%Slots)
}

// PartSlot is the slot of the rows with a partition key, in all tables of a class. It is the same on every node and in every version.
func PartSlot(c Class, part []byte) uint16 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range part {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return c.Base() + uint16(mix(h)%Slots)
}

func mix(x uint64) uint64 {
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}
