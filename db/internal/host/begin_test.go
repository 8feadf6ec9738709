// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/state"
)

// do runs f on the core's goroutine and waits for it.
func (s *single) do(t *testing.T, f func(c *host.Core)) {
	t.Helper()
	done := make(chan struct{})
	if !s.Do(func(c *host.Core) { defer close(done); f(c) }) {
		t.Fatal("the host has stopped")
	}
	<-done
}

// TestBegin: a group begins behind an index, with rows; after its replica was abandoned it begins again, under a higher id only.
func TestBegin(t *testing.T) {
	s := start(t, vfs.NewMem(), 1)
	begin := func(replica, index, rows uint64) (err error) {
		s.do(t, func(c *host.Core) {
			err = c.Begin(7, replica, index, state.AppendRow(nil, counter(7), binary.BigEndian.AppendUint64(nil, rows)))
		})
		return err
	}
	for epoch := uint64(1); epoch <= 2; epoch++ {
		if err := errors.Join(begin(epoch<<32, epoch<<40, 10*epoch), begin(epoch<<32, epoch<<40, 99)); err != nil {
			t.Fatal(err)
		}
		if n, err := s.propose(t, 7); err != nil || n != 10*epoch+1 {
			t.Errorf("the first entry of epoch %d makes it %d: %v", epoch, n, err)
		}
		if st, _ := s.Status(7); st.Replica != epoch<<32 || st.Applied.Index <= epoch<<40 {
			t.Errorf("epoch %d: replica %d has applied %d", epoch, st.Replica, st.Applied.Index)
		}
		if err := begin(epoch<<32+1, 1<<50, 0); !errors.Is(err, host.ErrRefused) {
			t.Errorf("another replica begins beside the one that is here: %v", err)
		}
		for range 2 {
			done := make(chan struct{})
			s.do(t, func(c *host.Core) { c.Abandon(7, func() { close(done) }) })
			<-done
		}
		if _, ok := s.Status(7); ok {
			t.Error("an abandoned replica is there")
		}
		if n, err := read(s.state.Reader(), 7); n != 0 || err != nil {
			t.Errorf("an abandoned replica leaves %d behind: %v", n, err)
		}
		if err := begin(epoch<<32, epoch<<40, 0); !errors.Is(err, host.ErrRefused) {
			t.Errorf("an abandoned replica begins again: %v", err)
		}
	}
	s.close(t)
}

// TestStateWithoutLog: a replica whose log is gone is refused, and the store takes the next replica of its group, if it is known which one it had.
func TestStateWithoutLog(t *testing.T) {
	fs := vfs.NewMem()
	s := start(t, fs, 1)
	if _, err := s.propose(t, 1); err != nil {
		t.Fatal(err)
	}
	s.do(t, func(c *host.Core) { c.Flush(nil) })
	s.close(t)
	log, _, err := disk.Open(disk.Options{FS: fs, Dir: "log"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	from, to := binary.BigEndian.AppendUint64([]byte{1}, 1), binary.BigEndian.AppendUint64([]byte{1}, 2)
	if err := errors.Join(log.DeleteRange(from, to, pebble.Sync), log.Close()); err != nil {
		t.Fatal(err)
	}
	s = start(t, fs, 0)
	if st, ok := s.Status(1); !ok || st.Refused == "" || st.Replica != 1 {
		t.Fatalf("a replica without its log: %+v", st)
	}
	for to := uint64(1); to <= 2; to++ {
		heartbeat := &pb.Message{Type: pb.MsgHeartbeat.Enum(), From: new(uint64(9)), To: &to, Term: new(uint64(5))}
		for {
			s.do(t, func(c *host.Core) {
				c.Receive(&host.Frame{From: 2, To: 1, Messages: []host.Message{{Kind: host.KindRaft, Group: 1, From: 9, To: to, ToStore: s.log.ID(), Raft: heartbeat}}})
			})
			st, _ := s.Status(1)
			if st.Replica == to && (to == 1) == (st.Refused != "") {
				break
			}
			if t.Context().Err() != nil || to == 1 {
				t.Fatalf("after a message to replica %d: %+v", to, st)
			}
			runtime.Gosched()
		}
	}
	s.close(t)
}
