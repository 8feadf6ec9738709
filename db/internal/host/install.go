// SPDX-License-Identifier: Apache-2.0

package host

import (
	"encoding/binary"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

func appendUint64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// incoming is a snapshot that is being taken in.
type incoming struct {
	group, from uint64
	stream      uint64
	next        uint64 // chunk
	m           *state.Import
	stalled     int
}

// takeChunk takes a part of a snapshot. Only the next one of its stream is taken; a gap ends the stream, and the sender
// begins again.
func (c *Core) takeChunk(r *replica, m *Message) {
	answer := func(refused bool) {
		c.post(r, m.From, Message{Kind: KindChunkOK, Stream: m.Stream, Seq: m.Seq, Last: m.Last && !refused, Refused: refused})
	}
	if r.paused || m.Raft.GetType() != pb.MsgSnap || m.Raft.GetFrom() != m.From || m.Raft.GetTo() != r.id || m.Term < r.term {
		answer(true)
		return
	}
	in := c.incoming[r.group]
	if in != nil && (in.from != m.From || in.stream != m.Stream) && m.Seq == 1 {
		c.dropIncoming(in)
		in = nil
	}
	if in == nil && m.Seq == 1 && len(c.incoming) < c.cfg.Snapshots {
		var err error
		if in, err = c.begin(r, m); err != nil {
			c.fail(err)
			return
		}
	}
	switch {
	case in == nil || in.from != m.From || in.stream != m.Stream || m.Seq > in.next:
		answer(true)
		return
	case m.Seq < in.next:
		answer(false) // a copy
		return
	}
	in.next++
	in.stalled = 0
	if err := in.m.Add(m.Data); err != nil {
		if c.cfg.State.Err() != nil {
			c.fail(err)
			return
		}
		c.dropIncoming(in)
		answer(true)
		return
	}
	r.elapsed = 0 // who sends snapshots leads
	answer(false)
	if m.Last {
		delete(c.incoming, r.group)
		c.complete(r, in, m.Raft)
	}
}

// begin opens an import by the first chunk, whose head says what the configuration is.
func (c *Core) begin(r *replica, m *Message) (*incoming, error) {
	meta := m.Raft.GetSnapshot().GetMetadata()
	if len(m.Data) < 8 || meta.GetIndex() == 0 {
		return nil, nil
	}
	conf := state.Conf{Raft: pb.EnsureConfState(meta.GetConfState()), Next: binary.BigEndian.Uint64(m.Data)}
	members, rows, err := state.CutMembers(m.Data[8:])
	if err != nil {
		return nil, nil // not a snapshot: the sender is told
	}
	conf.Members, m.Data = members, rows
	im, err := c.cfg.State.Import(r.group, state.Applied{Index: meta.GetIndex(), Term: meta.GetTerm()}, conf)
	if err != nil {
		return nil, err
	}
	in := &incoming{group: r.group, from: m.From, stream: m.Stream, next: 1, m: im}
	c.incoming[r.group] = in
	return in, nil
}

func (c *Core) dropIncoming(in *incoming) {
	if c.incoming[in.group] == in {
		delete(c.incoming, in.group)
	}
	if err := in.m.Discard(); err != nil && c.cfg.State.Err() != nil {
		c.fail(err)
	}
}

// complete offers raft a snapshot that is here as a whole. If raft takes it, the next turn installs it.
func (c *Core) complete(r *replica, in *incoming, m *pb.Message) {
	c.turn(r) // what is ready first: the snapshot's turn shall have nothing else
	r.staged = in
	_ = c.step(r, m)
	c.turn(r)
	if r.staged == in { // raft had no use for it
		r.staged = nil
		c.dropIncoming(in)
	}
}

// install replaces a group's state and log by a snapshot that raft has taken, in three durable steps, so that after a
// crash between any two it is known what is to be done: a note in the log that it happens, the state, the log. Answers leave
// after the last. Until then the replica takes no turns.
func (c *Core) install(r *replica, it *item, s *pb.Snapshot) {
	in := r.staged
	at := raftlog.Mark{Index: s.GetMetadata().GetIndex(), Term: s.GetMetadata().GetTerm()}
	if in == nil || in.m.At != state.Applied(at) {
		r.lose(c, "raft took a snapshot that is not here")
		return
	}
	r.staged = nil
	r.paused = true
	note := &item{r: r, write: raftlog.Write{Installing: &at, Replica: it.write.Replica}}
	note.then = func() {
		c.applies = append(c.applies, &Apply{c: c, r: r, install: in, done: func() { c.installed(r, it, in, at) }})
	}
	c.write(note)
}

// installed has the state durable; the log follows.
func (c *Core) installed(r *replica, it *item, in *incoming, at raftlog.Mark) {
	if r.ending { // it was removed meanwhile: what is written behind its grave would be the log of the next replica here
		return
	}
	r.conf, r.applied, r.durable = in.m.Conf, in.m.At, at.Index
	r.queued = max(r.queued, at.Index)
	it.write.Replica = 0
	if c.cfg.Flaw != SnapshotKeepsLog {
		it.write.Installed = &at
	}
	if h := it.write.Hard; h == nil {
		h := r.log.Hard()
		h.Commit = max(h.Commit, at.Index)
		it.write.Hard = &h
	}
	it.then = func() {
		r.paused = false
		c.answerReads(r)
		c.touch(r)
		c.cfg.Events.Conf(r.group, r.applied.Index, r.conf)
	}
	c.write(it)
}

// Abandon ends the replica of a group that is here, though its group has not removed it: its owner knows that the group will never have a majority again.
// done is called when nothing of it is left, at once if no replica is here.
func (c *Core) Abandon(group uint64, done func()) {
	r := c.groups[group]
	if c.err != nil {
		return
	}
	if r == nil {
		done()
		return
	}
	r.ended = append(r.ended, done)
	c.destroy(r)
}

// destroy ends a replica that was removed from its group, and makes sure that it does not come back.
func (c *Core) destroy(r *replica) {
	if r.ending {
		return
	}
	r.rn, r.ending = nil, true
	r.why = "it was removed from its group"
	r.leading, r.quiet = false, true
	r.abandon(ErrUnknown)
	c.cfg.Events.Gone(r.group, r.id)
	if in := c.incoming[r.group]; in != nil {
		c.dropIncoming(in)
	}
	it := &item{r: r, write: raftlog.Write{Destroy: true, Replica: r.id}}
	it.then = func() { // only now: a crash in between finds a replica without state, which is refused
		c.applies = append(c.applies, &Apply{c: c, r: r, remove: true, done: func() {
			if c.groups[r.group] == r {
				c.remove(r)
			}
			for _, f := range r.ended {
				f()
			}
		}})
	}
	c.write(it)
}
