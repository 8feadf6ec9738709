// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"errors"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/host"
)

// TestGroupsGoQuiet: groups in which nothing happens stop ticking on all their nodes, send nothing, and wake up for a proposal, one by one.
func TestGroupsGoQuiet(t *testing.T) {
	const groups = 8
	tr := newThree(t, groups)
	tr.ticks(30)
	for g := uint64(1); g <= groups; g++ {
		tr.propose(g)
	}
	tr.ticks(30)
	if n := tr.quiet(groups); n != 3*groups {
		t.Fatalf("%d of %d replicas are quiet", n, 3*groups)
	}
	clear(tr.frames)
	tr.ticks(100)
	if n := tr.quiet(groups); n != 3*groups || len(tr.frames) > 0 {
		t.Errorf("after a long while %d of %d replicas are quiet; messages were sent: %v", n, 3*groups, tr.frames)
	}
	tr.propose(1)
	if n := tr.quiet(groups); n != 3*(groups-1) {
		t.Errorf("one group has something to do, and %d replicas of the others are quiet, want %d", n, 3*(groups-1))
	}
	tr.ticks(30)
	if n := tr.quiet(groups); n != 3*groups {
		t.Errorf("afterwards %d replicas are quiet again", n)
	}
}

// TestLateAnswer: the answer to the last heartbeat, which comes behind the word that the group is quiet, wakes nobody.
func TestLateAnswer(t *testing.T) {
	tr := newThree(t, 1)
	tr.ticks(30)
	tr.propose(1)
	lead := tr.leader(1)
	var last host.Message // of the answers to heartbeats
	tr.lost = func(_, to uint64, m *host.Message) bool {
		if m != nil && to == lead && m.Kind == host.KindRaft && m.Raft.GetType() == pb.MsgHeartbeatResp {
			last = *m
		}
		return false
	}
	tr.ticks(30)
	if n := tr.quiet(1); n != 3 || last.Raft == nil {
		t.Fatalf("%d replicas are quiet; the last answer: %+v", n, last)
	}
	from := last.From
	tr.cores[lead-1].Receive(&host.Frame{From: from, To: lead, Store: tr.logs[from-1].ID(), Boot: tr.logs[from-1].Boot(), Messages: []host.Message{last}})
	tr.settle()
	if n := tr.quiet(1); n != 3 {
		t.Errorf("a late answer left %d replicas quiet", n)
	}
}

// TestDeafLeaderOfQuietGroup: a leader that hears nobody is heard all the same, and nobody would ask for another: it finds out by itself, and another one leads.
func TestDeafLeaderOfQuietGroup(t *testing.T) {
	tr := newThree(t, 1)
	tr.ticks(30)
	tr.propose(1)
	tr.ticks(30)
	if n := tr.quiet(1); n != 3 {
		t.Fatalf("%d replicas are quiet", n)
	}
	deaf := tr.leader(1)
	tr.lost = func(_, to uint64, _ *host.Message) bool { return to == deaf }
	tr.ticks(100)
	if now := tr.leader(1); now == deaf {
		t.Errorf("node %d leads, and hears nobody", deaf)
	}
	if st, _ := tr.cores[deaf-1].Status(1); st.Leading {
		t.Error("it takes itself for the leader still")
	}
	tr.propose(1)
}

// TestReadWhileMembersGo: a read that waits for the answer of a member is not forgotten when that member is removed, and nobody is left to ask.
func TestReadWhileMembersGo(t *testing.T) {
	tr := newThree(t, 1)
	tr.ticks(30)
	lead := tr.leader(1)
	c := tr.cores[lead-1]
	change := func(ch host.Change) {
		t.Helper()
		err := errors.New("it hangs")
		c.Change(1, ch, func(r host.Result) { err = r.Err })
		for range 20 {
			tr.ticks(1)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var others []uint64
	for id := uint64(1); id <= 3; id++ {
		if id != lead {
			others = append(others, id)
		}
	}
	change(host.Change{Remove: others[:1]})
	tr.lost = func(_, to uint64, m *host.Message) bool { // the answers to heartbeats, with which reads are confirmed
		return m != nil && to == lead && m.Kind == host.KindRaft && m.Raft.GetType() == pb.MsgHeartbeatResp
	}
	answer := errors.New("it hangs")
	c.Read(1, func(err error) { answer = err })
	tr.settle()
	change(host.Change{Remove: others[1:]})
	if answer != nil {
		t.Errorf("a read that was under way: %v", answer)
	}
	if st, _ := c.Status(1); !st.Leading || len(st.Conf.Members) != 1 {
		t.Errorf("in the end: %+v", st)
	}
}
