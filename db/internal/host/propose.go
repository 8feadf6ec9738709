// SPDX-License-Identifier: Apache-2.0

package host

import (
	"encoding/binary"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/state"
)

// leader finds the replica that leads a group here.
func (c *Core) leader(group uint64) (*replica, error) {
	if c.err != nil {
		return nil, ErrStopped
	}
	r := c.groups[group]
	if r == nil || r.rn == nil {
		return nil, ErrNoGroup
	}
	if !r.leading {
		c.wake(r) // who asks for a leader wants one
		m, _ := r.conf.Member(r.lead)
		return nil, &NotLeader{r.lead, m.Node}
	}
	return r, nil
}

// Propose puts an entry into a group's log, if its leader is here. done is called once: with the machine's result when it
// has been applied here, on the goroutine that applies; or, on the core's, with an error that says what may have happened. It must return at once.
func (c *Core) Propose(group uint64, data []byte, done func(Result)) {
	r, err := c.leader(group)
	if err == nil && len(data) > c.cfg.MaxEntryBytes {
		err = fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), c.cfg.MaxEntryBytes)
	}
	if err != nil {
		done(Result{Err: err})
		return
	}
	b := make([]byte, header, header+len(data))
	c.seq++
	binary.BigEndian.PutUint64(b, c.run)
	binary.BigEndian.PutUint64(b[8:], c.seq)
	e := &pb.Entry{Data: append(b, data...)}
	r.proposed = append(r.proposed, proposal{e, c.seq})
	c.hand(r, c.seq, nil, done)
	if c.cfg.Flaw == AnswerTwice {
		r.proposed = append(r.proposed, proposal{&pb.Entry{Data: e.GetData()}, c.seq})
	}
	if c.cfg.Flaw == ApplyUncommitted {
		if done := r.waiters[c.seq]; done != nil {
			delete(r.waiters, c.seq)
			done(Result{})
		}
	}
}

// hand notes a proposal that raft has taken, or not.
func (c *Core) hand(r *replica, seq uint64, err error, done func(Result)) {
	c.wake(r)
	c.touch(r)
	if err != nil {
		done(Result{Err: fmt.Errorf("%w: %w", ErrBusy, err)})
		return
	}
	r.waiters[seq] = done
}

// proposal is one that raft has not got yet.
type proposal struct {
	entry *pb.Entry
	seq   uint64
}

// put gives raft the proposals that have come in, all as one: the followers get them in one message, too.
func (c *Core) put(r *replica) {
	if len(r.proposed) == 0 {
		return
	}
	all := r.proposed
	r.proposed = nil
	m := &pb.Message{Type: pb.MsgProp.Enum(), From: new(r.id), Entries: make([]*pb.Entry, len(all))}
	for i, p := range all {
		m.Entries[i] = p.entry
	}
	err := r.rn.Step(m)
	if err == nil {
		return
	}
	for _, p := range all { // raft has taken none of them
		if done := r.waiters[p.seq]; done != nil {
			delete(r.waiters, p.seq)
			done(Result{Err: fmt.Errorf("%w: %w", ErrBusy, err)})
		}
	}
}

// Read calls done with nil as soon as the state here has everything that was committed when Read was called, or with an
// error: then nothing is known, and the read may be tried anywhere.
func (c *Core) Read(group uint64, done func(error)) {
	r, err := c.leader(group)
	if err != nil {
		done(err)
		return
	}
	if c.cfg.Flaw == ReadHere {
		done(nil)
		return
	}
	r.asking = append(r.asking, &read{done: done})
	c.wake(r)
	c.touch(r)
}

// ReadIndex is Read for somebody on another node: done gets the index that a replica must have applied to have everything that was
// committed when ReadIndex was called. See Await.
func (c *Core) ReadIndex(group uint64, done func(index uint64, err error)) {
	r := c.groups[group]
	c.Read(group, func(err error) {
		if err != nil {
			done(0, err)
			return
		}
		done(r.applied.Index, nil)
	})
}

// Await calls done with nil as soon as the replica here has applied an index, or with an error: then the replica is gone, or does not run.
func (c *Core) Await(group, index uint64, done func(error)) {
	r := c.groups[group]
	switch {
	case c.err != nil:
		done(ErrStopped)
	case r == nil || r.rn == nil:
		done(ErrNoGroup)
	case r.applied.Index >= index && !r.paused:
		done(nil)
	default:
		r.reads = append(r.reads, &read{index: index, done: done})
		c.wake(r)
	}
}

// Change is a change of a group's members. More than one step at once goes by way of a joint configuration.
type Change struct {
	// Learners and Voters are new replicas, by node and store; they get the next ids, learners first.
	Learners, Voters []state.Member
	// Promote makes learners voters, Demote voters learners, Remove ends replicas.
	Promote, Demote, Remove []uint64
}

// Change changes a group's members, if its leader is here. The result's value is nil; the new configuration comes by Events.Conf.
func (c *Core) Change(group uint64, ch Change, done func(Result)) {
	r, err := c.leader(group)
	if err != nil {
		done(Result{Err: err})
		return
	}
	cc := &pb.ConfChangeV2{}
	step := func(t pb.ConfChangeType, id uint64) {
		cc.Changes = append(cc.Changes, &pb.ConfChangeSingle{Type: t.Enum(), NodeId: new(id)})
	}
	var added []state.Member
	next := r.conf.Next
	add := func(t pb.ConfChangeType, list []state.Member) {
		for _, m := range list {
			m.Replica = next
			next++
			added = append(added, m)
			step(t, m.Replica)
		}
	}
	add(pb.ConfChangeAddLearnerNode, ch.Learners)
	add(pb.ConfChangeAddNode, ch.Voters)
	for _, id := range ch.Promote {
		step(pb.ConfChangeAddNode, id)
	}
	for _, id := range ch.Demote {
		step(pb.ConfChangeAddLearnerNode, id)
	}
	for _, id := range ch.Remove {
		step(pb.ConfChangeRemoveNode, id)
	}
	if err := c.check(r, cc, added); err != nil {
		done(Result{Err: err})
		return
	}
	c.seq++
	b := binary.BigEndian.AppendUint64(nil, c.run)
	b = binary.BigEndian.AppendUint64(b, c.seq)
	cc.Context = state.AppendMembers(b, added)
	c.hand(r, c.seq, c.safely(func() error { return r.rn.ProposeConfChange(cc) }), done)
}

// check finds out early what every replica would refuse.
func (c *Core) check(r *replica, cc *pb.ConfChangeV2, added []state.Member) error {
	if len(cc.Changes) == 0 {
		return fmt.Errorf("%w: it changes nothing", ErrRefused)
	}
	for _, a := range added {
		for _, m := range r.conf.Members {
			if m.Store == a.Store {
				return fmt.Errorf("%w: store %x has replica %d already: remove it first", ErrRefused, m.Store, m.Replica)
			}
		}
	}
	if _, err := r.conf.After(cc, added); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}

// Transfer asks the leader, if it is here, to hand over to another replica. Whether it did is told by Events.Leader.
func (c *Core) Transfer(group, to uint64) error {
	r, err := c.leader(group)
	if err != nil {
		return err
	}
	c.wake(r)
	c.touch(r)
	return c.safely(func() error { r.rn.TransferLeader(to); return nil })
}
