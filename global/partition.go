// SPDX-License-Identifier: Apache-2.0

package global

import "time"

// How a node is parted from.
type parting uint8

const (
	partLost   parting = iota // its link is gone, and nobody here wanted that: the others hear of it
	partAsked                 // it was asked to leave us, or we leave it because we were asked
	partSilent                // nobody is to hear of it
)

// lostIn notes for a session that a node was lost by one of the two.
func (c *core) lostIn(s *session, node atom) {
	if s.lost == nil {
		s.lost = map[atom]bool{}
	}
	if len(s.lost) < c.limits.nodes {
		s.lost[node] = true
	}
}

// part forgets that a node is of our cluster.
func (c *core) part(node atom, how parting) {
	if how == partLost && !c.removing[node] {
		c.report(node)
	}
	c.end(node)
	for _, s := range c.sessions {
		c.lostIn(s, node)
	}
	c.tellLocker(lockerMsg{remove: node})
	if how == partAsked {
		c.removing[node] = true
	} else {
		delete(c.removing, node)
	}
	delete(c.pending, node)
	delete(c.known, node)
	delete(c.synced, node)
	c.noLongerAwaited(node)
}

// lostKey is a connection that was lost: who says so, and to whom.
type lostKey struct{ by, to atom }

// lostInfo is the latest report of it.
type lostInfo struct {
	creation, op int64
	until        time.Time
}

// lostFor is how long a report is remembered, so that it is passed on once.
const lostFor = time.Hour

// report tells all others that we have lost a node, so that they part from it, or from us: no node may be in two clusters that
// do not know each other. Among Banyan nodes nobody parts: two that lose each other, and are both heard by others, go on through a third.
func (c *core) report(node atom) {
	if c.overlap || c.amongOurselves(node) {
		return
	}
	c.opID++
	c.spread(node, c.node, c.creation, c.opID, node)
}

// spread sends a report to all whom we know, or are about to, but one.
func (c *core) spread(but, by atom, creation, op int64, to atom) {
	for _, m := range c.members() {
		if m.node != but && m.version >= versionNodes {
			c.info(m.node, atom("lost_connection"), by, creation, op, to)
		}
	}
	for n, v := range c.pending {
		if _, known := c.known[n]; !known && n != but && v >= versionNodes {
			c.info(n, atom("lost_connection"), by, creation, op, to)
		}
	}
}

// lostConnection is a report: by has lost the link to to.
func (c *core) lostConnection(by atom, creation, op int64, to atom, now time.Time) {
	if c.overlap || by == "" || to == "" {
		return
	}
	k := lostKey{by, to}
	old, had := c.lost[k]
	if had && old.creation == creation && op <= old.op {
		return
	}
	if !had && len(c.lost) >= c.limits.lost {
		if c.expire(now); len(c.lost) >= c.limits.lost {
			c.log(by, "too many reports of lost connections, one is left out")
			return
		}
	}
	c.spread(by, by, creation, op, to)
	c.lost[k] = lostInfo{creation, op, now.Add(lostFor)}
	if s := c.sessions[by]; s != nil {
		c.lostIn(s, to)
	}
	gone := to
	if to == c.node {
		gone = by
	}
	if gone == c.node || !c.potentially(gone) {
		return
	}
	if c.versionOf(gone) < versionNodes {
		c.log(gone, "disconnects from a node with an old version, to prevent overlapping partitions")
		c.do(effect{kind: doDisconnect, node: gone})
	} else {
		c.log(gone, "asks a node to disconnect, to prevent overlapping partitions")
		c.info(gone, atom("remove_connection"), c.node)
	}
	c.part(gone, partAsked)
}

// removeConnection: a node asks us to leave it.
func (c *core) removeConnection(node atom) {
	if !c.potentially(node) {
		return
	}
	c.log(node, "disconnects from a node that asked for it, to prevent overlapping partitions")
	c.do(effect{kind: doDisconnect, node: node})
	c.part(node, partAsked)
}
