// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

// counters is a machine that counts the entries of each group.
type counters struct{}

func counter(group uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0x10}, group) }

func (counters) Spans(group uint64) []state.Span {
	return []state.Span{{From: counter(group), To: counter(group + 1)}}
}

func (counters) Apply(group, _ uint64, _ []byte, r pebble.Reader, w *pebble.Batch) (any, error) {
	n, err := read(r, group)
	if err != nil {
		return nil, err
	}
	return n + 1, w.Set(counter(group), binary.BigEndian.AppendUint64(nil, n+1), nil)
}

func read(r pebble.Reader, group uint64) (uint64, error) {
	v, closer, err := r.Get(counter(group))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), closer.Close()
}

// single runs a host that is alone, on a file system.
type single struct {
	*host.Host
	log   *raftlog.Store
	state *state.Store
}

func start(t *testing.T, fs vfs.FS, groups uint64) *single {
	t.Helper()
	log, err := raftlog.Open(disk.Options{FS: fs, Dir: "log"}, rand.Uint64)
	if err != nil {
		t.Fatal(err)
	}
	st, err := state.Open(disk.Options{FS: fs, Dir: "state"}, log.ID(), counters{})
	if err != nil {
		t.Fatal(err)
	}
	core, err := host.New(host.Config{Node: 1, Log: log, State: st, Rand: rand.New(rand.NewPCG(1, 2)), FlushBytes: 20000, KeepEntries: 10})
	if err != nil {
		t.Fatal(err)
	}
	for g := uint64(1); g <= groups; g++ {
		if err := core.Create(g, []state.Member{{Replica: 1, Node: 1, Store: log.ID()}}); err != nil {
			t.Fatal(err)
		}
	}
	s := &single{host.Start(core, 5*time.Millisecond, nil), log, st}
	t.Cleanup(func() { s.Stop() })
	return s
}

func (s *single) close(t *testing.T) {
	t.Helper()
	s.Stop()
	if err := errors.Join(s.state.Close(), s.log.Close()); err != nil {
		t.Fatal(err)
	}
}

// propose proposes until the group's leader has taken it.
func (s *single) propose(t *testing.T, group uint64) (uint64, error) {
	t.Helper()
	for {
		r, err := s.Propose(t.Context(), group, []byte("x"))
		if errors.Is(err, host.ErrNotLeader) || errors.Is(err, host.ErrBusy) {
			continue
		}
		n, _ := r.Value.(uint64)
		return n, err
	}
}

// TestOneNode: groups of one replica on one node: every proposal is applied once, and is there after a restart.
func TestOneNode(t *testing.T) {
	fs := vfs.NewMem()
	const groups, writers, each = 5, 16, 50
	s := start(t, fs, groups)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if _, err := s.propose(t, uint64(1+(w+i)%groups)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for g := uint64(1); g <= groups; g++ { // flushing and cutting comes with the ticks
		for st, _ := s.Status(g); st.Start.Index == 1; st, _ = s.Status(g) {
			if t.Context().Err() != nil {
				t.Fatal("the log is not cut")
			}
			runtime.Gosched()
		}
		if _, err := s.propose(t, g); err != nil { // the cut is written along with it
			t.Fatal(err)
		}
	}
	s.close(t)

	s = start(t, fs, groups)
	total := uint64(0)
	for g := uint64(1); g <= groups; g++ {
		for s.Read(t.Context(), g) != nil {
			if t.Context().Err() != nil {
				t.Fatal("no leader")
			}
		}
		n, err := read(s.state.Reader(), g)
		if err != nil {
			t.Fatal(err)
		}
		total += n
		if st, _ := s.Status(g); st.Start.Index == 1 {
			t.Errorf("the log of group %d was not cut: %+v", g, st)
		}
	}
	if total != writers*each+groups {
		t.Errorf("%d entries are applied, %d were proposed", total, writers*each+groups)
	}
	s.close(t)
}

// TestFailedSync: the first sync that fails ends the host; nobody is told that a write went well, and nothing hangs.
func TestFailedSync(t *testing.T) {
	broken := errorfs.Toggle{Injector: errorfs.ErrInjected.If(errorfs.And(errorfs.Writes, errorfs.PathMatch("log/*.log")))}
	s := start(t, errorfs.Wrap(vfs.NewMem(), &broken), 1)
	if _, err := s.propose(t, 1); err != nil {
		t.Fatal(err)
	}
	broken.On()
	if _, err := s.propose(t, 1); !errors.Is(err, host.ErrUnknown) {
		t.Errorf("a proposal on a broken disk ends with %v, want ErrUnknown", err)
	}
	<-s.Done()
	if err := s.Err(); !errors.Is(err, disk.ErrDead) {
		t.Errorf("the host stopped by %v", err)
	}
	broken.Off()
	if _, err := s.Propose(context.Background(), 1, nil); !errors.Is(err, host.ErrStopped) {
		t.Errorf("a proposal after it: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	s := start(t, vfs.NewMem(), 1)
	if _, err := s.propose(t, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Propose(t.Context(), 1, make([]byte, 5<<20)); !errors.Is(err, host.ErrTooLarge) {
		t.Error(err)
	}
	if _, err := s.Propose(t.Context(), 9, nil); !errors.Is(err, host.ErrNoGroup) {
		t.Error(err)
	}
	s.close(t)
}
