// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/state"
)

// Machine carries entries out. It has no state of its own, and looks at nothing but its arguments.
type Machine struct {
	// Watch, if it is there, is told what a transaction of one group is about to write, and as of which index; after a start some of it again. Replace is told
	// that a group's state has been replaced as a whole. Both are called in the order of the log, and hold it up.
	Watch   func(group, index uint64, writes []Write)
	Replace func(group uint64)
	// Trim is how many outcomes that nobody will ask for are removed at once; 0: 256. It must be the same everywhere.
	Trim uint64
	// Flaw is a bug that a test should catch.
	Flaw Flaw
}

// Replaced implements state.Replacer.
func (m Machine) Replaced(group uint64) {
	if m.Replace != nil {
		m.Replace(group)
	}
}

// Spans implements state.Machine.
func (Machine) Spans(group uint64) []state.Span {
	own := binary.BigEndian.AppendUint64([]byte{groupByte}, group)
	return []state.Span{slotSpan(rowByte, group), slotSpan(lockByte, group), {From: own, To: After(own)}}
}

// slotSpan is what begins with a byte and one of a group's slots.
func slotSpan(first byte, group uint64) state.Span {
	from, to := SlotsOf(group)
	return state.Span{From: binary.BigEndian.AppendUint16([]byte{first}, from), To: binary.BigEndian.AppendUint16([]byte{first}, to+1)}
}

// Hot implements state.Warmer: marks, all locks, what is prepared and the count of it, and the numbers of sessions.
func (Machine) Hot(group uint64) []state.Span {
	span := func(first, last byte) state.Span {
		return state.Span{From: groupKey(group, first), To: After(groupKey(group, last))}
	}
	return []state.Span{span(letterLock, letterPrepared), span(letterSession, letterSession), slotSpan(lockByte, group)}
}

// step is one entry that is carried out.
type step struct {
	*Entry
	group, index uint64
	data         []byte // the entry's bytes
	m            Machine
	r            pebble.Reader
	w            *pebble.Batch
}

// Apply implements state.Machine. The result is an Outcome.
func (m Machine) Apply(group, index uint64, data []byte, r pebble.Reader, w *pebble.Batch) (any, error) {
	e, err := Decode(data)
	if err != nil {
		return nil, err
	}
	s := &step{e, group, index, data, m, r, w}
	if e.Kind == KindExpire {
		return s.expire()
	}
	low, err := number(r, lowKey(group, e.Session))
	if err != nil {
		return nil, err
	}
	if e.Seq < low { // a copy of what is long done with
		return Outcome{Verdict: Closed}, nil
	}
	before, known, err := outcome(r, group, e.Session, e.Seq)
	if err != nil {
		return nil, err
	}
	out, err := s.carry(before, known)
	if err != nil {
		return nil, err
	}
	// A part that is blocked may come again: what comes late is refused all the same, since a transaction that is given up is closed or resolved in all its groups.
	again := (e.Kind == KindPrepare || e.Kind == KindDecide) && out.Verdict == Blocked
	if !again && (!known || out.Verdict != before.Verdict) {
		if err := s.settle(out); err != nil {
			return nil, err
		}
		if m.Watch != nil && e.Kind == KindCommit && out.Verdict == Committed {
			m.Watch(group, index, e.Writes)
		}
	}
	if m.Flaw == DropRecord && e.Kind == KindDecide {
		return out, w.Delete(outcomeKey(group, e.Session, e.Seq), nil)
	}
	return out, s.raise(low)
}

// carry does what the entry says, given what is known of its number.
func (s *step) carry(before Outcome, known bool) (Outcome, error) {
	prepared := known && before.Verdict == Prepared
	switch s.Kind {
	case KindCommit, KindDecide:
		if known && s.m.Flaw != ForgetSession {
			return before, nil
		}
		return s.commit()
	case KindPrepare:
		if known {
			return before, nil
		}
		return s.prepare()
	case KindClose:
	case KindResolve:
		if prepared {
			return s.resolve(s.Commit)
		}
	default:
		return Outcome{}, fmt.Errorf("%w: of kind %d, of a newer version", ErrEntry, s.Kind)
	}
	if known {
		return before, nil
	}
	return Outcome{Verdict: Closed}, nil // what comes later is refused
}

// commit carries out a transaction of one group, or the part of one that decides.
func (s *step) commit() (Outcome, error) {
	if out, err := s.check(); err != nil || out.Verdict != Committed {
		return out, err
	}
	return Outcome{Verdict: Committed, Version: s.index}, s.write(s.Writes)
}
