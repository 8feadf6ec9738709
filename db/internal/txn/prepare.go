// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// prepare checks a part of a transaction, and locks what it read and shall write. The entry itself is kept: it has the new values.
func (s *step) prepare() (Outcome, error) {
	if out, err := s.check(); err != nil || out.Verdict != Committed {
		return out, err
	}
	if err := s.locks(+1); err != nil {
		return Outcome{}, err
	}
	return Outcome{Verdict: Prepared, Version: s.index}, s.w.Set(preparedKey(s.group, s.Session, s.Seq), s.data, nil)
}

// locks takes the entry's locks, or gives them back.
func (s *step) locks(by int) error {
	if s.m.Flaw == ForgetLocks {
		return nil
	}
	err := s.wanted(func(key []byte, m mode) error {
		l, err := getLock(s.r, key)
		if err != nil {
			return err
		}
		l.mode, l.count = m, l.count+uint64(by)
		return s.setLock(key, l)
	})
	if err != nil {
		return err
	}
	o, err := getOpen(s.r, s.group)
	if err != nil {
		return err
	}
	o.all += uint64(by)
	for i, sc := range s.Scans {
		key := rangeKey(s.group, s.Session, s.Seq, uint32(i))
		if by > 0 {
			err = errors.Join(err, s.w.Set(key, sc.append(nil), nil))
		} else {
			err = errors.Join(err, s.w.Delete(key, nil))
		}
	}
	if len(s.Scans) > 0 {
		o.scanned += uint64(by)
	}
	return errors.Join(err, s.setOpen(o))
}

// resolve ends what is prepared: written, or given up.
func (s *step) resolve(commit bool) (Outcome, error) {
	p, err := s.prepared()
	if err != nil {
		return Outcome{}, err
	}
	if err := p.locks(-1); err != nil {
		return Outcome{}, err
	}
	if err := s.w.Delete(preparedKey(s.group, s.Session, s.Seq), nil); err != nil {
		return Outcome{}, err
	}
	if !commit {
		return Outcome{Verdict: Closed}, nil
	}
	return Outcome{Verdict: Committed, Version: s.index}, s.write(p.Writes)
}

// prepared is the step's transaction, as it was prepared.
func (s *step) prepared() (*step, error) {
	e, ok, err := read(s.r, preparedKey(s.group, s.Session, s.Seq), func(v []byte) (*Entry, error) { return Decode(bytes.Clone(v)) })
	if err == nil && !ok {
		err = fmt.Errorf("txn: transaction %x-%d is prepared, and is not there", s.Session, s.Seq)
	}
	if err != nil {
		return nil, err
	}
	return &step{Entry: e, group: s.group, index: s.index, m: s.m, r: s.r, w: s.w}, nil
}

// prepared reads what is prepared, from one key up to another.
func prepared(r pebble.Reader, from, to []byte) (list []*Entry, err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Error(), it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		e, err := Decode(bytes.Clone(it.Value()))
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (e *Entry) holder() Holder { return Holder{e.Session, e.Seq, e.Record, e.Start} }

// Holders lists the prepared transactions of a group that are wanted.
func Holders(r pebble.Reader, group uint64, wanted func(*Entry) bool) (list []Holder, err error) {
	from := groupKey(group, letterPrepared)
	all, err := prepared(r, from, After(from))
	for _, e := range all {
		if wanted(e) {
			list = append(list, e.holder())
		}
	}
	return list, err
}

// touches reports whether a prepared transaction has locked a key.
func (e *Entry) touches(key []byte) bool {
	if e.reads(key) {
		return true
	}
	for _, w := range e.Writes {
		if bytes.Equal(w.Key, key) {
			return true
		}
	}
	return false
}

// Writers lists the prepared transactions of a group that are about to change what an entry has read.
func Writers(r pebble.Reader, group uint64, e *Entry) ([]Holder, error) {
	if o, err := getOpen(r, group); err != nil || o.all == 0 {
		return nil, err
	}
	return Holders(r, group, func(p *Entry) bool {
		for _, w := range p.Writes {
			if e.reads(w.Key) {
				return true
			}
			for _, s := range e.Scans {
				if s.Covers(w.Key) {
					return true
				}
			}
		}
		return false
	})
}
