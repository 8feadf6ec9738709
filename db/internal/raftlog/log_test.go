// SPDX-License-Identifier: Apache-2.0

package raftlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/banyan-go/banyan/db/internal/disk"
)

const group = 7

func openStore(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(disk.Options{FS: fs, Dir: "log"}, func() uint64 { return 42 })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t *testing.T, s *Store) *Log {
	t.Helper()
	l, err := s.Load(group)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// do commits writes, and makes them visible.
func do(t *testing.T, l *Log, writes ...*Write) {
	t.Helper()
	for _, w := range writes {
		w.Log = l
	}
	if err := l.store.Commit(writes, true); err != nil {
		t.Fatal(err)
	}
	for _, w := range writes {
		l.Done(w)
	}
}

func entries(term uint64, from, to uint64) (list []*pb.Entry) {
	for i := from; i <= to; i++ {
		list = append(list, &pb.Entry{Term: new(term), Index: new(i), Type: pb.EntryNormal.Enum(), Data: fmt.Appendf(nil, "%d in %d", i, term)})
	}
	return list
}

// model is what a log should be, in a slice.
type model struct {
	start, last Mark
	entries     map[uint64]*pb.Entry
}

func (m *model) append(list []*pb.Entry) {
	for i := list[0].GetIndex(); i <= m.last.Index; i++ {
		delete(m.entries, i)
	}
	for _, e := range list {
		m.entries[e.GetIndex()] = e
		m.last = Mark{e.GetIndex(), e.GetTerm()}
	}
}

func (m *model) compare(t *testing.T, l *Log) {
	t.Helper()
	if l.Start() != m.start || l.Last() != m.last {
		t.Fatalf("it is from %v to %v, want from %v to %v", l.Start(), l.Last(), m.start, m.last)
	}
	for i := m.start.Index; i <= m.last.Index+1; i++ {
		term, err := l.Term(i)
		switch e := m.entries[i]; {
		case i == m.start.Index && (term != m.start.Term || err != nil):
			t.Fatalf("the term of the start is %d, %v", term, err)
		case i > m.last.Index && !errors.Is(err, raft.ErrUnavailable):
			t.Fatalf("a term behind the end: %d, %v", term, err)
		case e != nil && (term != e.GetTerm() || err != nil):
			t.Fatalf("the term of %d is %d, %v; want %d", i, term, err, e.GetTerm())
		}
	}
	if m.start.Index > 0 {
		if _, err := l.Term(m.start.Index - 1); !errors.Is(err, raft.ErrCompacted) {
			t.Fatalf("a term before the start: %v", err)
		}
		if _, err := l.Entries(m.start.Index, m.start.Index+1, 1); !errors.Is(err, raft.ErrCompacted) {
			t.Fatalf("entries before the start: %v", err)
		}
	}
	if m.last == m.start {
		return
	}
	list, err := l.Entries(m.start.Index+1, m.last.Index+1, 1<<40)
	if err != nil || len(list) != len(m.entries) {
		t.Fatalf("%d entries, %v; want %d", len(list), err, len(m.entries))
	}
	for i, e := range list {
		if want := m.entries[m.start.Index+1+uint64(i)]; !proto.Equal(e, want) {
			t.Fatalf("%v, want %v", e, want)
		}
	}
	if one, err := l.Entries(m.last.Index, m.last.Index+1, 0); err != nil || len(one) != 1 {
		t.Fatalf("of a size that nothing fits into: %d entries, %v", len(one), err)
	}
	if _, err := l.Entries(m.start.Index+1, m.last.Index+2, 1<<40); !errors.Is(err, raft.ErrUnavailable) {
		t.Fatalf("entries behind the end: %v", err)
	}
}

// TestLogIsItsModel: appends, overwrites, cuts, snapshots and restarts in any order leave what they should, with and without what is in memory.
func TestLogIsItsModel(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		fs := vfs.NewMem()
		s := openStore(t, fs)
		l := load(t, s)
		m := &model{entries: map[uint64]*pb.Entry{}}
		for term := uint64(1); term < 60; term++ {
			switch rng.IntN(8) {
			case 0:
				l.Forget()
			case 1:
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = openStore(t, fs)
				l = load(t, s)
			case 2:
				if m.last.Index > m.start.Index {
					to := m.start.Index + 1 + rng.Uint64N(m.last.Index-m.start.Index)
					cut := Mark{to, m.entries[to].GetTerm()}
					l.Cut(cut)
					do(t, l, &Write{CutTo: &cut})
					for i := m.start.Index + 1; i <= to; i++ {
						delete(m.entries, i)
					}
					m.start = cut
				}
			case 3:
				at := Mark{m.last.Index + 1 + rng.Uint64N(20), term}
				do(t, l, &Write{Installing: &at})
				if l.Marker() == nil || *l.Marker() != at {
					t.Fatalf("the note of a snapshot is %v", l.Marker())
				}
				do(t, l, &Write{Installed: &at})
				m.start, m.last, m.entries = at, at, map[uint64]*pb.Entry{}
			default:
				from := m.start.Index + 1 + rng.Uint64N(m.last.Index-m.start.Index+1)
				list := entries(term, from, from+rng.Uint64N(10))
				do(t, l, &Write{Entries: list})
				m.append(list)
			}
			m.compare(t, l)
		}
		if l.Marker() != nil {
			t.Errorf("a snapshot is still noted: %v", l.Marker())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestWhatARestartKnows: identity, vote and start are what they were; a replica that was destroyed leaves its grave and nothing else.
func TestWhatARestartKnows(t *testing.T) {
	fs := vfs.NewMem()
	s := openStore(t, fs)
	l := load(t, s)
	hard := Hard{Term: 3, Vote: 2, Commit: 4, Lead: 1}
	do(t, l, &Write{Replica: 9, Hard: &hard, Entries: entries(3, 1, 5)})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, fs)
	if s.ID() != 42 || s.Boot() != 2 {
		t.Errorf("the store is %d, opened %d times", s.ID(), s.Boot())
	}
	l = load(t, s)
	if l.Replica() != 9 || l.Hard() != hard || l.Last() != (Mark{5, 3}) {
		t.Errorf("replica %d, %+v, last %v", l.Replica(), l.Hard(), l.Last())
	}
	do(t, l, &Write{Destroy: true, Replica: 9})
	for range 2 {
		if l.Replica() != 0 || l.Grave() != 9 || l.Hard() != (Hard{}) || l.Last() != (Mark{}) {
			t.Errorf("of a destroyed one: replica %d, grave %d, %+v, last %v", l.Replica(), l.Grave(), l.Hard(), l.Last())
		}
		l = load(t, s)
	}
	if groups, err := s.Groups(); err != nil || len(groups) != 1 || groups[0] != group {
		t.Errorf("groups %v, %v", groups, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestTailIsBounded: what is kept in memory does not grow with the log, and what is not can be read.
func TestTailIsBounded(t *testing.T) {
	s := openStore(t, vfs.NewMem())
	l := load(t, s)
	for i := uint64(1); i <= 40; i++ {
		e := &pb.Entry{Term: new(uint64(1)), Index: new(i), Type: pb.EntryNormal.Enum(), Data: make([]byte, 32<<10)}
		do(t, l, &Write{Entries: []*pb.Entry{e}})
		if l.bytes > tailBytes {
			t.Fatalf("%d bytes are kept", l.bytes)
		}
	}
	list, err := l.Entries(1, 41, 1<<40)
	if err != nil || len(list) != 40 {
		t.Errorf("%d entries, %v", len(list), err)
	}
	if few, err := l.Entries(1, 41, 100<<10); err != nil || len(few) != 3 {
		t.Errorf("%d entries fit into 100 KiB, %v", len(few), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestHoleKillsTheStore: an entry that must be there and is not is damage, which is never read over.
func TestHoleKillsTheStore(t *testing.T) {
	s := openStore(t, vfs.NewMem())
	l := load(t, s)
	do(t, l, &Write{Entries: entries(1, 1, 9)})
	l.Forget()
	if err := s.db.Delete(entryKey(group, 5), nil); err != nil {
		t.Fatal(err)
	}
	if list, err := l.Entries(2, 9, 1<<40); !errors.Is(err, disk.ErrDead) {
		t.Errorf("%v, %v", list, err)
	}
	if s.Err() == nil {
		t.Error("the store lives")
	}
	if err := s.Commit(Batch{{Log: l, Entries: entries(2, 10, 10)}}, true); !errors.Is(err, disk.ErrDead) {
		t.Errorf("a commit: %v", err)
	}
}

// FuzzStored: whatever is stored under a key of an entry or of numbers is refused or read as something that is stored as the same bytes.
func FuzzStored(f *testing.F) {
	f.Add(encodeEntry(entries(3, 1, 1)[0]))
	f.Add(numbers(1, 2, 3, 4))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := decodeEntry(1, b); err == nil && string(encodeEntry(e)) != string(b) && b[8] < 128 {
			t.Errorf("%x is %v", b, e)
		}
		var v [4]uint64
		if err := parse(b, "it", &v[0], &v[1], &v[2], &v[3]); err == nil && string(numbers(v[:]...)) != string(b) {
			t.Errorf("%x is %v", b, v)
		}
	})
}
