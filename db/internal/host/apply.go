// SPDX-License-Identifier: Apache-2.0

package host

import (
	"encoding/binary"
	"fmt"
	"sync"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/banyan-go/banyan/db/internal/state"
)

// header is in front of a proposal's data: which run of which store proposed it, and the how manieth of it it is.
const header = 16

// Apply is a piece of work of the apply lane: entries of one group, a snapshot to install, or a flush.
type Apply struct {
	c       *Core
	r       *replica
	entries []*pb.Entry
	resp    []*pb.Message
	results []result // of changes of members: those that Applied answers
	conf    *state.Conf
	changes []*pb.ConfChangeV2 // accepted, for raft

	install *incoming
	flush   bool
	marks   map[*replica]uint64 // what a flush makes durable
	remove  bool
	done    func() // on the core's goroutine
	err     error

	mu      sync.Mutex
	waiters map[uint64]func(Result) // those who wait for these entries, by number; answered as soon as the entries are applied
}

type result struct {
	run, seq uint64
	change   bool // of members
	Result
}

// apply queues committed entries. Whoever waits for one is answered by the apply lane: one way less, and the core has no part in it.
func (c *Core) apply(r *replica, m *pb.Message) {
	ents := m.GetEntries()
	r.queued = ents[len(ents)-1].GetIndex()
	a := &Apply{c: c, r: r, entries: ents, resp: m.GetResponses()}
	for _, e := range ents {
		run, seq := proposalOf(e)
		if done := r.waiters[seq]; done != nil && run == c.run && e.GetType() == pb.EntryNormal {
			if a.waiters == nil {
				a.waiters = map[uint64]func(Result){}
			}
			a.waiters[seq] = done
			delete(r.waiters, seq)
		}
	}
	c.applies, c.applying = append(c.applies, a), append(c.applying, a)
}

// proposalOf is the number that an entry was proposed under, and the run; zeros if it has none.
func proposalOf(e *pb.Entry) (run, seq uint64) {
	if b := e.GetData(); len(b) >= header && e.GetType() == pb.EntryNormal {
		return binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	}
	return 0, 0
}

// answer gives who waits for an entry its result, once.
func (a *Apply) answer(seq uint64, r Result) {
	a.mu.Lock()
	done := a.waiters[seq]
	delete(a.waiters, seq)
	a.mu.Unlock()
	if done != nil {
		done(r)
	}
}

// abandon answers those who still wait: what becomes of their entries is unknown.
func (a *Apply) abandon() {
	a.mu.Lock()
	left := sortedKeys(a.waiters)
	a.mu.Unlock()
	for _, seq := range left {
		a.answer(seq, Result{Err: ErrUnknown})
	}
}

// Run carries the work out. It blocks for as long as the state store takes.
func (a *Apply) Run() {
	switch {
	case a.install != nil:
		if a.err = a.install.m.Finish(); a.err == nil {
			a.r.laneConf, a.r.laneAt = a.install.m.Conf, a.install.m.At
		}
	case a.flush:
		a.err = a.c.cfg.State.Flush()
	case a.remove:
		a.err = a.c.cfg.State.Remove(a.r.group)
	default:
		a.err = a.carry()
	}
}

// carry applies the entries, as one batch.
func (a *Apply) carry() error {
	to, err := a.c.cfg.State.Entries(a.r.group)
	if err != nil {
		return err
	}
	defer to.Close()
	before := a.r.laneAt
	for _, e := range a.entries {
		before = a.r.laneAt
		if err := a.entry(to, e); err != nil {
			return err
		}
	}
	if err := to.Commit(); err != nil {
		return err
	}
	var changes []result
	for _, res := range a.results {
		if res.change {
			changes = append(changes, res)
		} else {
			a.answer(res.seq, res.Result)
		}
	}
	a.results = changes
	if a.c.cfg.Flaw == IndexApart {
		return a.c.cfg.State.MarkApart(a.r.group, before)
	}
	return nil
}

