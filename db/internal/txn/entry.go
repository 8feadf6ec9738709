// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Session names a client of the groups for as long as it lives.
type Session [16]byte

// Kind says what an entry is.
type Kind byte

// The kinds. Of a transaction over several groups one group has the record, which is what is known there of its number: the others do as it says.
const (
	KindCommit  Kind = iota + 1 // a transaction in one group
	KindClose                   // makes sure that the number does not commit any more, if it has not; where it is prepared, it says so and does nothing
	KindExpire                  // forgets a session, if nothing of it is prepared here, but that it has ended: for a while, in which what comes of it late is refused
	KindPrepare                 // a part of a transaction: checked, and locked until it is resolved
	KindDecide                  // where the record is, when all others are prepared: this part is carried out as a commit is, and that commits the transaction
	KindResolve                 // elsewhere: what is prepared is written, or given up
)

// Read is a row that was looked at, and its version; 0: it was not there.
type Read struct {
	Key     []byte
	Version uint64
}

// Write is a row that shall be, or shall not, or shall be higher, or all keys that begin with Key, which shall not be.
type Write struct {
	Key, Value         []byte
	Delete, Clear, Add bool
	// By is what is added by an Add. The row is an integer; one that is not there counts as 0.
	By int64
	// More is in how many slots behind that of Key a Clear clears.
	More uint16
}

// Entry is what a group's log holds.
type Entry struct {
	Kind    Kind
	Session Session
	Seq     uint64
	Low     uint64 // numbers of the session below it are done with; 0 in entries of others
	At      uint64 // the index of the state that was read
	Record  uint64 // of a Prepare: the group that has the record
	Start   uint64 // of a Prepare: when the transaction was first tried; the older one goes first
	Commit  bool   // of a Resolve: written, not given up
	Reads   []Read
	Scans   []Scan
	Writes  []Write
}

// Verdict says how an entry ended.
type Verdict byte

// The verdicts.
const (
	Committed Verdict = iota + 1 // it is, as of Outcome.Version
	Conflict                     // something that it read has changed: nothing was written
	Closed                       // it was given up, perhaps before it came: nothing was written, nor will be
	Prepared                     // it holds its locks, as of Outcome.Version, until it is resolved
	Blocked                      // Outcome.Holder holds a lock on what it read or writes: nothing was written
)

// Holder is a transaction that holds locks.
type Holder struct {
	Session Session
	Seq     uint64
	Record  uint64 // the group to ask how it ends
	Start   uint64
}

// Outcome is how an entry ended.
type Outcome struct {
	Verdict Verdict
	Version uint64
	// Key is what was in the way of a conflict, if that is known; Holder whose lock it was, if it is Blocked.
	Key    []byte
	Holder Holder
}

const format = 2

func appendBytes(b, v []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// Append encodes the entry.
func (e *Entry) Append(b []byte) []byte {
	b = append(b, format, byte(e.Kind))
	b = append(b, e.Session[:]...)
	commit := uint64(0)
	if e.Commit {
		commit = 1
	}
	for _, n := range []uint64{e.Seq, e.Low, e.At, e.Record, e.Start, commit, uint64(len(e.Reads)), uint64(len(e.Scans)), uint64(len(e.Writes))} {
		b = binary.AppendUvarint(b, n)
	}
	for _, r := range e.Reads {
		b = binary.AppendUvarint(appendBytes(b, r.Key), r.Version)
	}
	for _, s := range e.Scans {
		b = s.append(b)
	}
	for _, w := range e.Writes {
		b = appendBytes(b, w.Key)
		switch {
		case w.Delete:
			b = append(b, 1)
		case w.Clear:
			b = binary.AppendUvarint(append(b, 2), uint64(w.More))
		case w.Add:
			b = binary.AppendVarint(append(b, 3), w.By)
		default:
			b = appendBytes(append(b, 0), w.Value)
		}
	}
	return b
}

func (s Scan) append(b []byte) []byte {
	b = appendBytes(appendBytes(b, s.From), s.To)
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.More)), s.Rows)
}

// ErrEntry is returned for bytes that are no entry.
var ErrEntry = errors.New("not an entry of db")

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) slots() uint16 {
	n := r.number()
	r.bad = r.bad || n >= Slots
	return uint16(n)
}

func (r *reader) bytes() []byte { return r.take(r.number()) }

// key reads a key, which is long enough to be one of a row or of a mark.
func (r *reader) key() []byte {
	k := r.bytes()
	r.bad = r.bad || len(k) < PrefixLen
	return k
}

func (r *reader) scan() Scan { return Scan{r.key(), r.key(), r.slots(), r.number()} }

// Decode reads an entry. It keeps b.
func Decode(b []byte) (*Entry, error) {
	r := reader{b: b}
	head := r.take(2)
	if r.bad || head[0] != format {
		return nil, fmt.Errorf("%w: written by another version", ErrEntry)
	}
	e := &Entry{Kind: Kind(head[1])}
	copy(e.Session[:], r.take(16))
	e.Seq, e.Low, e.At, e.Record, e.Start, e.Commit = r.number(), r.number(), r.number(), r.number(), r.number(), r.number() == 1
	reads, scans, writes := r.number(), r.number(), r.number()
	for ; reads > 0 && !r.bad; reads-- {
		e.Reads = append(e.Reads, Read{r.key(), r.number()})
	}
	for ; scans > 0 && !r.bad; scans-- {
		e.Scans = append(e.Scans, r.scan())
	}
	for ; writes > 0 && !r.bad; writes-- {
		w := Write{Key: r.key()}
		switch r.number() {
		case 0:
			w.Value = r.bytes()
		case 1:
			w.Delete = true
		case 2:
			w.Clear, w.More = true, r.slots()
		case 3:
			w.Add, w.By = true, r.signed()
		default:
			r.bad = true
		}
		e.Writes = append(e.Writes, w)
	}
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("%w: its length is wrong", ErrEntry)
	}
	return e, nil
}
