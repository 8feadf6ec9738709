// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// check finds what has changed since a transaction read it, and what others have locked of what it read or writes.
func (s *step) check() (Outcome, error) {
	if key, err := Check(s.Entry, s.r, false); err != nil || key != nil {
		return Outcome{Verdict: Conflict, Key: key}, err
	}
	return s.free()
}

// Seen is what a group tells of its state.
type Seen struct {
	Outcome
	Known   bool     // Outcome says something
	Holders []Holder // of locks
}

// Look answers what an entry asks, which is not carried out. A KindCommit asks whether what it read is as it was, or, with Commit, was so all the time: Committed
// or Conflict, and Holders are those whose outcome may be that it is not; a KindClose asks what is known of its number; a KindPrepare who is prepared; a KindExpire which
// sessions are remembered: Holders have their names.
func Look(r pebble.Reader, group uint64, e *Entry) (s Seen, err error) {
	switch e.Kind {
	case KindCommit:
		s.Outcome, s.Known = Outcome{Verdict: Committed}, true
		if s.Key, err = Check(e, r, e.Commit); err == nil && s.Key == nil {
			s.Holders, err = Writers(r, group, e)
		} else {
			s.Verdict = Conflict
		}
	case KindClose:
		s.Outcome, s.Known, err = outcome(r, group, e.Session, e.Seq)
	case KindPrepare:
		s.Holders, err = Holders(r, group, func(*Entry) bool { return true })
	case KindExpire:
		var list []Session
		list, err = Sessions(r, group)
		for _, x := range list {
			s.Holders = append(s.Holders, Holder{Session: x})
		}
	default:
		err = fmt.Errorf("%w: of kind %d, which asks nothing", ErrEntry, e.Kind)
	}
	return s, err
}

// AppendHolders encodes holders, to be sent.
func AppendHolders(b []byte, list []Holder) []byte {
	for _, h := range list {
		b = append(b, h.Session[:]...)
		for _, n := range []uint64{h.Seq, h.Record, h.Start} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
	}
	return b
}

// DecodeHolders is the other way round. Bytes that are too many are left out.
func DecodeHolders(b []byte) (list []Holder) {
	const size = 16 + 3*8
	for ; len(b) >= size; b = b[size:] {
		n := func(i int) uint64 { return binary.BigEndian.Uint64(b[16+8*i:]) }
		list = append(list, Holder{Session(b[:16]), n(0), n(1), n(2)})
	}
	return list
}

// Version is the version of the row of a key, 0 if there is none.
func Version(r pebble.Reader, key []byte) (uint64, error) {
	version, _, err := read(r, key, func(v []byte) (uint64, error) {
		version, _, err := CutRow(v)
		return version, err
	})
	return version, err
}

// Check finds what has changed since a transaction read it: a key, or nil if nothing has. With throughout it finds also what has changed and is again as
// it was: rows that came and went.
func Check(e *Entry, r pebble.Reader, throughout bool) (changed []byte, err error) {
	for _, rd := range e.Reads {
		v, err := Version(r, rd.Key)
		if err != nil {
			return nil, err
		}
		if v != rd.Version {
			return rd.Key, nil
		}
		if throughout && v == 0 && rd.Key[0] == rowByte {
			lost, err := number(r, deletedKey(rd.Key))
			if err != nil || lost > e.At {
				return rd.Key, err
			}
		}
	}
	for _, s := range e.Scans {
		if key, err := s.check(e.At, r); err != nil || key != nil {
			return key, err
		}
		if throughout {
			if key, err := s.lost(e.At, r); err != nil || key != nil {
				return key, err
			}
		}
	}
	return nil, nil
}

// check finds what has changed in the range: it is as it was if it has as many rows, and none of them is younger. What was removed is missing in the
// count, what came or was written is younger.
func (s Scan) check(at uint64, r pebble.Reader) (changed []byte, err error) {
	rows := uint64(0)
	err = s.walk(r, func(it *pebble.Iterator) (bool, error) {
		version, _, err := CutRow(it.Value())
		if err != nil {
			return false, err
		}
		if rows++; version > at || rows > s.Rows {
			changed = bytes.Clone(it.Key())
		}
		return changed == nil, nil
	})
	if changed == nil && rows != s.Rows {
		changed = s.From
	}
	return changed, err
}

// lost finds a slot in which the range's table has lost a row.
func (s Scan) lost(at uint64, r pebble.Reader) (changed []byte, err error) {
	from := deletedKey(s.From)
	marks := Scan{From: from, To: After(from), More: s.More}
	err = marks.walk(r, func(it *pebble.Iterator) (bool, error) {
		n, err := number(r, it.Key())
		if n > at {
			changed = bytes.Clone(it.Key())
		}
		return changed == nil, err
	})
	return changed, err
}

// walk calls fn on each row of the range, until it returns false.
func (s Scan) walk(r pebble.Reader, fn func(*pebble.Iterator) (bool, error)) (err error) {
	from, to := s.Bounds()
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	more := true
	return s.Each(it, func(_, to []byte) (err error) {
		for ok := true; ok && more && err == nil && bytes.Compare(it.Key(), to) < 0; ok = it.Next() {
			more, err = fn(it)
		}
		return err
	})
}
