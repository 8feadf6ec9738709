// SPDX-License-Identifier: Apache-2.0

package raftlog

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/disk"
)

func beIndex(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// Write is what one group wants to be durable. Unset fields change nothing.
type Write struct {
	Log *Log
	// Replica names the replica that lives here from now on.
	Replica uint64
	// Hard replaces the hard state.
	Hard *Hard
	// Entries are appended; what the log had from the first of them on is removed.
	Entries []*pb.Entry
	// Installing notes that a snapshot is about to replace the group's state.
	Installing *Mark
	// Installed empties the log, to go on behind that place, and takes the note away.
	Installed *Mark
	// CutTo removes the entries up to and with that place.
	CutTo *Mark
	// Destroy removes everything and remembers that the replica Replica, and all before it, must not come back.
	Destroy bool

	// KeepTail is a flaw for tests: an overwritten log keeps what lay behind the new entries.
	KeepTail bool
}

// Batch is what becomes durable by one sync.
type Batch []*Write

// Commit writes the batch and returns when it is durable. After an error the store is dead, and what of the batch is on the disk is unknown.
// A batch that is not synced (sync false) is for tests only, and for what may be forgotten.
func (s *Store) Commit(batch Batch, sync bool) (err error) {
	defer disk.Recover(&err)
	if err := s.guard.Err(); err != nil {
		return err
	}
	b := s.db.NewBatch()
	defer b.Close()
	for _, w := range batch {
		if err := w.encode(b); err != nil {
			return err
		}
	}
	if b.Empty() && !sync {
		return nil
	}
	if b.Empty() { // somebody waits for what came before, which is durable by now
		return nil
	}
	o := s.durable
	if !sync {
		o = pebble.NoSync
	}
	if err := b.Commit(o); err != nil {
		return s.guard.Fail("commit", err)
	}
	return s.guard.Err()
}

// encode adds the write to a batch of pebble's. All of its errors are of the kind "batch closed".
func (w *Write) encode(b *pebble.Batch) error {
	l := w.Log
	if w.Destroy {
		l.written = 0
		if err := b.DeleteRange(groupKey(l.group, 0), groupKey(l.group, 0xff), nil); err != nil {
			return err
		}
		return b.Set(groupKey(l.group, kindGrave), numbers(w.Replica), nil)
	}
	if w.Replica != 0 {
		if err := b.Set(groupKey(l.group, kindIdentity), numbers(w.Replica), nil); err != nil {
			return err
		}
	}
	if h := w.Hard; h != nil {
		if err := b.Set(groupKey(l.group, kindHard), numbers(h.Term, h.Vote, h.Commit, h.Lead), nil); err != nil {
			return err
		}
	}
	if m := w.Installing; m != nil {
		if err := b.Set(groupKey(l.group, kindMarker), numbers(m.Index, m.Term), nil); err != nil {
			return err
		}
	}
	if m := w.Installed; m != nil {
		if err := b.DeleteRange(entryKey(l.group, 0), groupKey(l.group, kindEntry+1), nil); err != nil {
			return err
		}
		if err := b.Delete(groupKey(l.group, kindMarker), nil); err != nil {
			return err
		}
		if err := b.Set(groupKey(l.group, kindStart), numbers(m.Index, m.Term), nil); err != nil {
			return err
		}
		l.written = m.Index
	}
	if m := w.CutTo; m != nil {
		if err := b.DeleteRange(entryKey(l.group, 0), entryKey(l.group, m.Index+1), nil); err != nil {
			return err
		}
		if err := b.Set(groupKey(l.group, kindStart), numbers(m.Index, m.Term), nil); err != nil {
			return err
		}
	}
	return w.encodeEntries(b)
}

func (w *Write) encodeEntries(b *pebble.Batch) error {
	if len(w.Entries) == 0 {
		return nil
	}
	l := w.Log
	for _, e := range w.Entries {
		if err := b.Set(entryKey(l.group, e.GetIndex()), encodeEntry(e), nil); err != nil {
			return err
		}
	}
	last := w.Entries[len(w.Entries)-1].GetIndex()
	if last < l.written && !w.KeepTail {
		if err := b.DeleteRange(entryKey(l.group, last+1), entryKey(l.group, l.written+1), nil); err != nil {
			return err
		}
	}
	l.written = last
	return nil
}

// Done makes a write that has been committed visible to the log's readers. The group's own goroutine calls it, in the order of
// the commits.
func (l *Log) Done(w *Write) {
	if w.Destroy {
		*l = Log{store: l.store, group: l.group, grave: w.Replica}
		return
	}
	if w.Replica != 0 {
		l.replica = w.Replica
	}
	if w.Hard != nil {
		l.hard = *w.Hard
	}
	if w.Installing != nil {
		l.marker = w.Installing
	}
	if w.Installed != nil {
		l.marker, l.start, l.last = nil, *w.Installed, *w.Installed
		l.Forget()
	}
	if len(w.Entries) > 0 {
		l.append(w.Entries)
	}
}

// Cut hides the entries up to and with m from readers. It comes before the write that removes them, so that nobody looks for
// what a writer on another goroutine has just taken away.
func (l *Log) Cut(m Mark) {
	l.start = m
	for len(l.tail) > 0 && l.tail[0].GetIndex() <= m.Index {
		l.drop()
	}
}

// append puts entries at the end of the tail, over what they replace.
func (l *Log) append(ents []*pb.Entry) {
	first := ents[0].GetIndex()
	for n := len(l.tail); n > 0 && l.tail[n-1].GetIndex() >= first; n-- {
		l.bytes -= len(l.tail[n-1].GetData())
		l.tail[n-1] = nil
		l.tail = l.tail[:n-1]
	}
	if n := len(l.tail); n > 0 && l.tail[n-1].GetIndex()+1 != first {
		l.Forget()
	}
	for _, e := range ents {
		l.tail = append(l.tail, e)
		l.bytes += len(e.GetData())
	}
	for l.bytes > tailBytes && len(l.tail) > 1 {
		l.drop()
	}
	e := ents[len(ents)-1]
	l.last = Mark{e.GetIndex(), e.GetTerm()}
}

func (l *Log) drop() {
	l.bytes -= len(l.tail[0].GetData())
	l.tail[0] = nil
	l.tail = l.tail[1:]
}