func (a *Apply) entry(to *state.Entries, e *pb.Entry) error {
	at := state.Applied{Index: e.GetIndex(), Term: e.GetTerm()}
	res := result{}
	data := e.GetData()
	var conf *state.Conf
	switch e.GetType() {
	case pb.EntryConfChange, pb.EntryConfChangeV2:
		cc, err := decodeChange(e)
		if err != nil {
			return err
		}
		res.change = true
		if len(cc.Context) >= header {
			res.run, res.seq = binary.BigEndian.Uint64(cc.Context), binary.BigEndian.Uint64(cc.Context[8:])
		}
		if a.r.laneConf.Raft == nil {
			return fmt.Errorf("raft host: group %d has entries, and no configuration: its state is damaged", a.r.group)
		}
		conf, res.Err = a.change(cc)
		data = nil
	default:
		if len(data) >= header {
			res.run, res.seq = binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:])
			data = data[header:]
		}
	}
	var err error
	if res.Value, err = to.Apply(at, data, conf); err != nil {
		return err
	}
	res.Index = at.Index
	a.r.laneAt = at
	if res.run == a.c.run {
		a.results = append(a.results, res)
	}
	return nil
}

// change works out a change of members; refused by the state of the group, and so by every replica, it changes nothing.
func (a *Apply) change(cc *pb.ConfChangeV2) (*state.Conf, error) {
	var added []state.Member
	if len(cc.Context) > header {
		var err error
		if added, _, err = state.CutMembers(cc.Context[header:]); err != nil {
			return nil, err
		}
	}
	conf, err := a.r.laneConf.After(cc, added)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	a.changes = append(a.changes, cc)
	if a.c.cfg.Flaw == JointByHalf && conf.Joint() {
		leave := &pb.ConfChangeV2{}
		if conf, err = conf.After(leave, nil); err != nil {
			return nil, err
		}
		a.changes = append(a.changes, leave)
	}
	a.r.laneConf, a.conf = conf, &conf
	return &conf, nil
}

func decodeChange(e *pb.Entry) (*pb.ConfChangeV2, error) {
	if e.GetType() == pb.EntryConfChange {
		var v1 pb.ConfChange
		if err := proto.Unmarshal(e.GetData(), &v1); err != nil {
			return nil, fmt.Errorf("raft host: entry %d: %w", e.GetIndex(), err)
		}
		cc := v1.AsV2()
		cc.Context = v1.Context
		return cc, nil
	}
	cc := &pb.ConfChangeV2{}
	if err := proto.Unmarshal(e.GetData(), cc); err != nil {
		return nil, fmt.Errorf("raft host: entry %d: %w", e.GetIndex(), err)
	}
	return cc, nil
}

// Applied takes back an Apply that has run.
func (c *Core) Applied(a *Apply) {
	if c.err != nil {
		return
	}
	if a.err != nil && c.cfg.Flaw != IgnoreSync {
		c.fail(a.err)
		return
	}
	if a.done != nil {
		a.done()
	}
	if len(a.entries) == 0 {
		return
	}
	c.applying = c.applying[1:] // they come back in the order in which they went
	r := a.r
	if c.groups[r.group] != r || r.rn == nil {
		return
	}
	last := a.entries[len(a.entries)-1]
	r.applied = state.Applied{Index: last.GetIndex(), Term: last.GetTerm()}
	if a.conf != nil {
		r.conf = *a.conf
		if r.paused { // a snapshot is being installed, and raft has its configuration already, which is newer: these changes are in it
			a.changes = nil
		}
		for _, cc := range a.changes {
			if c.safely(func() error { r.rn.ApplyConfChange(cc); return nil }) != nil {
				return
			}
		}
		c.askAgain(r)
		c.cfg.Events.Conf(r.group, r.applied.Index, r.conf)
	}
	for _, m := range a.resp {
		_ = c.step(r, m)
	}
	for _, res := range a.results {
		if done := r.waiters[res.seq]; done != nil {
			delete(r.waiters, res.seq)
			done(res.Result)
		}
	}
	c.answerReads(r)
	// One that was removed stays until a member says so: the others may need its vote to learn that it was removed. It asks them; see tick.
}
