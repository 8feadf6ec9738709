// SPDX-License-Identifier: Apache-2.0

package raftlog

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// Mark is a place in a log.
type Mark struct{ Index, Term uint64 }

// Hard is what a replica must not forget, and the leader it last heard of, which it may.
type Hard struct{ Term, Vote, Commit, Lead uint64 }

// tailBytes bounds the entries of one group that are kept in memory, so that those just written need not be read again.
const tailBytes = 256 << 10

// Log is the durable log of one group's replica. Its read side is raft.Storage's.
type Log struct {
	store *Store
	group uint64

	// What the store holds, as far as Done has told.
	replica uint64 // 0: no replica of this group lives here
	grave   uint64 // this replica and those before it were destroyed here
	hard    Hard
	marker  *Mark // a snapshot is being installed
	start   Mark  // the log begins behind it
	last    Mark

	tail  []*pb.Entry // the end of the log, contiguous up to last; may be empty
	bytes int         // of data in tail

	written uint64 // the writer's own: the last index that it wrote
}

// Load reads what the store has of a group; nothing is fine.
func (s *Store) Load(group uint64) (*Log, error) {
	l := &Log{store: s, group: group}
	var err error
	read := func(kind byte, what string, v ...*uint64) bool {
		if err != nil {
			return false
		}
		var b []byte
		if b, err = s.get(groupKey(group, kind)); err == nil && b != nil {
			err = parse(b, fmt.Sprintf("%s of group %d", what, group), v...)
			return err == nil
		}
		return false
	}
	read(kindIdentity, "the identity", &l.replica)
	read(kindGrave, "the grave", &l.grave)
	read(kindHard, "the vote", &l.hard.Term, &l.hard.Vote, &l.hard.Commit, &l.hard.Lead)
	read(kindStart, "the start", &l.start.Index, &l.start.Term)
	var m Mark
	if read(kindMarker, "the marker", &m.Index, &m.Term) {
		l.marker = &m
	}
	if err != nil {
		return nil, err
	}
	l.last = l.start
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: entryKey(group, 0), UpperBound: groupKey(group, kindEntry+1)})
	if err != nil {
		return nil, s.unreadable(err)
	}
	if it.Last() {
		var e *pb.Entry
		index := beIndex(it.Key())
		if e, err = decodeEntry(index, it.Value()); err == nil && index > l.start.Index {
			l.last = Mark{index, e.GetTerm()}
		}
	}
	l.written = l.last.Index
	return l, errors.Join(err, s.unreadable(it.Error()), s.unreadable(it.Close()))
}

// Group is the group's number.
func (l *Log) Group() uint64 { return l.group }

// Replica is the replica that lives here, 0 if none does.
func (l *Log) Replica() uint64 { return l.replica }

// Grave is the highest replica that was destroyed here.
func (l *Log) Grave() uint64 { return l.grave }

// Hard is the durable hard state.
func (l *Log) Hard() Hard { return l.hard }

// Start is the place behind which the log begins, Last its end.
func (l *Log) Start() Mark { return l.start }

// Last is the place of the last entry.
func (l *Log) Last() Mark { return l.last }

// Marker is the snapshot that was being installed when the store was closed, nil if none was.
func (l *Log) Marker() *Mark { return l.marker }

// Forget drops what is kept in memory of the entries: they can be read again.
func (l *Log) Forget() { l.tail, l.bytes = nil, 0 }

// FirstIndex implements raft.Storage.
func (l *Log) FirstIndex() (uint64, error) { return l.start.Index + 1, nil }

// LastIndex implements raft.Storage.
func (l *Log) LastIndex() (uint64, error) { return l.last.Index, nil }

// Term implements raft.Storage.
func (l *Log) Term(i uint64) (uint64, error) {
	switch {
	case i == l.start.Index:
		return l.start.Term, nil
	case i < l.start.Index:
		return 0, raft.ErrCompacted
	case i == l.last.Index:
		return l.last.Term, nil
	case i > l.last.Index:
		return 0, raft.ErrUnavailable
	}
	if n := len(l.tail); n > 0 && i >= l.tail[0].GetIndex() {
		return l.tail[i-l.tail[0].GetIndex()].GetTerm(), nil
	}
	b, err := l.store.get(entryKey(l.group, i))
	if err != nil {
		return 0, err
	}
	if b == nil {
		return 0, l.hole(i)
	}
	e, err := decodeEntry(i, b)
	return e.GetTerm(), err
}

// hole is an entry that must be there and is not.
func (l *Log) hole(i uint64) error {
	return l.store.guard.Fail("read", fmt.Errorf("group %d: entry %d is missing between %d and %d", l.group, i, l.start.Index, l.last.Index))
}

// Entries implements raft.Storage.
func (l *Log) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	if lo <= l.start.Index {
		return nil, raft.ErrCompacted
	}
	if hi > l.last.Index+1 {
		return nil, raft.ErrUnavailable
	}
	var ents []*pb.Entry
	size := uint64(0)
	fits := func(e *pb.Entry) bool {
		size += uint64(len(e.GetData()) + 24)
		return len(ents) == 0 || size <= maxSize
	}
	first := hi // of what memory has
	if len(l.tail) > 0 {
		first = l.tail[0].GetIndex()
	}
	if lo < first {
		it, err := l.store.db.NewIter(&pebble.IterOptions{LowerBound: entryKey(l.group, lo), UpperBound: entryKey(l.group, min(hi, first))})
		if err != nil {
			return nil, l.store.unreadable(err)
		}
		full := false
		for ok := it.First(); ok && !full; ok = it.Next() {
			var e *pb.Entry
			if e, err = decodeEntry(beIndex(it.Key()), it.Value()); err != nil {
				break
			}
			if e.GetIndex() != lo {
				err = l.hole(lo)
				break
			}
			if full = !fits(e); !full {
				ents = append(ents, e)
				lo++
			}
		}
		if err = errors.Join(l.store.unreadable(it.Error()), l.store.unreadable(it.Close()), err); err != nil || full {
			return ents, err
		}
		if lo < min(hi, first) {
			return nil, l.hole(lo)
		}
	}
	for ; lo < hi; lo++ {
		e := l.tail[lo-first]
		if !fits(e) {
			break
		}
		ents = append(ents, e)
	}
	return ents, nil
}
