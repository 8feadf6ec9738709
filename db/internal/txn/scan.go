// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// Scan is a range that was gone through, in one slot or in several, and how many rows it had.
type Scan struct {
	From, To []byte // in the first slot
	// More is in how many slots behind the first the same range was gone through.
	More uint16
	Rows uint64
}

// Covers reports whether a key is in the range.
func (s Scan) Covers(key []byte) bool {
	if key[0] != s.From[0] {
		return false
	}
	if s.More > 0 {
		slot, from := slotOf(key), slotOf(s.From)
		if slot < from || slot > from+s.More {
			return false
		}
		key = InSlot(key, from)
	}
	return bytes.Compare(key, s.From) >= 0 && bytes.Compare(key, s.To) < 0
}

// Bounds are the first key, and the first behind the last. What lies between is not all of the range, if it has several slots.
func (s Scan) Bounds() (from, to []byte) {
	if s.More == 0 {
		return s.From, s.To
	}
	return s.From, InSlot(s.To, slotOf(s.From)+s.More)
}

// Each calls fn for each slot in which the range has rows, with the range there, and with the iterator, whose bounds are those of the scan, on the
// first of them. fn may move the iterator.
func (s Scan) Each(it *pebble.Iterator, fn func(from, to []byte) error) error {
	if s.More == 0 {
		if !it.First() {
			return it.Error()
		}
		return fn(s.From, s.To)
	}
	slot, last := slotOf(s.From), slotOf(s.From)+s.More
	for slot <= last {
		from, to := InSlot(s.From, slot), InSlot(s.To, slot)
		if !it.SeekGE(from) {
			break
		}
		if next := slotOf(it.Key()); next > slot { // the slots between have nothing at all
			slot = next
			continue
		}
		if bytes.Compare(it.Key(), to) < 0 {
			if err := fn(from, to); err != nil {
				return err
			}
		}
		slot++
	}
	return it.Error()
}
