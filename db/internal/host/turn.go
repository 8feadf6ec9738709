// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/raftlog"
)

// turn takes from raft what it has ready, until it has no more.
func (c *Core) turn(r *replica) {
	defer func() {
		if v := recover(); v != nil {
			if err := c.cfg.Log.Err(); err != nil {
				c.fail(err) // raft panics when it cannot read its log
				return
			}
			if c.cfg.Flaw == NoFlaw {
				panic(v) // nothing from outside gets here: it is a bug of this package's
			}
			r.lose(c, fmt.Sprint(v))
		}
	}()
	for r.rn != nil && !r.paused {
		c.put(r)
		c.ask(r)
		if !r.rn.HasReady() {
			return
		}
		c.ready(r, r.rn.Ready())
	}
}

// ask hands raft the reads that have come in, all as one question.
func (c *Core) ask(r *replica) {
	if len(r.asking) == 0 {
		return
	}
	// Before it has committed an entry of its own term, a leader does not know what its predecessors have committed. Raft waits for
	// that by itself, but not in a group with one voter: there it answers with the commit index of before the restart, which may be an old one.
	if r.leading && (r.own == 0 || r.commit < r.own) && c.cfg.Flaw != ReadTooSoon {
		return
	}
	c.seq++
	for _, q := range r.asking {
		q.seq = c.seq
	}
	r.reads = append(r.reads, r.asking...)
	r.asking = nil
	r.rn.ReadIndex(fmt.Appendf(nil, "%d", c.seq))
}

// askAgain puts the questions that are not answered once more. Raft counts the answers to a question when one comes in: a member that did not
// answer, and is no member any more, would leave the question open for ever when nobody else is left who could.
func (c *Core) askAgain(r *replica) {
	if !r.leading {
		return
	}
	var open []*read
	r.reads = slices.DeleteFunc(r.reads, func(q *read) bool {
		if q.index != 0 {
			return false
		}
		open = append(open, q)
		return true
	})
	if len(open) > 0 {
		r.asking = append(open, r.asking...)
		c.touch(r)
	}
}

func (c *Core) ready(r *replica, rd raft.Ready) {
	if rd.SoftState != nil || rd.HardState != nil {
		c.follow(r, rd)
	}
	for _, rs := range rd.ReadStates {
		c.confirm(r, rs)
	}
	var write *pb.Message
	var rest []*pb.Message
	for _, m := range rd.Messages {
		switch m.GetTo() {
		case raft.LocalAppendThread:
			write = m
		case raft.LocalApplyThread:
			c.apply(r, m)
		default:
			rest = append(rest, m)
		}
	}
	if write == nil {
		for _, m := range rest {
			c.send(r, m)
		}
		return
	}
	// R1: only a leader's append may leave before its own write is durable.
	it := &item{r: r}
	for _, m := range rest {
		if m.GetType() == pb.MsgApp {
			c.send(r, m)
		} else {
			it.after = append(it.after, m)
		}
	}
	it.after = append(it.after, write.GetResponses()...)
	if write.Term != nil && !c.forgets(r, write) {
		it.write.Hard = &raftlog.Hard{Term: write.GetTerm(), Vote: write.GetVote(), Commit: write.GetCommit(), Lead: r.lead}
		if c.cfg.Flaw == ForgetVote {
			it.write.Hard.Vote = 0
		}
	}
	if ents := write.GetEntries(); len(ents) > 0 {
		it.write.Entries = ents
		if r.leading && r.own == 0 {
			r.own = ents[0].GetIndex()
		}
		r.seen = ents[len(ents)-1].GetIndex()
	}
	if r.log.Replica() == 0 {
		it.write.Replica = r.id // its first write: from here on the replica is bound to this store
	}
	if s := write.GetSnapshot(); !raft.IsEmptySnap(s) {
		r.seen = s.GetMetadata().GetIndex()
		c.install(r, it, s)
		return
	}
	if r.matters(&it.write) {
		c.write(it)
		return
	}
	c.overtake(it)
	if it.write.Hard != nil {
		c.write(it)
	}
}

// matters reports whether a write holds anything that messages may rest on. What is left is how far the group has committed: raft finds that out again
// after a crash.
func (r *replica) matters(w *raftlog.Write) bool {
	h := w.Hard
	return h != nil && (h.Term != r.hard.Term || h.Vote != r.hard.Vote) || len(w.Entries) > 0 || w.Replica != 0 ||
		w.Installing != nil || w.Installed != nil || w.Destroy
}

// overtake lets the messages of a write that does not matter leave as soon as what the replica wrote before is durable: it is that of which they may tell.
func (c *Core) overtake(it *item) {
	if last := it.r.writing; last != nil {
		last.after = append(last.after, it.after...)
		c.urgent = c.urgent || !last.taken && len(last.after) > 0
	} else {
		c.release(it.r, it.after)
	}
	it.after = nil
}

// forgets is the flaw of that name.
func (c *Core) forgets(_ *replica, m *pb.Message) bool {
	return c.cfg.Flaw == ForgetTerm && len(m.GetEntries()) == 0
}

// follow notes who leads.
func (c *Core) follow(r *replica, rd raft.Ready) {
	if h := rd.HardState; h != nil {
		if h.GetTerm() != r.term {
			r.term = h.GetTerm()
			r.elapsed = 0
		}
		r.commit = h.GetCommit()
	}
	s := rd.SoftState
	if s == nil {
		return
	}
	led, before := r.leading, r.lead
	r.leading, r.lead = s.RaftState == raft.StateLeader, s.Lead
	if r.leading != led {
		r.own = 0
	}
	if led && !r.leading {
		r.abandon(ErrUnknown)
	} else if !r.leading {
		r.dropReads(func(q *read) bool { return q.index == 0 })
	}
	if r.leading != led || r.lead != before {
		r.wait(c)
		r.idle = 0
		c.cfg.Events.Leader(r.group, r.term, r.lead, r.leading)
	}
}

// confirm takes raft's word that reads asked for up to a question may see the state of an index.
func (c *Core) confirm(r *replica, rs raft.ReadState) {
	var seq uint64
	if _, err := fmt.Sscanf(string(rs.RequestCtx), "%d", &seq); err != nil {
		return
	}
	for _, q := range r.reads {
		if q.seq == seq && q.index == 0 {
			q.index = rs.Index
		}
	}
	c.answerReads(r)
}

func (c *Core) answerReads(r *replica) {
	n := 0
	for _, q := range r.reads {
		if q.index != 0 && (q.index <= r.applied.Index || c.cfg.Flaw == ReadEarly) {
			q.done(nil)
		} else {
			r.reads[n] = q
			n++
		}
	}
	clear(r.reads[n:])
	r.reads = r.reads[:n]
}
