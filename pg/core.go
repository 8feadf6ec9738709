// SPDX-License-Identifier: Apache-2.0

package pg

import (
	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// core is what a scope knows and decides: an event goes in, effects come out. It does nothing itself, knows no clock, and is
// the same for every kind of node.
type core struct {
	self    banyan.PID // the scope's process; its node is ours
	limits  limits
	members members
	joined  map[banyan.PID][]key // our processes: a key for each join
	peers   map[banyan.PID]*peer
	links   map[banyan.Atom]*linked
	used    int // by our own members, see cost
	// away: the node drains. Our processes are in no group; joined notes those that they will be in again. hidden counts these.
	away   bool
	hidden int
	out    []effect
	sync   any // our members as a term, for one step
}

// linked is a node that we have a link to.
type linked struct {
	hidden  bool
	peer    banyan.PID // its scope; zero if none has spoken
	seeking bool       // it could not be asked yet: the link was full
}

// peer is a scope of another node.
type peer struct {
	groups map[key]struct{} // where it has members
	used   int
	// told: it has had a sync from us since we know it, and every change after that. Only then may it hear of changes: a leave
	// that makes no sense to a real scope ends it.
	told bool
	// owed is what could not be sent because the link was full. A sync replaces all changes before it.
	owedSync, owedDiscover bool
	over                   bool // something of it was refused: it goes beyond our bounds
	warned                 bool // the log has heard of it
}

// limits bound what one node may have in a scope.
type limits struct {
	members int // joins; each 64 bytes of a group's name count as one more, once
	name    int // bytes of a group's name, encoded
}

type effectKind uint8

const (
	doSeek     effectKind = iota // to the scope on node: discover
	doTell                       // to pid: term, whatever it knows
	doChange                     // to pid: term, if it is up to date
	doSync                       // to pid, as a cast: term
	doWatch                      // pid
	doUnwatch                    // pid
	doAnnounce                   // to whoever watches the group: pids joined, or left
	doWarn                       // text, pid
)

// effect is one thing for the process around the core to do, in order.
type effect struct {
	kind   effectKind
	node   banyan.Atom
	pid    banyan.PID
	term   any
	group  key
	joined bool
	pids   []banyan.PID
	text   string
}

func newCore(self banyan.PID, l limits) *core {
	return &core{self: self, limits: l, members: members{}, joined: map[banyan.PID][]key{}, peers: map[banyan.PID]*peer{},
		links: map[banyan.Atom]*linked{}}
}

// take gives the effects of the last step.
func (c *core) take() []effect {
	out := c.out
	c.out, c.sync = nil, nil
	return out
}

func (c *core) do(e effect) { c.out = append(c.out, e) }

// cost is what n joins of a group take up; first: the group's name has to be kept, too.
func cost(k key, n int, first bool) int {
	if first {
		n += len(k) / 64
	}
	return n
}

// nodeUp: there is a link to a node. Its scope, if it has one, is looked for, over hidden links too.
func (c *core) nodeUp(node banyan.Atom, hidden bool) {
	if c.links[node] != nil {
		return
	}
	c.links[node] = &linked{hidden: hidden}
	c.do(effect{kind: doSeek, node: node})
}

// nodeDown: what was on that node is gone.
func (c *core) nodeDown(node banyan.Atom) {
	if l := c.links[node]; l != nil {
		c.drop(l.peer)
		delete(c.links, node)
	}
}

// down: a process has ended that is watched, ours or a scope elsewhere.
func (c *core) down(pid banyan.PID) {
	if pid.Node != c.self.Node {
		c.drop(pid)
		return
	}
	keys := c.joined[pid]
	if keys == nil {
		return
	}
	delete(c.joined, pid)
	if c.away {
		c.hidden -= len(keys)
		return
	}
	for _, k := range keys {
		c.loseLocal(k, pid)
	}
	c.change(leaveTerm(c.self, pid, keys))
}

// loseLocal takes one of ours out of a group.
func (c *core) loseLocal(k key, pid banyan.PID) {
	c.members.dropLocal(k, pid)
	e := c.members[k]
	c.used -= cost(k, 1, e == nil || len(e.local) == 0)
	c.announce(k, false, []banyan.PID{pid})
}

// drop forgets a scope of another node and all its members.
func (c *core) drop(pid banyan.PID) {
	p := c.peers[pid]
	if p == nil {
		return
	}
	delete(c.peers, pid)
	if l := c.links[pid.Node]; l != nil && l.peer == pid {
		l.peer = banyan.PID{}
	}
	for k := range p.groups {
		c.announce(k, false, c.members.dropPeer(k, pid))
	}
}

// join: processes of ours join a group. The caller has checked that they are.
func (c *core) join(k key, pids []banyan.PID) error {
	if len(pids) == 0 {
		return nil
	}
	e := c.members[k]
	n := cost(k, len(pids), e == nil || len(e.local) == 0)
	if len(k) > c.limits.name || c.used+c.hidden+n > c.limits.members {
		return ErrLimit
	}
	for _, pid := range pids {
		if c.joined[pid] == nil {
			c.do(effect{kind: doWatch, pid: pid})
		}
		c.joined[pid] = append(c.joined[pid], k)
	}
	if c.away {
		c.hidden += len(pids)
	} else {
		c.enter(k, pids)
	}
	return nil
}

// enter makes processes of ours members.
func (c *core) enter(k key, pids []banyan.PID) {
	e := c.members[k]
	c.used += cost(k, len(pids), e == nil || len(e.local) == 0)
	c.members.addLocal(k, pids)
	c.announce(k, true, pids)
	c.change(joinTerm(c.self, k, pids))
}

// drain takes our processes out of all groups while the node drains, and puts them back when it does not any more.
func (c *core) drain(on bool) {
	if c.away == on {
		return
	}
	c.away, c.hidden = on, 0
	back := map[key][]banyan.PID{}
	for pid, keys := range c.joined {
		if !on {
			for _, k := range keys {
				back[k] = append(back[k], pid)
			}
			continue
		}
		c.hidden += len(keys)
		for _, k := range keys {
			c.loseLocal(k, pid)
		}
		c.change(leaveTerm(c.self, pid, keys))
	}
	for k, pids := range back {
		c.enter(k, pids)
	}
}

// leave: processes of ours leave a group, once each. It reports how many of them were in.
func (c *core) leave(k key, pids []banyan.PID) (left int) {
	for _, pid := range pids {
		keys := c.joined[pid]
		if !removeKey(&keys, k) {
			continue
		}
		left++
		if c.joined[pid] = keys; len(keys) == 0 {
			delete(c.joined, pid)
			c.do(effect{kind: doUnwatch, pid: pid})
		}
		if c.away {
			c.hidden--
			continue
		}
		c.loseLocal(k, pid)
		c.change(leaveTerm(c.self, pid, []key{k}))
	}
	return left
}

func removeKey(list *[]key, k key) bool {
	for i, o := range *list {
		if o == k {
			(*list)[i] = (*list)[len(*list)-1]
			*list = (*list)[:len(*list)-1]
			return true
		}
	}
	return false
}

// change tells all scopes that know us of a change of our members.
func (c *core) change(term any) {
	c.sync = nil
	for pid, p := range c.peers {
		if p.told {
			c.do(effect{kind: doChange, pid: pid, term: term})
		}
	}
}

func (c *core) announce(k key, joined bool, pids []banyan.PID) {
	if len(pids) > 0 {
		c.do(effect{kind: doAnnounce, group: k, joined: joined, pids: pids})
	}
}

// tellAll sends a scope all our members, from which on it hears of changes.
func (c *core) tellAll(pid banyan.PID, p *peer) {
	if c.sync == nil {
		c.sync = c.syncTerm()
	}
	p.told, p.owedSync = true, false
	c.do(effect{kind: doSync, pid: pid, term: c.sync})
}

// syncTerm lists our members. The receiver must find each group once, and none that is empty.
func (c *core) syncTerm() any {
	groups := etf.List{}
	for k, e := range c.members {
		if len(e.local) > 0 {
			groups = append(groups, etf.Tuple{k.term(), pidList(e.local)})
		}
	}
	return etf.Tuple{atomSync, c.self, groups}
}

// stuck: a message to a scope could not be sent, because the link is full. It is sent all, once there is room.
func (c *core) stuck(e effect) {
	if e.kind == doSeek {
		if l := c.links[e.node]; l != nil {
			l.seeking = true
		}
		return
	}
	p := c.peers[e.pid]
	switch {
	case p == nil:
	case e.kind == doTell:
		p.owedDiscover = true
	default:
		p.told, p.owedSync = false, true
	}
}

// mayTell reports whether a change may be sent to a scope.
func (c *core) mayTell(pid banyan.PID) bool {
	p := c.peers[pid]
	return p != nil && p.told
}

// owes reports whether something waits for room.
func (c *core) owes() bool {
	for _, p := range c.peers {
		if p.owedSync || p.owedDiscover {
			return true
		}
	}
	for _, l := range c.links {
		if l.seeking {
			return true
		}
	}
	return false
}

// retry sends what is owed.
func (c *core) retry() {
	for node, l := range c.links {
		if l.seeking {
			l.seeking = false
			c.do(effect{kind: doSeek, node: node})
		}
	}
	for pid, p := range c.peers {
		if p.owedSync {
			c.tellAll(pid, p)
		}
		if p.owedDiscover {
			c.ask(pid, p)
		}
	}
}

// ask has a scope send all its members.
func (c *core) ask(pid banyan.PID, p *peer) {
	p.owedDiscover = false
	c.do(effect{kind: doTell, pid: pid, term: discoverTerm(c.self)})
}

// poll looks for scopes on hidden nodes: one that starts there does not look for us, as those on visible nodes do.
func (c *core) poll() {
	for node, l := range c.links {
		if l.hidden && l.peer.IsZero() && !l.seeking {
			c.do(effect{kind: doSeek, node: node})
		}
	}
}

// resync: messages to us may have been lost, because our mailbox was full. All is asked for and told again.
func (c *core) resync() {
	for node, l := range c.links {
		if l.peer.IsZero() {
			c.do(effect{kind: doSeek, node: node})
		}
	}
	for pid, p := range c.peers {
		if !p.told {
			c.tellAll(pid, p)
		}
		c.ask(pid, p)
	}
}
