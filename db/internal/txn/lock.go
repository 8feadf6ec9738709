// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// A mode is how a key is locked. Read goes with read, add with add; write goes with nothing.
type mode byte

const (
	modeRead mode = iota + 1
	modeAdd
	modeWrite
)

// lock is the row of a key that is locked: how, and by how many.
type lock struct {
	mode  mode
	count uint64
}

func getLock(r pebble.Reader, key []byte) (l lock, err error) {
	l, _, err = read(r, lockKey(key), decodeLock)
	return l, err
}

func decodeLock(v []byte) (l lock, err error) {
	if len(v) != 9 {
		return l, fmt.Errorf("txn: a lock of %d bytes: it is damaged", len(v))
	}
	return lock{mode(v[0]), binary.BigEndian.Uint64(v[1:])}, nil
}

func (s *step) setLock(key []byte, l lock) error {
	if l.count == 0 {
		return s.w.Delete(lockKey(key), nil)
	}
	return s.w.Set(lockKey(key), binary.BigEndian.AppendUint64([]byte{byte(l.mode)}, l.count), nil)
}

// wanted are the locks that an entry needs: one for each key, the strongest. Clears need none: who clears a table deletes its mark, which all read who
// use the table.
func (e *Entry) wanted(fn func(key []byte, m mode) error) error {
	written := map[string]bool{}
	for _, w := range e.Writes {
		if w.Clear {
			continue
		}
		m := modeWrite
		if w.Add && !e.reads(w.Key) {
			m = modeAdd
		}
		written[string(w.Key)] = true
		if err := fn(w.Key, m); err != nil {
			return err
		}
	}
	for _, r := range e.Reads {
		if !written[string(r.Key)] {
			if err := fn(r.Key, modeRead); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Entry) reads(key []byte) bool {
	for _, r := range e.Reads {
		if bytes.Equal(r.Key, key) {
			return true
		}
	}
	return false
}

// open counts what a group has of prepared transactions: all of them, and those that went through ranges. Mostly there are none, and then nobody needs to look
// for locks.
type open struct{ all, scanned uint64 }

func getOpen(r pebble.Reader, group uint64) (o open, err error) {
	o, _, err = read(r, openKey(group), decodeOpen)
	return o, err
}

func decodeOpen(v []byte) (o open, err error) {
	if len(v) != 16 {
		return o, fmt.Errorf("txn: a count of %d bytes: it is damaged", len(v))
	}
	return open{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])}, nil
}

func (s *step) setOpen(o open) error {
	return s.w.Set(openKey(s.group), binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, o.all), o.scanned), nil)
}

// free looks whether anybody else has locked what the entry reads and writes: Committed if not, or Blocked.
func (s *step) free() (Outcome, error) {
	o, err := getOpen(s.r, s.group)
	if err != nil || o.all == 0 {
		return Outcome{Verdict: Committed}, err
	}
	var taken []byte
	err = s.wanted(func(key []byte, m mode) error {
		if taken != nil {
			return nil
		}
		l, err := getLock(s.r, key)
		if l.count > 0 && (l.mode == modeWrite || l.mode != m) {
			taken = key
		}
		return err
	})
	for _, sc := range s.Scans {
		if taken == nil && err == nil {
			taken, err = sc.locked(s.r)
		}
	}
	if err == nil && taken == nil && o.scanned > 0 {
		return s.unscanned()
	}
	if err != nil || taken == nil {
		return Outcome{Verdict: Committed}, err
	}
	holders, err := Holders(s.r, s.group, func(e *Entry) bool { return e.touches(taken) })
	if err == nil && len(holders) == 0 {
		err = fmt.Errorf("txn: key %x is locked by nobody", taken)
	}
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Verdict: Blocked, Key: taken, Holder: holders[0]}, nil
}

// locked finds a key in the range that somebody is about to write.
func (s Scan) locked(r pebble.Reader) (key []byte, err error) {
	if s.From[0] != rowByte {
		return nil, nil
	}
	locks := Scan{From: lockKey(s.From), To: lockKey(s.To), More: s.More}
	err = locks.walk(r, func(it *pebble.Iterator) (bool, error) {
		l, err := decodeLock(it.Value())
		if l.mode != modeRead {
			key = bytes.Clone(it.Key())
			key[0] = rowByte
		}
		return key == nil, err
	})
	return key, err
}

// unscanned looks whether somebody who is prepared has gone through a range that the entry writes into.
func (s *step) unscanned() (out Outcome, err error) {
	from := groupKey(s.group, letterRange)
	it, err := s.r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: After(from)})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, it.Error(), it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		r := reader{b: it.Value()}
		sc := r.scan()
		if r.bad || len(it.Key()) < len(from)+24 {
			return out, fmt.Errorf("txn: the lock of a range is damaged: %x", it.Key())
		}
		for _, w := range s.Writes {
			if w.Clear || !sc.Covers(w.Key) {
				continue
			}
			key := append(groupKey(s.group, letterPrepared), it.Key()[len(from):len(from)+24]...)
			holders, err := prepared(s.r, key, After(key))
			if err == nil && len(holders) == 0 {
				err = fmt.Errorf("txn: the range %x is locked by nobody", sc.From)
			}
			if err != nil {
				return out, err
			}
			return Outcome{Verdict: Blocked, Key: w.Key, Holder: holders[0].holder()}, nil
		}
	}
	return Outcome{Verdict: Committed}, nil
}
