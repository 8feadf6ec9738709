// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/banyan-go/banyan/db/internal/lease"
)

// TestDeathIsProved: a node of the same machine declares one down whose process has ended, without waiting for its lease.
func TestDeathIsProved(t *testing.T) {
	dir := t.TempDir()
	p := newProof(dir)
	if p.file == nil {
		t.Skip("machines are not told apart here")
	}
	if p.row.dead() {
		t.Error("a process that lives is taken for dead")
	}
	other := p.row
	other.Mark = strings.Repeat("x", len(other.Mark))
	elsewhere := p.row
	elsewhere.Machine = "another"
	p.close()
	if !p.row.dead() {
		t.Error("there is no proof of a process that has ended")
	}
	if other.dead() || elsewhere.dead() || (Lock{}).dead() {
		t.Error("proof of the end of another process, or of another machine")
	}
	next := newProof(dir)
	defer next.close()
	if next.file == nil || p.row.dead() || next.row.Mark == p.row.Mark {
		t.Error("the successor is taken for its predecessor")
	}
	if err := os.Remove(next.row.Path); err != nil || next.row.dead() {
		t.Errorf("proof without a file: %v", err)
	}
}

// TestVotesAreWrittenDown: a voter reads back what it has saved last, on any file system.
func TestVotesAreWrittenDown(t *testing.T) {
	for _, fs := range []vfs.FS{vfs.NewMem(), vfs.Default} {
		v := votes{fs, "db"}
		if fs == vfs.Default {
			v.dir = t.TempDir()
		} else if err := fs.MkdirAll(v.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if b, err := v.load(); err != nil || b != nil {
			t.Errorf("%q %v", b, err)
		}
		for _, want := range []string{"one", "another one", "3"} {
			if err := v.save([]byte(want)); err != nil {
				t.Fatal(err)
			}
			if b, err := v.load(); err != nil || string(b) != want {
				t.Errorf("%q %v", b, err)
			}
		}
	}
}

// shelf is a book in memory, led by node 1, who votes alone.
type shelf struct {
	mu    sync.Mutex
	page  Page
	downs chan lease.Life
}

func newShelf() *shelf {
	s := &shelf{downs: make(chan lease.Life, 10)}
	s.page = Page{At: 1, Conf: lease.Conf{Version: 1, Lists: [][]uint64{{1}}}, Rows: map[uint64]Row{2: {Inc: 7, Name: "silent"}}}
	return s
}

// change writes a row on a new page.
func (s *shelf) change(node uint64, f func(*Row)) {
	rows := map[uint64]Row{}
	for n, r := range s.page.Rows {
		rows[n] = r
	}
	r := rows[node]
	f(&r)
	rows[node] = r
	s.page.At++
	s.page.Rows = rows
}

func (s *shelf) Admit(_ context.Context, node uint64, name string, lock Lock) (lease.Life, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(node, func(r *Row) { *r = Row{Inc: r.Inc + 1, Name: name, Lock: lock} })
	return lease.Life{Node: node, Inc: s.page.Rows[node].Inc}, nil
}

func (s *shelf) CarryOut(_ context.Context, p lease.Proposal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Kind == lease.ProposeVoters || !p.Applies(s.page.Conf, s.page.Rows[p.Life.Node].Member(p.Life.Node)) {
		return nil
	}
	s.change(p.Life.Node, func(r *Row) {
		if p.Kind == lease.ProposeDown {
			r.State = Down
			s.downs <- p.Life
		} else {
			r.Cancelled = p.Round
		}
	})
	return nil
}

func (s *shelf) End(_ context.Context, l lease.Life, state State, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(l.Node, func(r *Row) { r.State, r.Why = state, why })
	return nil
}

func (s *shelf) Read(_ context.Context, known uint64) (*Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known == s.page.At {
		return nil, nil
	}
	p := s.page
	return &p, nil
}

func (s *shelf) Led() (bool, []uint64) { return true, []uint64{1} }
func (s *shelf) Ended(uint64)          {}

// A vote that cannot be written down, because the disk is full, is not given; when there is room again it is, and the node goes on by itself.
func TestVoteOnAFullDisk(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	refused := make(chan bool, 1)
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind != errorfs.OpCreate || !full.Load() {
			return nil
		}
		select {
		case refused <- true:
		default:
		}
		return syscall.ENOSPC
	}))
	if err := fs.MkdirAll("db", 0o700); err != nil {
		t.Fatal(err)
	}
	s := newShelf()
	told := make(chan []Ended, 10)
	k, err := New(Config{Node: 1, Name: "n1", Book: s, FS: fs, Dir: "db", Tell: func(l []Ended) { told <- l }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	k.Start()
	defer k.Stop()
	life, term, err := k.Wait(t.Context())
	if err != nil || !k.Valid(term) || life != (lease.Life{Node: 1, Inc: 1}) {
		t.Fatal(life, term, err)
	}
	for range 3 {
		<-refused // and so it is tried again
	}
	select {
	case l := <-s.downs:
		t.Fatalf("%+v was buried by a vote that is nowhere written down", l)
	default:
	}
	full.Store(false)
	if l := <-s.downs; l != (lease.Life{Node: 2, Inc: 7}) {
		t.Errorf("%+v", l)
	}
	for !slices.ContainsFunc(<-told, func(e Ended) bool { return e.Name == "silent" && e.Inc == 7 && e.State == Down }) {
	}
	if _, _, err := k.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}
