// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/state"
)

// Machine carries entries out. It has no state of its own, and looks at nothing but its arguments.
type Machine struct{}

// Spans implements state.Machine.
func (Machine) Spans(group uint64) []state.Span {
	from, to := SlotsOf(group)
	slots := func(first byte) state.Span {
		return state.Span{From: binary.BigEndian.AppendUint16([]byte{first}, from), To: binary.BigEndian.AppendUint16([]byte{first}, to+1)}
	}
	own := binary.BigEndian.AppendUint64([]byte{groupByte}, group)
	return []state.Span{slots(rowByte), slots(lockByte), {From: own, To: After(own)}}
}

// Apply implements state.Machine. The result is an Outcome.
func (Machine) Apply(group, index uint64, data []byte, r pebble.Reader, w *pebble.Batch) (any, error) {
	e, err := Decode(data)
	if err != nil {
		return nil, err
	}
	if e.Kind == KindExpire {
		s := sessionKey(group, e.Session)
		return Outcome{Verdict: Committed, Version: index}, w.DeleteRange(s, After(s), nil)
	}
	low, err := number(r, lowKey(group, e.Session))
	if err != nil {
		return nil, err
	}
	if e.Seq < low { // a copy of what is long done with
		return Outcome{Verdict: Closed}, nil
	}
	if done, ok, err := outcome(r, group, e); err != nil || ok {
		return done, err
	}
	out := Outcome{Verdict: Closed}
	if e.Kind == KindCommit {
		if out, err = commit(index, e, r, w); err != nil {
			return nil, err
		}
	}
	kind := binary.BigEndian.AppendUint64([]byte{byte(out.Verdict)}, out.Version)
	if err := w.Set(outcomeKey(group, e.Session, e.Seq), kind, nil); err != nil {
		return nil, err
	}
	// Outcomes that nobody will ask for are removed, many at a time.
	if e.Low >= low+256 {
		err = errors.Join(
			w.DeleteRange(outcomeKey(group, e.Session, 0), outcomeKey(group, e.Session, e.Low), nil),
			w.Set(lowKey(group, e.Session), binary.BigEndian.AppendUint64(nil, e.Low), nil))
	}
	return out, err
}

func outcome(r pebble.Reader, group uint64, e *Entry) (Outcome, bool, error) {
	v, closer, err := r.Get(outcomeKey(group, e.Session, e.Seq))
	if errors.Is(err, pebble.ErrNotFound) {
		return Outcome{}, false, nil
	} else if err != nil {
		return Outcome{}, false, err
	}
	defer closer.Close()
	if len(v) != 9 {
		return Outcome{}, false, fmt.Errorf("txn: an outcome of %d bytes: it is damaged", len(v))
	}
	return Outcome{Verdict: Verdict(v[0]), Version: binary.BigEndian.Uint64(v[1:])}, true, nil
}

func number(r pebble.Reader, key []byte) (uint64, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, fmt.Errorf("txn: a number of %d bytes: it is damaged", len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

func commit(index uint64, e *Entry, r pebble.Reader, w *pebble.Batch) (Outcome, error) {
	if key, err := Check(e, r); err != nil || key != nil {
		return Outcome{Verdict: Conflict, Key: key}, err
	}
	for _, wr := range e.Writes {
		var err error
		switch {
		case wr.Delete:
			err = w.Delete(wr.Key, nil)
		case wr.Clear:
			err = wr.clear(r, w)
		default:
			err = w.Set(wr.Key, row(index, wr.Value), nil)
		}
		if err != nil {
			return Outcome{}, err
		}
	}
	return Outcome{Verdict: Committed, Version: index}, nil
}

// clear deletes a range in each slot in which it has something.
func (wr Write) clear(r pebble.Reader, w *pebble.Batch) (err error) {
	s := Scan{From: wr.Key, To: After(wr.Key), More: wr.More}
	from, to := s.Bounds()
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	return s.Each(it, func(from, to []byte) error { return w.DeleteRange(from, to, nil) })
}

// Version is the version of the row of a key, 0 if there is none.
func Version(r pebble.Reader, key []byte) (uint64, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer closer.Close()
	version, _, err := CutRow(v)
	return version, err
}

// Check finds what has changed since a transaction read it: a key, or nil if nothing has.
func Check(e *Entry, r pebble.Reader) (changed []byte, err error) {
	for _, rd := range e.Reads {
		v, err := Version(r, rd.Key)
		if err != nil {
			return nil, err
		}
		if v != rd.Version {
			return rd.Key, nil
		}
	}
	for _, s := range e.Scans {
		if key, err := s.check(e.At, r); err != nil || key != nil {
			return key, err
		}
	}
	return nil, nil
}

// Sessions lists the sessions that a group remembers.
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
		list = append(list, s)
		ok = it.SeekGE(After(sessionKey(group, s)))
	}
	return list, errors.Join(it.Error(), it.Close())
}
