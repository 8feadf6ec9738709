// SPDX-License-Identifier: Apache-2.0

package job

// effects hands out what was collected.
func (c *Core) effects() []Effect {
	out := c.out
	c.out = nil
	return out
}

func (c *Core) load(x *piece) *load {
	if m := c.members[x.node]; m != nil {
		return m.workers[x.worker]
	}
	return nil
}

// free takes a given piece from its worker.
func (c *Core) free(p int) {
	x := &c.pieces[p]
	c.stats.Given--
	if l := c.load(x); l != nil && l.pieces[p] {
		delete(l.pieces, p)
		l.bytes -= x.size
	}
	x.node, x.worker = "", 0
}

// giveBack makes a given piece pending again.
func (c *Core) giveBack(p int) {
	c.free(p)
	c.stats.Again++
	c.pieces[p].state = pending
	c.low = min(c.low, p)
}

// hold moves a piece to held: somebody has its result.
func (c *Core) hold(p int) {
	x := &c.pieces[p]
	switch x.state {
	case given:
		c.free(p)
	case held, counted:
		return
	}
	x.state = held
	c.stats.Held++
}

// settle brings a held or counted piece on: it asks for the copies that are missing, and counts it when there are none. If
// no copy is left the piece is pending again.
func (c *Core) settle(p int) {
	x := &c.pieces[p]
	if x.state != held && x.state != counted {
		return
	}
	from, ok := c.holder(p)
	if !ok {
		c.lose(p)
		return
	}
	all := c.members[c.home] != nil
	for _, n := range c.names {
		m := c.members[n]
		if m.have[p] {
			continue
		}
		all = false
		if !m.asking[p] {
			m.asking[p], m.asked[p] = true, from
			c.out = append(c.out, Effect{Do: Copy, Piece: p, From: from, Node: n})
		}
	}
	if all && x.state == held {
		x.state, x.inHand = counted, false
		c.stats.Held--
		c.stats.Counted++
		c.stats.CountedBytes += x.size
		c.out = append(c.out, Effect{Do: Count, Piece: p})
	}
}

// holder finds who can send the result of a piece: "" is the coordinator itself.
func (c *Core) holder(p int) (string, bool) {
	if c.pieces[p].inHand {
		return "", true
	}
	for _, n := range c.names {
		if c.members[n].have[p] {
			return n, true
		}
	}
	return "", false
}

// lose makes a piece pending whose last copy is gone.
func (c *Core) lose(p int) {
	x := &c.pieces[p]
	if x.state == counted {
		c.stats.Counted--
		c.stats.CountedBytes -= x.size
		for _, m := range c.members {
			m.missing-- // nobody has it, all missed it
		}
	} else {
		c.stats.Held--
	}
	c.stats.Again++
	x.state = pending
	c.low = min(c.low, p)
	for _, m := range c.members {
		m.asking[p] = false
	}
}

// AskAgain asks another time for all copies that a member lacks. Copies that come twice do no harm.
func (c *Core) AskAgain(node string) []Effect {
	m := c.members[node]
	if m == nil {
		return nil
	}
	clear(m.asking)
	for p := range c.pieces {
		c.settle(p)
	}
	return c.effects()
}
