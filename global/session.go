// SPDX-License-Identifier: Apache-2.0

package global

import (
	"slices"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// session is how two nodes that meet come to agree: each gives the other its tag (init_connect), the lockers take the global
// lock on all nodes that either knows, each sends all its names (exchange), the smaller node name decides what is to become of
// clashes, each sends what the other has to change and whom it knows (resolved), and tells those whom it knew before
// (new_nodes).
type session struct {
	mine    int64 // our tag; 0 if we have not begun
	his     any   // his tag, nil if he has not
	version int
	early   *greeting // came before we began

	locked    bool // our locker has the lock
	requester any  // of that lock
	theirs    []named
	exchanged bool // theirs has come

	lost map[atom]bool // one of us has lost these meanwhile: what was said of them before holds no more

	ops      []op // what we have to change
	decided  bool // ops is complete
	resolved *resolution
}

// greeting is an init_connect.
type greeting struct {
	version int
	tag     any
	locker  banyan.PID
}

// resolution is what he says that we have to change, and whom he knows.
type resolution struct {
	ops   []op
	known []member
}

func (c *core) session(node atom) *session {
	s := c.sessions[node]
	if s == nil {
		s = &session{}
		c.sessions[node] = s
	}
	return s
}

// current gives the session with a node if the tag is that of it; a message of an earlier one ends what the locker does for it.
func (c *core) current(node atom, tag any) *session {
	s := c.sessions[node]
	if s != nil && s.mine != 0 && etf.Equal(tag, s.mine) {
		return s
	}
	if t, ok := tag.(int); ok {
		c.cancel(node, int64(t))
	}
	return nil
}

// meet begins a session with a node.
func (c *core) meet(node atom) {
	s := c.session(node)
	if _, known := c.known[node]; known || s.mine != 0 {
		return
	}
	c.tag++
	s.mine = c.tag
	c.cast(node, atom("init_connect"), etf.Tuple{version, s.mine}, c.node,
		etf.Tuple{atom("locker"), atom("no_longer_a_pid"), etf.Map{}, c.locker})
	if g := s.early; g != nil {
		s.early = nil
		c.greet(node, *g)
	}
}

// greet is an init_connect.
func (c *core) greet(node atom, g greeting) {
	if !c.links[node] {
		return
	}
	if g.version < oldest {
		c.log(node, "a node speaks a version of global that is too old")
		return
	}
	if _, pending := c.pending[node]; pending {
		if g.version < versionAcks {
			c.log(node, "a node with an old version of global began anew out of step; it is disconnected")
			c.do(effect{kind: doDisconnect, node: node})
			return
		}
		c.info(node, atom("cancel_connect"), c.node, g.tag)
		c.again(node)
	}
	s := c.session(node)
	s.version, s.his = min(g.version, version), g.tag
	if s.mine == 0 {
		s.early = &g
		return
	}
	c.tellLocker(lockerMsg{him: &him{node, g.locker, s.version, s.mine, g.tag}})
	if g.version >= versionAcks {
		c.info(node, atom("init_connect_ack"), c.node, g.tag, s.mine)
	}
	c.pending[node] = g.version
}

// acknowledged is an init_connect_ack: both must mean the same session.
func (c *core) acknowledged(node atom, mine, his any) {
	if s := c.sessions[node]; s != nil && s.mine != 0 && etf.Equal(mine, s.mine) && s.his != nil && etf.Equal(his, s.his) {
		return
	}
	if c.links[node] {
		c.info(node, atom("cancel_connect"), c.node, his)
		c.again(node)
	}
}

// cancelled is a cancel_connect: he begins anew.
func (c *core) cancelled(node atom, mine any) {
	if s := c.sessions[node]; s != nil && s.mine != 0 && etf.Equal(mine, s.mine) {
		c.again(node)
	}
}

// again ends a session and begins a new one.
func (c *core) again(node atom) {
	s := c.sessions[node]
	begun := s != nil && s.mine != 0
	c.end(node)
	delete(c.pending, node)
	if begun && c.links[node] {
		c.meet(node)
	}
}

// cancel takes a session away from the locker, and tells him if he is in it.
func (c *core) cancel(node atom, tag int64) {
	c.tellLocker(lockerMsg{cancel: node, tag: tag})
	s := c.sessions[node]
	if c.pending[node] >= versionAcks && s != nil && s.mine == tag {
		c.info(node, atom("cancel_connect"), c.node, s.his)
	}
}

// end forgets a session.
func (c *core) end(node atom) {
	if s := c.sessions[node]; s != nil {
		if s.mine != 0 {
			c.cancel(node, s.mine)
		}
		delete(c.sessions, node)
	}
}

// lockSet is what his locker says to ours.
func (c *core) lockSet(m lockSet) {
	if !m.tagged {
		c.tellLocker(lockerMsg{set: &m})
	} else if s := c.sessions[m.locker.Node]; s != nil && s.mine != 0 && etf.Equal(m.tagTerm, s.mine) {
		m.tag = s.mine
		c.tellLocker(lockerMsg{set: &m})
	}
}

// locked: our locker has the global lock for a session, and his as well.
func (c *core) locked(node atom, tag int64, requester any) {
	s := c.current(node, int(tag))
	if s == nil {
		return
	}
	list := etf.List{}
	for _, e := range c.names {
		list = append(list, e.named.term())
	}
	c.cast(node, atom("exchange"), c.node, list, etf.List{}, s.his)
	s.locked, s.requester = true, requester
	c.compare(node, s)
}

// exchange are all his names.
func (c *core) exchange(node atom, list []named, tag any) {
	if s := c.current(node, tag); s != nil {
		s.theirs, s.exchanged = list, true
		c.compare(node, s)
	}
}

// compare finds what clashes, when both sides have the lock and have told their names.
func (c *core) compare(node atom, s *session) {
	if !s.locked || !s.exchanged {
		return
	}
	var clashes []clash
	s.ops = nil
	for _, his := range s.theirs {
		k, err := etf.Key(his.name)
		if err != nil {
			continue
		}
		mine := c.names[k]
		switch {
		case mine == nil:
			s.ops = append(s.ops, op{his, false})
		case mine.pid == his.pid:
		case c.node < node:
			clashes = append(clashes, clash{mine: mine.named, his: his})
		}
	}
	s.theirs, s.exchanged = nil, false
	if len(clashes) > 0 {
		c.do(effect{kind: doResolve, node: node, tag: s.mine, clashes: clashes})
		return
	}
	c.decide(node, s, nil)
}

// resolvedClashes: the methods of resolution have spoken.
func (c *core) resolvedClashes(node atom, tag int64, clashes []clash) {
	if s := c.current(node, int(tag)); s != nil {
		c.decide(node, s, clashes)
	}
}

// decide tells him what he has to change.
func (c *core) decide(node atom, s *session, clashes []clash) {
	var his []op
	for _, cl := range clashes {
		switch cl.keep {
		case keepHis:
			s.ops = append(s.ops, op{cl.his, false})
		case keepMine:
			his = append(his, op{cl.mine, false})
		default:
			s.ops = append(s.ops, op{named{name: cl.his.name}, true})
			his = append(his, op{named{name: cl.his.name}, true})
		}
	}
	s.decided = true
	c.cast(node, atom("resolved"), c.node, opsTerm(his), membersTerm(c.members(), s.version), atom("unused"), etf.List{}, s.his)
	c.finish(node, s)
}

// resolution is what he has decided.
func (c *core) resolution(node atom, r resolution, tag any) {
	if s := c.current(node, tag); s != nil {
		s.resolved = &r
		c.finish(node, s)
	}
}

// finish makes two clusters one, when both sides have decided.
func (c *core) finish(node atom, s *session) {
	if !s.decided || s.resolved == nil {
		return
	}
	ops := slices.DeleteFunc(append(s.ops, s.resolved.ops...), func(o op) bool { return !o.remove && s.lost[o.pid.Node] })
	before := c.members()
	newNodes := []member{{node, s.version}}
	var others []atom
	for _, m := range s.resolved.known {
		if s.lost[m.node] {
			continue
		}
		if m.version == 0 {
			m.version = c.versionOf(m.node)
		}
		newNodes = append(newNodes, m)
		if m.node != c.node {
			others = append(others, m.node)
		}
	}
	c.join(c.bounded(others))
	c.apply(ops, s.requester)
	for _, n := range others {
		delete(c.pending, n)
		c.end(n)
	}
	for _, m := range before {
		c.cast(m.node, atom("new_nodes"), c.node, opsTerm(ops), etf.List{}, membersTerm(newNodes, m.version),
			extraTerm(s.version, s.requester))
	}
	delete(c.pending, node) // before the end, or it would be told to him as a cancellation
	c.end(node)
	c.learn(newNodes)
	c.inStep(node)
}

// bounded leaves out nodes that we would not remember.
func (c *core) bounded(nodes []atom) []atom {
	return nodes[:min(len(nodes), c.limits.nodes)]
}

// newNodes: a node that we know has made its cluster one with another.
func (c *core) newNodes(from atom, ops []op, list []member, requester any) {
	if !c.links[from] {
		return
	}
	added := c.learn(list)
	c.join(added)
	c.apply(ops, requester)
}

// inSync: a node agrees with us, because it has learnt of us from others. We hear of it by them too, before or after this.
func (c *core) inSync(node atom) {
	if !c.links[node] {
		return
	}
	if _, known := c.known[node]; !known {
		c.doubts[node] = true
	}
	delete(c.pending, node)
	c.inStep(node)
	c.end(node)
}

// settleDoubts ends links to nodes that believe to be known and are not: whoever should have told us was lost at that
// moment. When they meet again they do so as strangers. A doubt must be older than one call.
func (c *core) settleDoubts() {
	for node, old := range c.oldDoubts {
		if _, known := c.known[node]; old && !known && c.links[node] {
			c.log(node, "disconnects from a node that believes to be in step, but is not known")
			c.do(effect{kind: doDisconnect, node: node})
		}
	}
	c.oldDoubts = c.doubts
	c.doubts = map[atom]bool{}
}
