// SPDX-License-Identifier: Apache-2.0

package pg

import "github.com/banyan-go/banyan"

// hear is a message from another scope.
func (c *core) hear(h heard) {
	switch h.what {
	case atomDiscover:
		c.discovered(h.peer)
	case atomSync:
		c.synced(h.peer, h.sync)
	case atomJoin:
		if p := c.peers[h.peer]; p != nil { // others are late, from a node that is gone
			c.joinedThere(h.peer, p, h.group, h.pids)
		}
	case atomLeave:
		if p := c.peers[h.peer]; p != nil {
			c.leftThere(h.peer, p, h.pids, h.groups)
		}
	}
}

// discovered: a scope asks who we are.
func (c *core) discovered(pid banyan.PID) {
	known := c.peers[pid] != nil
	p := c.admit(pid)
	if p == nil {
		return
	}
	c.tellAll(pid, p)
	if !known {
		c.ask(pid, p)
	}
}

// synced: a scope says all its members, which replace what is known of them. It will ask for ours, if it does not know us.
func (c *core) synced(pid banyan.PID, groups []announced) {
	p := c.admit(pid)
	if p == nil {
		return
	}
	now := map[key][]banyan.PID{}
	used := 0
	p.over = false
	for _, g := range groups {
		k, pids, ok := c.fits(pid, p, g.group, g.pids)
		n := cost(k, len(pids), now[k] == nil)
		if !ok || used+n > c.limits.members {
			c.refuse(pid, p, ok)
			continue
		}
		if used += n; len(pids) > 0 {
			now[k] = append(now[k], pids...)
		}
	}
	for k := range p.groups {
		if now[k] == nil {
			c.announce(k, false, c.members.dropPeer(k, pid))
		}
	}
	p.groups, p.used = map[key]struct{}{}, used
	for k, pids := range now {
		p.groups[k] = struct{}{}
		left, joined := difference(c.members.ofPeer(k, pid), pids)
		for _, gone := range left {
			c.members.dropRemote(k, pid, gone)
		}
		if len(joined) > 0 {
			c.members.addRemote(k, pid, joined)
		}
		c.announce(k, false, left)
		c.announce(k, true, joined)
	}
}

func (c *core) joinedThere(pid banyan.PID, p *peer, group any, pids []banyan.PID) {
	k, pids, ok := c.fits(pid, p, group, pids)
	if len(pids) == 0 && ok {
		return
	}
	_, has := p.groups[k]
	n := cost(k, len(pids), !has)
	if !ok || p.used+n > c.limits.members {
		c.refuse(pid, p, ok)
		return
	}
	p.used += n
	p.groups[k] = struct{}{}
	c.members.addRemote(k, pid, pids)
	c.announce(k, true, pids)
}

func (c *core) leftThere(pid banyan.PID, p *peer, pids []banyan.PID, groups []any) {
	for _, g := range groups {
		k, err := keyOf(g)
		if _, has := p.groups[k]; err != nil || !has {
			continue
		}
		var left []banyan.PID
		for _, gone := range pids {
			if c.members.dropRemote(k, pid, gone) {
				left = append(left, gone)
			}
		}
		none := len(c.members.ofPeer(k, pid)) == 0
		if none {
			delete(p.groups, k)
		}
		p.used -= cost(k, len(left), none)
		c.announce(k, false, left)
	}
	if p.over && p.used < c.limits.members/4*3 { // there is room for what was refused
		p.over = false
		c.ask(pid, p)
	}
}

// admit gives the record of a scope, a new one if need be: nil if there is no link to its node, or it is ours. One node has
// one scope of a name, so a new one takes the place of the old.
func (c *core) admit(pid banyan.PID) *peer {
	if p := c.peers[pid]; p != nil {
		return p
	}
	l := c.links[pid.Node]
	if l == nil || pid.Node == c.self.Node {
		return nil
	}
	if !l.peer.IsZero() {
		c.do(effect{kind: doUnwatch, pid: l.peer})
		c.drop(l.peer)
	}
	p := &peer{groups: map[key]struct{}{}}
	c.peers[pid], l.peer = p, pid
	c.do(effect{kind: doWatch, pid: pid})
	return p
}

// fits checks what a scope says of a group: a scope speaks for processes of its own node only.
func (c *core) fits(pid banyan.PID, p *peer, group any, pids []banyan.PID) (k key, own []banyan.PID, ok bool) {
	k, err := keyOf(group)
	if err != nil || len(k) > c.limits.name {
		return "", nil, false
	}
	own = pids
	for i, q := range pids {
		if q.Node == pid.Node {
			continue
		}
		own = append([]banyan.PID(nil), pids[:i]...)
		for _, q := range pids[i:] {
			if q.Node == pid.Node {
				own = append(own, q)
			}
		}
		c.warn(pid, p, "a scope spoke for processes that are not of its node; they are left out")
		break
	}
	return k, own, true
}

// refuse notes that a scope has more than it may.
func (c *core) refuse(pid banyan.PID, p *peer, named bool) {
	p.over = true
	text := "a scope has more members than it may; those beyond are left out"
	if !named {
		text = "a scope has a group whose name is too long; it is left out"
	}
	c.warn(pid, p, text)
}

// warn tells the log, once for each scope.
func (c *core) warn(pid banyan.PID, p *peer, text string) {
	if !p.warned {
		p.warned = true
		c.do(effect{kind: doWarn, pid: pid, text: text})
	}
}
