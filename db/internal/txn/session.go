// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// settle writes down how the number ended.
func (s *step) settle(out Outcome) error {
	v := out.Verdict
	if v == Blocked {
		v = Conflict // who comes again under the same number has no need to know whose lock it was
	}
	kind := binary.BigEndian.AppendUint64([]byte{byte(v)}, out.Version)
	return s.w.Set(outcomeKey(s.group, s.Session, s.Seq), kind, nil)
}

// raise removes outcomes that nobody will ask for, many at a time. Below low there are none: what is removed twice costs whoever looks there later.
func (s *step) raise(low uint64) error {
	trim := s.m.Trim
	if trim == 0 {
		trim = 256
	}
	if s.Low < low+trim {
		return nil
	}
	return errors.Join(
		s.w.DeleteRange(outcomeKey(s.group, s.Session, low), outcomeKey(s.group, s.Session, s.Low), nil),
		s.w.Set(lowKey(s.group, s.Session), binary.BigEndian.AppendUint64(nil, s.Low), nil))
}

// expire forgets a session. Its transactions must be resolved before, in all groups: or a part that is met later would not find its record.
func (s *step) expire() (Outcome, error) {
	open, err := prepared(s.r, preparedKey(s.group, s.Session, 0), After(append(groupKey(s.group, letterPrepared), s.Session[:]...)))
	if err != nil {
		return Outcome{}, err
	}
	if len(open) > 0 {
		return Outcome{Verdict: Blocked, Holder: open[0].holder()}, nil
	}
	k := sessionKey(s.group, s.Session)
	err = s.w.DeleteRange(k, After(k), nil)
	if err == nil {
		err = s.bury()
	}
	return Outcome{Verdict: Committed, Version: s.index}, err
}

// graves is how many sessions a group knows as ended.
const graves = 256

// over is the low number of a session that is known as ended: all of its numbers are done with.
const over = 1<<64 - 1

// bury keeps a session known as ended, until as many others have ended since.
func (s *step) bury() (err error) {
	from := groupKey(s.group, letterBuried)
	it, err := s.r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: After(from)}) // before anything is written, which it would find
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Error(), it.Close()) }()
	err = errors.Join(
		s.w.Set(lowKey(s.group, s.Session), binary.BigEndian.AppendUint64(nil, over), nil),
		s.w.Set(buriedKey(s.group, s.index, s.Session), nil, nil))
	n := 0
	for ok := it.Last(); ok; ok = it.Prev() {
		if n++; n < graves {
			continue
		}
		if len(it.Key()) != len(from)+24 {
			return fmt.Errorf("txn: the grave of a session has a key of %d bytes: it is damaged", len(it.Key()))
		}
		old := sessionKey(s.group, Session(it.Key()[len(from)+8:]))
		err = errors.Join(err, s.w.DeleteRange(old, After(old), nil), s.w.Delete(it.Key(), nil))
	}
	return err
}

func outcome(r pebble.Reader, group uint64, s Session, seq uint64) (Outcome, bool, error) {
	return read(r, outcomeKey(group, s, seq), decodeOutcome)
}

func decodeOutcome(v []byte) (o Outcome, err error) {
	if len(v) != 9 {
		return o, fmt.Errorf("txn: an outcome of %d bytes: it is damaged", len(v))
	}
	return Outcome{Verdict: Verdict(v[0]), Version: binary.BigEndian.Uint64(v[1:])}, nil
}

func number(r pebble.Reader, key []byte) (uint64, error) {
	n, _, err := read(r, key, decodeNumber)
	return n, err
}

func decodeNumber(v []byte) (uint64, error) {
	if len(v) != 8 {
		return 0, fmt.Errorf("txn: a number of %d bytes: it is damaged", len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// Sessions lists the sessions that a group remembers, but for those that it knows as ended.
func Sessions(r pebble.Reader, group uint64) (list []Session, err error) {
	from := groupKey(group, letterSession)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: After(from)})
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok; {
		if len(it.Key()) < len(from)+16 {
			return nil, errors.Join(fmt.Errorf("txn: a session's key of %d bytes: it is damaged", len(it.Key())), it.Close())
		}
		s := Session(it.Key()[len(from):])
		if low := binary.BigEndian.AppendUint64(nil, over); !bytes.Equal(it.Key(), lowKey(group, s)) || !bytes.Equal(it.Value(), low) {
			list = append(list, s)
		}
		ok = it.SeekGE(After(sessionKey(group, s)))
	}
	return list, errors.Join(it.Error(), it.Close())
}
