// SPDX-License-Identifier: Apache-2.0

package host

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// peer is another node, as its frames show it.
type peer struct {
	run    uint64 // of its store
	silent int    // ticks since it was heard
	up     bool
}

// Tick moves time on by one tick.
func (c *Core) Tick() {
	if c.err != nil {
		return
	}
	c.ticks++
	c.campaigns, c.allowance = c.cfg.Campaigns, c.cfg.SnapshotBytes
	beat := map[uint64]bool{}
	for _, r := range c.order {
		for _, m := range r.conf.Members {
			beat[m.Node] = true
		}
		if r.rn != nil && !r.quiet {
			c.tick(r)
		}
	}
	for _, node := range sortedKeys(beat) {
		if node != c.cfg.Node {
			c.frame(node) // also when it stays empty: that is the node's beat
			c.peer(node)
		}
	}
	for _, node := range sortedKeys(c.peers) {
		p := c.peers[node]
		if p.silent++; p.silent == c.cfg.ElectionTicks {
			p.up = false
			c.missed(node)
		}
	}
	if len(c.pending) > 0 {
		c.urgent = true // what nobody waits for becomes durable within a tick all the same
	}
	c.tickStreams()
	c.maintain()
}

func (c *Core) peer(node uint64) *peer {
	p := c.peers[node]
	if p == nil {
		p = &peer{}
		c.peers[node] = p
	}
	return p
}

func (c *Core) tick(r *replica) {
	if r.leading {
		if c.hushes(r) {
			return // a heartbeat behind it would wake all whom it sends to sleep
		}
		_ = c.safely(func() error { r.rn.Tick(); return nil }) // the host has the error
		c.touch(r)
		return
	}
	// raft's own election timer is random by a source that no seed reaches, and knows no budget. So raft is told the time,
	// which it needs to judge the votes of others, and the decision to campaign is made here.
	r.rn.TickQuiesced()
	r.elapsed++
	if r.elapsed < r.timeout || r.paused {
		return
	}
	if !r.conf.Voter(r.id) { // by an election it cannot find out that it was removed, or that the others know
		r.wait(c)
		for _, m := range r.conf.Members {
			if m.Replica != r.id {
				c.post(r, m.Replica, Message{Kind: KindWake, Term: r.term})
			}
		}
		return
	}
	if c.campaigns == 0 {
		return // the next tick has room again
	}
	c.campaigns--
	r.wait(c)
	c.touch(r)
	_ = c.safely(r.rn.Campaign) // raft declines where it must not
}

// PeerDown tells that a node is known to be dead before its silence shows: the groups led from there look for a leader at once.
func (c *Core) PeerDown(node uint64) {
	if c.err != nil {
		return
	}
	p := c.peer(node)
	p.silent, p.up = c.cfg.ElectionTicks, false
	for _, r := range c.order {
		if m, ok := r.conf.Member(r.lead); ok && m.Node == node && r.rn != nil && !r.leading {
			_ = r.rn.ForgetLeader() // or the replicas would wait for its silence before they vote
			c.wake(r)
			c.turn(r) // which finds that there is no leader, and would wait as long as usual for another
			r.elapsed, r.timeout = 0, 1+2*r.rank(node)
		}
	}
}

// rank is this replica's place in the order in which the voters without a node campaign after its death: if all did at once, none would win. All
// know the same members, so each finds the same order; it begins elsewhere for each group, so that what the node led is spread.
func (r *replica) rank(without uint64) int {
	n, mine := 0, 0
	for _, m := range r.conf.Members {
		if m.Node == without || !r.conf.Voter(m.Replica) {
			continue
		}
		if m.Replica == r.id {
			mine = n
		}
		n++
	}
	if n == 0 {
		return 0
	}
	return (mine + int(r.group%uint64(n))) % n
}

// missed wakes the quiet groups that are led from a node that has fallen silent, and those that are led here and have a replica there: a leader that hears
// nobody must find out, and stop to be one, since those who hear it will not ask for another.
func (c *Core) missed(node uint64) {
	for _, r := range c.order {
		for _, m := range r.conf.Members {
			if m.Node == node && (r.leading || m.Replica == r.lead) {
				c.wake(r)
			}
		}
	}
}

// heard notes a frame of a node. One that was silent, or has started again, may know nothing of what went quiet: the
// groups that it has a part in tick again.
func (c *Core) heard(f *Frame) {
	p := c.peer(f.From)
	run := mix(f.Store, f.Boot)
	back := !p.up || p.run != run
	p.up, p.run, p.silent = true, run, 0
	if !back {
		return
	}
	for _, r := range c.order {
		for _, m := range r.conf.Members {
			if m.Node == f.From {
				c.wake(r)
			}
		}
	}
}

// wake lets a group tick again.
func (c *Core) wake(r *replica) {
	r.idle = 0
	if !r.quiet || r.rn == nil {
		return
	}
	r.quiet = false
	r.wait(c)
	if !r.leading && r.lead != 0 {
		c.post(r, r.lead, Message{Kind: KindWake, Term: r.term})
	}
}

// hushes lets a group that has been idle stop ticking, once all its replicas have everything.
func (c *Core) hushes(r *replica) bool {
	r.idle++
	if c.cfg.QuietTicks < 0 || r.idle < c.cfg.QuietTicks || len(r.reads)+len(r.asking)+len(r.waiters) > 0 || r.conf.Joint() {
		return false
	}
	last := r.log.Last().Index
	s := r.rn.BasicStatus()
	if s.LeadTransferee != 0 || s.GetCommit() != last || r.applied.Index != last || r.seen != last {
		return false
	}
	all, voters, heard := true, 0, 0
	r.rn.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		m, _ := r.conf.Member(id)
		up := m.Node == c.cfg.Node || c.peer(m.Node).up
		all = all && (p.Match == last || !up) // one that is away wakes the group when it comes back
		all = all && (id == r.id || !up || p.State == tracker.StateReplicate)
		if !p.IsLearner {
			voters++
			if up {
				heard++
			}
		}
	})
	if !all || 2*heard <= voters { // without a majority it goes on, until raft has it step down
		return false
	}
	for _, m := range r.conf.Members {
		if m.Replica != r.id {
			c.post(r, m.Replica, Message{Kind: KindQuiet, Term: r.term, Index: last})
		}
	}
	r.quiet = true
	r.log.Forget()
	return true
}

// hush is the follower's side of it.
func (c *Core) hush(r *replica, m *Message) {
	s := r.rn.BasicStatus()
	if m.Term == s.GetTerm() && r.lead == m.From && s.GetCommit() == m.Index && r.log.Last().Index == m.Index && r.seen == m.Index {
		r.quiet = true
		r.log.Forget()
		return
	}
	c.post(r, m.From, Message{Kind: KindWake, Term: r.term}) // something is missing here
}
