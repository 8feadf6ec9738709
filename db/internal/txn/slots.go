// SPDX-License-Identifier: Apache-2.0

package txn

import "fmt"

// Slots is how many slots the rows of the tables of one class are spread over.
const Slots = 4096

// Groups is how many groups share the slots of a class, in equal parts.
const Groups = 8

// Class is where tables are kept. Its number is the upper part of the numbers of its slots.
type Class uint16

// The classes.
const (
	Disk Class = iota // log and state on the disk
	Meta              // one slot, of the meta group: what the database knows of itself
	RAM               // log and state in memory
)

// MetaGroup is the group of the tables that the database keeps for itself.
const MetaGroup = 1

// first is the first group of a class.
var first = [...]uint64{Disk: 2, Meta: MetaGroup, RAM: 10}

// Base is the first slot of a class.
func (c Class) Base() uint16 { return uint16(c) * Slots }

// Groups lists the groups of a class.
func (c Class) Groups() (list []uint64) {
	n := uint64(Groups)
	if c == Meta {
		n = 1
	}
	for i := range n {
		list = append(list, first[c]+i)
	}
	return list
}

// ClassOf is the class of a group.
func ClassOf(group uint64) Class {
	switch {
	case group == MetaGroup:
		return Meta
	case group >= first[RAM]:
		return RAM
	}
	return Disk
}

// GroupOfSlot is the group that has a slot. It is the same on every node and in every version.
func GroupOfSlot(slot uint16) uint64 {
	c := Class(slot / Slots)
	switch c {
	case Meta:
		return MetaGroup
	case Disk, RAM:
		return first[c] + uint64(slot%Slots)*Groups/Slots
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
	from = c.Base() + uint16(group-first[c])*each
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
