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

// The kinds.
const (
	KindCommit Kind = iota + 1 // a transaction
	KindClose                  // makes sure that Seq has an outcome: if it has none, it never will commit
	KindExpire                 // forgets a session
)

// Read is a row that was looked at, and its version; 0: it was not there.
type Read struct {
	Key     []byte
	Version uint64
}

// Write is a row that shall be, or shall not, or all keys that begin with Key, which shall not.
type Write struct {
	Key, Value    []byte
	Delete, Clear bool
	// More is in how many slots behind that of Key a Clear clears.
	More uint16
}

// Entry is what a group's log holds.
type Entry struct {
	Kind    Kind
	Session Session
	Seq     uint64
	Low     uint64 // numbers of the session below it are done with
	At      uint64 // the index of the state that was read
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
	Closed                       // it was given up before it came: nothing was written, nor will be
)

// Outcome is how an entry ended.
type Outcome struct {
	Verdict Verdict
	Version uint64
	// Key is what was in the way of a conflict, if that is known.
	Key []byte
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
	for _, n := range []uint64{e.Seq, e.Low, e.At, uint64(len(e.Reads)), uint64(len(e.Scans)), uint64(len(e.Writes))} {
		b = binary.AppendUvarint(b, n)
	}
	for _, r := range e.Reads {
		b = binary.AppendUvarint(appendBytes(b, r.Key), r.Version)
	}
	for _, s := range e.Scans {
		b = appendBytes(appendBytes(b, s.From), s.To)
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.More)), s.Rows)
	}
	for _, w := range e.Writes {
		b = appendBytes(b, w.Key)
		switch {
		case w.Delete:
			b = append(b, 1)
		case w.Clear:
			b = binary.AppendUvarint(append(b, 2), uint64(w.More))
		default:
			b = appendBytes(append(b, 0), w.Value)
		}
	}
	return b
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

// Decode reads an entry. It keeps b.
func Decode(b []byte) (*Entry, error) {
	r := reader{b: b}
	head := r.take(2)
	if r.bad || head[0] != format {
		return nil, fmt.Errorf("%w: written by another version", ErrEntry)
	}
	e := &Entry{Kind: Kind(head[1])}
	copy(e.Session[:], r.take(16))
	e.Seq, e.Low, e.At = r.number(), r.number(), r.number()
	reads, scans, writes := r.number(), r.number(), r.number()
	for ; reads > 0 && !r.bad; reads-- {
		e.Reads = append(e.Reads, Read{r.bytes(), r.number()})
	}
	for ; scans > 0 && !r.bad; scans-- {
		e.Scans = append(e.Scans, Scan{r.bytes(), r.bytes(), r.slots(), r.number()})
	}
	for ; writes > 0 && !r.bad; writes-- {
		w := Write{Key: r.bytes()}
		switch r.number() {
		case 0:
			w.Value = r.bytes()
		case 1:
			w.Delete = true
		case 2:
			w.Clear, w.More = true, r.slots()
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
