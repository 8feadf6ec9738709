// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"encoding/binary"
	"fmt"
)

// Slots is how many slots the rows of all tables are spread over.
const Slots = 4096

// The first bytes of keys.
const (
	rowByte     = 0x10
	sessionByte = 0x11
	endByte     = 0x12
)

// Prefix is where a table's rows of one slot are: a row's key is the prefix and the encoded key of the table.
func Prefix(slot uint16, table uint32) []byte {
	b := binary.BigEndian.AppendUint16([]byte{rowByte}, slot)
	return append(binary.BigEndian.AppendUint32(b, table), 'r')
}

// SlotOf is a table's slot. It is the same on every node and in every version.
func SlotOf(table uint32) uint16 {
	x := uint64(table) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	return uint16(x % Slots)
}

// After is the first key behind all that begin with a prefix, which does not end in 0xff bytes only.
func After(prefix []byte) []byte {
	b := append([]byte(nil), prefix...)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return b[:i+1]
		}
	}
	panic(fmt.Sprintf("txn: nothing is behind %x", prefix))
}

func sessionKey(group uint64, s Session) []byte {
	b := binary.BigEndian.AppendUint64([]byte{sessionByte}, group)
	return append(b, s[:]...)
}

func lowKey(group uint64, s Session) []byte { return append(sessionKey(group, s), 0) }

func outcomeKey(group uint64, s Session, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(sessionKey(group, s), 1), seq)
}

// row is the stored form of a value.
func row(version uint64, value []byte) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 1, 9+len(value)), version)
	b[0] = format
	return append(b, value...)
}

// CutRow takes a stored row apart. The value is part of b.
func CutRow(b []byte) (version uint64, value []byte, err error) {
	if len(b) < 9 || b[0] != format {
		return 0, nil, fmt.Errorf("txn: a row of %d bytes: it is damaged, or written by a newer version", len(b))
	}
	return binary.BigEndian.Uint64(b[1:]), b[9:], nil
}
