// SPDX-License-Identifier: Apache-2.0

package host

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/state"
)

// window is how many chunks of a snapshot may be under way.
const window = 4

// outgoing is a snapshot on its way to another replica.
type outgoing struct {
	r       *replica
	to      uint64
	msg     *pb.Message // raft's, which goes with the last chunk
	stream  uint64
	export  *state.Export
	sent    uint64 // chunks
	taken   uint64
	all     bool // the last one was sent
	stalled int  // ticks since one was taken
}

func (o *outgoing) close() {
	if o.export != nil {
		_ = o.export.Close() // a view of memory and files: nothing is lost
		o.export = nil
	}
}

// offer begins to send a snapshot, or queues it behind others.
func (c *Core) offer(r *replica, m *pb.Message) {
	for _, o := range append(c.outgoing, c.waiting...) {
		if o.r == r && o.to == m.GetTo() {
			return
		}
	}
	c.seq++
	c.waiting = append(c.waiting, &outgoing{r: r, to: m.GetTo(), msg: m, stream: c.seq})
}

// end takes a stream off the list and tells raft how it went.
func (c *Core) end(o *outgoing, ok bool) {
	o.close()
	for i, x := range c.outgoing {
		if x == o {
			c.outgoing = append(c.outgoing[:i:i], c.outgoing[i+1:]...)
			break
		}
	}
	if o.r.rn == nil || c.groups[o.r.group] != o.r {
		return
	}
	status := raft.SnapshotFinish
	if !ok {
		status = raft.SnapshotFailure
	}
	o.r.rn.ReportSnapshot(o.to, status)
	c.touch(o.r)
}

// pump sends as many chunks as windows, allowance and places permit.
func (c *Core) pump() {
	for len(c.outgoing) < c.cfg.Snapshots && len(c.waiting) > 0 {
		o := c.waiting[0]
		c.waiting = c.waiting[1:]
		if !o.r.leading || c.groups[o.r.group] != o.r {
			continue
		}
		e, err := c.cfg.State.Export(o.r.group)
		if err != nil {
			c.fail(err)
			return
		}
		o.export = e
		// What is sent is the state of now, which may be newer than raft asked for.
		o.msg = &pb.Message{Type: o.msg.Type, To: o.msg.To, From: o.msg.From, Term: o.msg.Term, Snapshot: &pb.Snapshot{
			Metadata: &pb.SnapshotMetadata{ConfState: e.Conf.Raft, Index: new(e.At.Index), Term: new(e.At.Term)}}}
		c.outgoing = append(c.outgoing, o)
	}
	for i := 0; i < len(c.outgoing); i++ {
		o := c.outgoing[i]
		for o.sent-o.taken < window && !o.all && c.allowance > 0 {
			if !c.chunk(o) {
				return
			}
		}
	}
}

func (c *Core) chunk(o *outgoing) bool {
	rows, last, err := o.export.Next(c.cfg.ChunkBytes)
	if err != nil {
		c.fail(err)
		return false
	}
	c.allowance -= len(rows) + 100
	o.sent++
	o.all = last
	m := Message{Kind: KindChunk, Stream: o.stream, Seq: o.sent, Last: last, Data: rows, Term: o.r.term}
	if o.sent == 1 {
		m.Data = append(state.AppendMembers(conf(o.export), o.export.Conf.Members), rows...)
	}
	m.Raft = o.msg
	c.post(o.r, o.to, m)
	return true
}

// conf is what a snapshot says of its configuration besides raft's part.
func conf(e *state.Export) []byte { return appendUint64(nil, e.Conf.Next) }

// chunkTaken is the receiver's answer.
func (c *Core) chunkTaken(r *replica, m *Message) {
	for _, o := range c.outgoing {
		if o.r != r || o.stream != m.Stream || o.to != m.From {
			continue
		}
		switch {
		case m.Refused:
			c.end(o, false)
		case m.Last:
			c.end(o, true)
		case m.Seq > o.taken:
			o.taken, o.stalled = m.Seq, 0
		}
		return
	}
}

// tickStreams gives up what does not move.
func (c *Core) tickStreams() {
	for _, o := range append([]*outgoing(nil), c.outgoing...) {
		if o.stalled++; o.stalled > 2*c.cfg.ElectionTicks || !o.r.leading || c.groups[o.r.group] != o.r {
			c.end(o, false)
		}
	}
	for _, g := range sortedKeys(c.incoming) {
		in := c.incoming[g]
		if in.stalled++; in.stalled > 3*c.cfg.ElectionTicks {
			c.dropIncoming(in)
		}
	}
}
