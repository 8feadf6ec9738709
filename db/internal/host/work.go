// SPDX-License-Identifier: Apache-2.0

package host

import (
	"cmp"
	"maps"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/raftlog"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// Work is what the core wants done. The frames may be sent at once, in any order; they may get lost.
type Work struct {
	Frames []*Frame
	// Append, if not nil, is to be run and handed back by Appended; until then no other is given out.
	Append *Append
	// Apply are to be run in order, behind those given out before, and handed back by Applied.
	Apply []*Apply
}

// item is a write of one group and what waits for it.
type item struct {
	r     *replica
	write raftlog.Write
	// after are the messages that may leave when the write is durable: raft's answers, and all else of the same turn (R1).
	after []*pb.Message
	// then runs on the core's goroutine when it is durable.
	then  func()
	taken bool // it is part of an Append
}

// Append is one batch for the log store: the group commit of all groups that have something to write.
type Append struct {
	store *raftlog.Store
	items []*item
	sync  bool
	flaw  Flaw
	err   error
}

// Run makes the batch durable. It blocks for as long as the disk takes.
func (a *Append) Run() {
	batch := make(raftlog.Batch, len(a.items))
	for i, it := range a.items {
		batch[i] = &it.write
	}
	sync := a.sync && a.flaw != AnswerEarly
	if a.err = a.store.Commit(batch, sync); a.flaw == IgnoreSync {
		a.err = nil
	}
}

// Sync reports whether somebody waits for the batch to be durable.
func (a *Append) Sync() bool { return a.sync }

// Work lets every replica that has something to do take its turn, and returns what is to be done now.
func (c *Core) Work() Work {
	if c.err != nil {
		return Work{}
	}
	for i := 0; i < len(c.queue); i++ { // turns may add to the queue
		r := c.queue[i]
		r.inQueue = false
		c.turn(r)
	}
	clear(c.queue)
	c.queue = c.queue[:0]
	if c.err != nil { // a turn has failed
		return Work{}
	}
	c.pump()
	var w Work
	if !c.writing && c.urgent && len(c.pending) > 0 {
		w.Append = c.takePending()
	}
	w.Apply, c.applies = c.applies, nil
	for _, node := range sortedKeys(c.frames) {
		w.Frames = append(w.Frames, c.frames[node])
	}
	clear(c.frames)
	return w
}

func (c *Core) takePending() *Append {
	a := &Append{store: c.cfg.Log, items: c.pending, sync: c.urgent, flaw: c.cfg.Flaw}
	for _, it := range c.pending {
		it.taken = true
	}
	c.pending, c.urgent, c.writing = nil, false, true
	return a
}

// write queues a write. Items without anybody who waits for them ride with the next batch.
func (c *Core) write(it *item) {
	it.write.Log = it.r.log
	it.write.KeepTail = c.cfg.Flaw == KeepTail
	c.pending = append(c.pending, it)
	if len(it.after) > 0 || it.then != nil {
		c.urgent = true
	}
	if it.r.matters(&it.write) {
		it.r.writing = it
	}
	if it.write.Hard != nil {
		it.r.hard = *it.write.Hard
	}
	for _, e := range it.write.Entries {
		c.appended += len(e.GetData()) + 64
	}
}

// Appended takes back an Append that has run.
func (c *Core) Appended(a *Append) {
	c.writing = false
	if c.err != nil {
		return
	}
	if a.err != nil {
		c.fail(a.err)
		return
	}
	for _, it := range a.items {
		it.r.log.Done(&it.write)
		if it.r.writing == it {
			it.r.writing = nil
		}
		c.release(it.r, it.after)
		if it.then != nil {
			it.then()
		}
	}
}

// release lets messages go whose turn is durable.
func (c *Core) release(r *replica, messages []*pb.Message) {
	for _, m := range messages {
		if m.GetTo() == r.id {
			if c.groups[r.group] == r {
				_ = c.step(r, m) // raft may have moved on: then it ignores the answer
			}
			continue
		}
		if c.cfg.Flaw == VoteTwice && (m.GetType() == pb.MsgVoteResp || m.GetType() == pb.MsgPreVoteResp) && m.GetReject() {
			m = &pb.Message{Type: m.Type, To: m.To, From: m.From, Term: m.Term}
		}
		c.send(r, m)
	}
}

// send addresses a message of raft's.
func (c *Core) send(r *replica, m *pb.Message) {
	if m.GetType() == pb.MsgSnap {
		c.offer(r, m)
		return
	}
	c.post(r, m.GetTo(), Message{Kind: KindRaft, Raft: m})
}

// post puts a message to another replica of r's group into its node's frame.
func (c *Core) post(r *replica, to uint64, m Message) {
	m.Group, m.From, m.To = r.group, r.id, to
	node := r.contacts[to]
	if mem, ok := r.conf.Member(to); ok {
		node, m.ToStore = mem.Node, mem.Store
	}
	if node == 0 || node == c.cfg.Node {
		return
	}
	c.frame(node).Messages = append(c.frame(node).Messages, m)
}

func (c *Core) frame(node uint64) *Frame {
	f := c.frames[node]
	if f == nil {
		f = &Frame{From: c.cfg.Node, To: node, Store: c.cfg.Log.ID(), Boot: c.cfg.Log.Boot()}
		c.frames[node] = f
	}
	return f
}
