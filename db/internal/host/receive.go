// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// Receive takes a frame from another node.
func (c *Core) Receive(f *Frame) {
	if c.err != nil || f.To != c.cfg.Node {
		return
	}
	c.heard(f)
	for i := range f.Messages {
		c.receive(f.From, &f.Messages[i])
	}
}

func (c *Core) receive(node uint64, m *Message) {
	switch m.Kind {
	case KindLost:
		if r := c.groups[m.Group]; r != nil && r.id != m.From {
			if _, ok := r.conf.Member(m.From); ok { // or it was removed meanwhile
				c.cfg.Events.Lost(m.Group, m.From, "its store is gone")
			}
		}
		return
	case KindGone:
		if r := c.groups[m.Group]; r != nil && r.id == m.To && r.rn != nil {
			c.destroy(r)
		}
		return
	}
	if m.ToStore != 0 && m.ToStore != c.cfg.Log.ID() && c.cfg.Flaw != TrustIdentity {
		c.reply(node, m, KindLost)
		return
	}
	r := c.addressed(node, m)
	if r == nil {
		return
	}
	r.contacts[m.From] = node
	if _, ok := r.conf.Member(m.From); !ok && m.From < r.conf.Next {
		c.reply(node, m, KindGone) // ids are never used twice: it was removed
		return
	}
	if r.quiet && m.Kind != KindQuiet && !late(r, m) {
		c.wake(r)
	}
	switch m.Kind {
	case KindRaft:
		c.receiveRaft(r, m)
	case KindQuiet:
		c.hush(r, m)
	case KindChunk:
		c.takeChunk(r, m)
	case KindChunkOK:
		c.chunkTaken(r, m)
	}
}

// late reports whether a message is the answer to a heartbeat that the leader sent before it went quiet: it holds no news.
func late(r *replica, m *Message) bool {
	return r.leading && m.Kind == KindRaft && m.Raft.GetType() == pb.MsgHeartbeatResp && m.Raft.GetTerm() == r.term
}

// reply answers a message that is not for anybody here.
func (c *Core) reply(node uint64, m *Message, kind Kind) {
	c.frame(node).Messages = append(c.frame(node).Messages, Message{Kind: kind, Group: m.Group, From: m.To, To: m.From})
}

// addressed finds the replica that a message is meant for, and makes it if the group has just got it.
func (c *Core) addressed(node uint64, m *Message) *replica {
	r := c.groups[m.Group]
	if r != nil && r.id == m.To {
		if r.ending {
			return nil
		}
		if r.rn == nil {
			c.reply(node, m, KindLost)
			return nil
		}
		return r
	}
	if r != nil && r.id == 0 {
		c.reply(node, m, KindLost) // nobody knows which replica the log was of: none of them comes back here
		return nil
	}
	if r != nil && m.To > r.id && m.ToStore == c.cfg.Log.ID() && !r.ending {
		c.destroy(r) // a store has one replica of a group: the one that was here was removed
		return nil
	}
	if r != nil || m.Kind != KindRaft && m.Kind != KindChunk || m.ToStore == 0 && c.cfg.Flaw != TrustIdentity {
		return nil
	}
	switch t := m.Raft.GetType(); t {
	case pb.MsgApp, pb.MsgHeartbeat, pb.MsgSnap, pb.MsgVote, pb.MsgPreVote:
	default:
		return nil
	}
	log, err := c.cfg.Log.Load(m.Group)
	if err != nil {
		c.fail(err)
		return nil
	}
	if m.To <= log.Grave() {
		return nil // it was removed; who asks will hear so from the others
	}
	r = c.add(&replica{group: m.Group, id: m.To, log: log})
	if err := c.start(r); err != nil {
		c.fail(err)
		return nil
	}
	return r
}

func (c *Core) receiveRaft(r *replica, m *Message) {
	rm := m.Raft
	if rm == nil || rm.GetFrom() != m.From || rm.GetTo() != r.id || raft.IsLocalMsg(rm.GetType()) {
		return
	}
	switch rm.GetType() {
	case pb.MsgProp, pb.MsgSnap, pb.MsgTransferLeader, pb.MsgReadIndex, pb.MsgReadIndexResp:
		return // a snapshot comes in chunks, the others are not sent between hosts
	case pb.MsgHeartbeat:
		if rm.GetTerm() < r.term {
			break
		}
		if rm.GetCommit() > r.seen {
			c.turn(r) // it may have come in with this frame
		}
		if rm.GetCommit() > r.seen && !r.paused {
			// The leader commits for a replica no further than it acknowledged.
			r.lose(c, fmt.Sprintf("it acknowledged %d, and its log ends at %d", rm.GetCommit(), r.seen))
			return
		}
	}
	if err := c.step(r, rm); err != nil || r.rn == nil {
		return
	}
	switch rm.GetType() {
	case pb.MsgHeartbeat, pb.MsgApp:
		if rm.GetTerm() == r.rn.BasicStatus().GetTerm() {
			r.elapsed = 0
			if rm.GetType() == pb.MsgApp {
				r.idle = 0
			}
		}
	case pb.MsgVote:
		if r.rn.BasicStatus().GetVote() == rm.GetFrom() {
			r.elapsed = 0
		}
	}
}
