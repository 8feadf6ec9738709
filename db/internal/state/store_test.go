// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/disk"
)

const group = 5

// rows is a machine: an entry "key=value" sets a row, "!" fails.
type rows struct{}

var errEntry = errors.New("a bad entry")

func rowKey(group uint64, key string) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{0x10}, group), key...)
}

func (rows) Spans(group uint64) []Span {
	return []Span{{rowKey(group, ""), rowKey(group+1, "")}}
}

func (rows) Apply(group, index uint64, data []byte, r pebble.Reader, w *pebble.Batch) (any, error) {
	key, value, ok := bytes.Cut(data, []byte("="))
	if !ok {
		return nil, errEntry
	}
	return len(value), w.Set(rowKey(group, string(key)), value, nil)
}

// Apply carries out one entry, by itself.
func (s *Store) Apply(group uint64, at Applied, data []byte, conf *Conf) (result any, err error) {
	e, err := s.Entries(group)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if result, err = e.Apply(at, data, conf); err != nil {
		return nil, err
	}
	return result, e.Commit()
}

func openState(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(disk.Options{FS: fs, Dir: "state"}, 1, rows{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func conf(ids ...uint64) *Conf {
	c := &Conf{Raft: &pb.ConfState{Voters: ids, AutoLeave: new(false)}, Next: ids[len(ids)-1] + 1}
	for _, id := range ids {
		c.Members = append(c.Members, Member{id, 10 + id, 20 + id})
	}
	return c
}

func apply(t *testing.T, s *Store, group, index uint64, data string, c *Conf) {
	t.Helper()
	var b []byte
	if data != "" {
		b = []byte(data)
	}
	if _, err := s.Apply(group, Applied{index, 1}, b, c); err != nil {
		t.Fatal(err)
	}
}

func value(t *testing.T, s *Store, group uint64, key string) string {
	t.Helper()
	b, err := s.get(s.Reader(), rowKey(group, key))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestIndexAndRowsAreOne: after a crash, the rows are those of the applied index: of the last flush.
func TestIndexAndRowsAreOne(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openState(t, fs)
	apply(t, s, group, 1, "", conf(1, 2, 3))
	apply(t, s, group, 2, "a=1", nil)
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	apply(t, s, group, 3, "a=2", nil)
	if at, _, err := s.Load(group); err != nil || at.Index != 3 || value(t, s, group, "a") != "2" {
		t.Errorf("at %v, %v: a is %q", at, err, value(t, s, group, "a"))
	}
	s2 := openState(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	at, c, err := s2.Load(group)
	if err != nil || at != (Applied{2, 1}) || value(t, s2, group, "a") != "1" {
		t.Errorf("after a crash at %v, %v: a is %q", at, err, value(t, s2, group, "a"))
	}
	if !bytes.Equal(c.Encode(), conf(1, 2, 3).Encode()) {
		t.Errorf("its configuration is %+v", c)
	}
	if err := errors.Join(s.Close(), s2.Close()); err != nil {
		t.Error(err)
	}
}

// TestForeignState: the state of another log store is not taken.
func TestForeignState(t *testing.T) {
	fs := vfs.NewMem()
	if err := openState(t, fs).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(disk.Options{FS: fs, Dir: "state"}, 2, rows{}); !errors.Is(err, ErrForeign) {
		t.Errorf("%v", err)
	}
}

// TestSnapshotMoves: what one store exports another one imports, in place of what it had; nothing else is touched.
func TestSnapshotMoves(t *testing.T) {
	from, to := openState(t, vfs.NewMem()), openState(t, vfs.NewMem())
	apply(t, from, group, 1, "", conf(1))
	for i := range uint64(100) {
		apply(t, from, group, 2+i, fmt.Sprintf("k%02d=%d", i, i), nil)
	}
	apply(t, from, group+1, 1, "other=1", nil)
	apply(t, to, group, 1, "", conf(1))
	apply(t, to, group, 2, "old=1", nil)
	apply(t, to, group+1, 1, "other=2", nil)
	e, err := from.Export(group)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, from, group, 102, "k00=late", nil) // behind the export's moment
	m, err := to.Import(group, e.At, e.Conf)
	if err != nil {
		t.Fatal(err)
	}
	parts := 0
	for last := false; !last; parts++ {
		var b []byte
		if b, last, err = e.Next(50); err != nil {
			t.Fatal(err)
		}
		if err := m.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	if value(t, to, group, "old") != "1" || parts < 5 {
		t.Errorf("%d parts; the old row is %q before the end", parts, value(t, to, group, "old"))
	}
	if err := errors.Join(m.Finish(), e.Close()); err != nil {
		t.Fatal(err)
	}
	at, _, err := to.Load(group)
	if err != nil || at.Index != 101 || value(t, to, group, "old") != "" || value(t, to, group, "k00") != "0" || value(t, to, group, "k99") != "99" || value(t, to, group+1, "other") != "2" {
		t.Errorf("at %v, %v: old %q, k00 %q, k99 %q, other %q", at, err, value(t, to, group, "old"), value(t, to, group, "k00"), value(t, to, group, "k99"), value(t, to, group+1, "other"))
	}
	if err := to.Remove(group); err != nil {
		t.Fatal(err)
	}
	if at, _, err := to.Load(group); err != nil || at.Index != 0 || value(t, to, group, "k99") != "" {
		t.Errorf("removed, it is at %v, %v, with k99 %q", at, err, value(t, to, group, "k99"))
	}
	if groups, err := to.Groups(); err != nil || len(groups) != 1 || groups[0] != group+1 {
		t.Errorf("groups %v, %v", groups, err)
	}
	if err := errors.Join(from.Close(), to.Close()); err != nil {
		t.Error(err)
	}
}

// TestBadSnapshot: rows out of order, of another group, or cut off are not taken, and what was there stays.
func TestBadSnapshot(t *testing.T) {
	s := openState(t, vfs.NewMem())
	apply(t, s, group, 1, "old=1", conf(1))
	pair := func(group uint64, key string) []byte {
		return appendBytes(appendBytes(nil, rowKey(group, key)), []byte("v"))
	}
	for name, b := range map[string][]byte{
		"out of order": append(pair(group, "b"), pair(group, "a")...),
		"twice":        append(pair(group, "a"), pair(group, "a")...),
		"another's":    pair(group+1, "a"),
		"cut off":      pair(group, "a")[:5],
	} {
		m, err := s.Import(group, Applied{9, 1}, *conf(1))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Add(b); err == nil {
			t.Errorf("%s: it was taken", name)
		}
		if err := m.Discard(); err != nil {
			t.Error(err)
		}
	}
	if at, _, err := s.Load(group); err != nil || at.Index != 1 || value(t, s, group, "old") != "1" {
		t.Errorf("at %v, %v: old is %q", at, err, value(t, s, group, "old"))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestBadEntry: an entry that the machine cannot carry out is damage: nothing is written, and the store is dead.
func TestBadEntry(t *testing.T) {
	fs := vfs.NewMem()
	s := openState(t, fs)
	apply(t, s, group, 1, "a=1", conf(1))
	if _, err := s.Apply(group, Applied{2, 1}, []byte("!"), nil); !errors.Is(err, errEntry) || !errors.Is(err, disk.ErrDead) {
		t.Errorf("%v", err)
	}
	if at, _, err := s.Load(group); err != nil || at.Index != 1 {
		t.Errorf("at %v, %v", at, err)
	}
	if _, err := s.Apply(group, Applied{2, 1}, []byte("a=2"), nil); !errors.Is(err, errEntry) {
		t.Errorf("after it: %v", err)
	}
}

// FuzzConf: a stored configuration is refused, or is written as one that is read as the same.
func FuzzConf(f *testing.F) {
	f.Add(conf(1, 2, 3).Encode())
	f.Add(make([]byte, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeConf(b)
		if err != nil {
			return
		}
		if back, err := decodeConf(c.Encode()); err != nil || !bytes.Equal(back.Encode(), c.Encode()) {
			t.Errorf("%x is %+v, and then %+v, %v", b, c, back, err)
		}
	})
}

// FuzzRows: rows of a snapshot are cut apart or refused.
func FuzzRows(f *testing.F) {
	f.Add(appendBytes(appendBytes(nil, []byte("key")), []byte("value")))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			v, rest, err := cutBytes(b)
			if err != nil {
				return
			}
			if len(v)+len(rest) >= len(b) {
				t.Fatalf("%x has %x and %x", b, v, rest)
			}
			b = rest
		}
	})
}
