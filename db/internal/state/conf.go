// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/confchange"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"
)

// Member is one replica of a group: which it is, and where. Replica ids rise and are never used twice; Store is the log
// store that it lives in, so that a node that lost its disk is not taken for the replica it had.
type Member struct {
	Replica uint64
	Node    uint64
	Store   uint64
}

// Conf is a group's configuration.
type Conf struct {
	// Raft says who votes and who learns.
	Raft *pb.ConfState
	// Members are the replicas of Raft, by rising id.
	Members []Member
	// Next is the id of the next replica: those below that are not members are gone for ever.
	Next uint64
}

// Member finds a replica.
func (c *Conf) Member(replica uint64) (Member, bool) {
	for _, m := range c.Members {
		if m.Replica == replica {
			return m, true
		}
	}
	return Member{}, false
}

// Voter reports whether a replica votes, in either half of a joint configuration.
func (c *Conf) Voter(replica uint64) bool {
	return slices.Contains(c.Raft.GetVoters(), replica) || slices.Contains(c.Raft.GetVotersOutgoing(), replica)
}

// Joint reports whether the configuration is between two.
func (c *Conf) Joint() bool { return len(c.Raft.GetVotersOutgoing()) > 0 }

// After is the configuration after a change; added are the replicas that the change adds. A change that does not fit is an error, and
// the same on every replica.
func (c Conf) After(cc *pb.ConfChangeV2, added []Member) (Conf, error) {
	for i, m := range added {
		if m.Replica != c.Next+uint64(i) {
			return c, fmt.Errorf("state: replica %d is added where %d is next: propose the change again", m.Replica, c.Next+uint64(i))
		}
	}
	// Index is of no consequence for who is a member.
	chg := confchange.Changer{Tracker: tracker.MakeProgressTracker(1, 0), LastIndex: 1}
	cfg, progress, err := confchange.Restore(chg, c.Raft)
	if err != nil {
		return c, fmt.Errorf("state: the configuration is damaged: %w", err)
	}
	chg.Tracker.Config, chg.Tracker.Progress = cfg, progress
	if cc.LeaveJoint() {
		cfg, progress, err = chg.LeaveJoint()
	} else if auto, ok := cc.EnterJoint(); ok {
		cfg, progress, err = chg.EnterJoint(auto, cc.Changes...)
	} else {
		cfg, progress, err = chg.Simple(cc.Changes...)
	}
	if err != nil {
		return c, fmt.Errorf("state: the change does not fit: %w", err)
	}
	chg.Tracker.Config, chg.Tracker.Progress = cfg, progress
	n := Conf{Raft: chg.Tracker.ConfState(), Next: c.Next + uint64(len(added))}
	for _, m := range append(slices.Clone(c.Members), added...) {
		if _, ok := progress[m.Replica]; ok {
			n.Members = append(n.Members, m)
		}
	}
	return n, nil
}

// Encode is the stored form.
func (c Conf) Encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, c.Next)
	b = AppendMembers(b, c.Members)
	cs, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.Raft)
	if err != nil {
		panic(fmt.Sprintf("state: cannot encode %v: %v", c.Raft, err)) // numbers only: it cannot fail
	}
	return append(b, cs...)
}

// AppendMembers encodes members.
func AppendMembers(b []byte, members []Member) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(members)))
	for _, m := range members {
		b = binary.BigEndian.AppendUint64(b, m.Replica)
		b = binary.BigEndian.AppendUint64(b, m.Node)
		b = binary.BigEndian.AppendUint64(b, m.Store)
	}
	return b
}

// CutMembers decodes members and returns the rest.
func CutMembers(b []byte) (members []Member, rest []byte, err error) {
	if len(b) < 4 || uint64(len(b)-4) < 24*uint64(binary.BigEndian.Uint32(b)) {
		return nil, nil, fmt.Errorf("state: %d bytes are too short for members", len(b))
	}
	n := binary.BigEndian.Uint32(b)
	for b = b[4:]; n > 0; n-- {
		members = append(members, Member{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])})
		b = b[24:]
	}
	return members, b, nil
}

func decodeConf(b []byte) (c Conf, err error) {
	if len(b) < 12 {
		return c, fmt.Errorf("state: a configuration has %d bytes", len(b))
	}
	c.Next = binary.BigEndian.Uint64(b)
	if c.Members, b, err = CutMembers(b[8:]); err != nil {
		return c, err
	}
	c.Raft = &pb.ConfState{}
	if err := proto.Unmarshal(b, c.Raft); err != nil {
		return c, fmt.Errorf("state: a configuration is damaged: %w", err)
	}
	return c, nil
}
