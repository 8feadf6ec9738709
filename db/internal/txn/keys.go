// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"encoding/binary"
	"fmt"
)

// The first bytes of keys.
const (
	rowByte   = 0x10
	lockByte  = 0x11
	groupByte = 0x12
)

// The letters behind the number of a group.
const (
	letterBuried   = 'b'
	letterLock     = 'l' // of a mark
	letterMark     = 'm'
	letterOpen     = 'o'
	letterPrepared = 'p'
	letterRange    = 'r'
	letterSession  = 's'
)

// PrefixLen is how long a Prefix is.
const PrefixLen = 8

// Prefix is where a table's rows of one slot are: a row's key is the prefix and the encoded key of the table.
func Prefix(slot uint16, table uint32) []byte {
	b := binary.BigEndian.AppendUint16([]byte{rowByte}, slot)
	return append(binary.BigEndian.AppendUint32(b, table), 'r')
}

// Inner is a row's key without the slot: it has the order of the rows of a table that lies in several slots.
func Inner(key []byte) []byte { return key[3:] }

// TableOf is the table that the row of a key belongs to; ok is false if it is no row.
func TableOf(key []byte) (table uint32, ok bool) {
	if len(key) < PrefixLen || key[0] != rowByte || key[PrefixLen-1] != 'r' {
		return 0, false
	}
	return binary.BigEndian.Uint32(key[3:]), true
}

// MarkKey is the row of a group that says that a table is there: who uses the table in that group reads it, and so learns of its end.
func MarkKey(group uint64, table uint32) []byte {
	return binary.BigEndian.AppendUint32(groupKey(group, letterMark), table)
}

// CutMark takes a MarkKey apart; ok is false if it is none.
func CutMark(key []byte) (group uint64, table uint32, ok bool) {
	if len(key) != 14 || key[0] != groupByte || key[9] != letterMark {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), binary.BigEndian.Uint32(key[10:]), true
}

// GroupOf is the group that a row, or a mark, belongs to.
func GroupOf(key []byte) uint64 {
	if key[0] == groupByte {
		return binary.BigEndian.Uint64(key[1:])
	}
	return GroupOfSlot(slotOf(key))
}

func slotOf(key []byte) uint16 { return binary.BigEndian.Uint16(key[1:]) }

// InSlot is a row's key in another slot.
func InSlot(key []byte, slot uint16) []byte {
	b := append([]byte(nil), key...)
	binary.BigEndian.PutUint16(b[1:], slot)
	return b
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

func groupKey(group uint64, letter byte) []byte {
	b := make([]byte, 0, 40)
	return append(binary.BigEndian.AppendUint64(append(b, groupByte), group), letter)
}

func sessionKey(group uint64, s Session) []byte {
	return append(groupKey(group, letterSession), s[:]...)
}

func lowKey(group uint64, s Session) []byte { return append(sessionKey(group, s), 0) }

func outcomeKey(group uint64, s Session, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(sessionKey(group, s), 1), seq)
}

// buriedKey is that of a session that is known as ended, by when that was written.
func buriedKey(group, index uint64, s Session) []byte {
	return append(binary.BigEndian.AppendUint64(groupKey(group, letterBuried), index), s[:]...)
}

func openKey(group uint64) []byte { return groupKey(group, letterOpen) }

func preparedKey(group uint64, s Session, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(groupKey(group, letterPrepared), s[:]...), seq)
}

func rangeKey(group uint64, s Session, seq uint64, i uint32) []byte {
	b := binary.BigEndian.AppendUint64(append(groupKey(group, letterRange), s[:]...), seq)
	return binary.BigEndian.AppendUint32(b, i)
}

// lockKey is where the lock of a row or of a mark is. The locks of rows have the order of the rows.
func lockKey(key []byte) []byte {
	b := append([]byte(nil), key...)
	if key[0] == groupByte {
		b[9] = letterLock
	} else {
		b[0] = lockByte
	}
	return b
}

// deletedKey is where the last deletion of a table's slot is noted, by the key of one of its rows.
func deletedKey(key []byte) []byte {
	b := append([]byte(nil), key[:PrefixLen]...)
	b[PrefixLen-1] = 'd'
	return b
}

// MarkRow is the row under a MarkKey, of a version.
func MarkRow(version uint64) []byte { return row(version, nil) }

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

// SameSlot is a row's key, moved to the slot of another row.
func SameSlot(key, as []byte) []byte { return InSlot(key, slotOf(as)) }
