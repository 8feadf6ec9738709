// SPDX-License-Identifier: Apache-2.0

package lease

// burial is what a leader has found out about a life that it does not hear.
type burial struct {
	round    uint64
	silent   map[uint64]Time // who has said so, and when
	alive    map[uint64]Time // who has said the opposite
	granted  map[uint64]bool // in this round
	claiming Time            // since when; 0: asking
	proposed bool            // the round has been ended by a proposal, which may have been lost
	again    Time            // when to send, or to propose, next
}

func (c *Core) burialOf(m Member) *burial {
	b := c.burials[m.Life]
	if b == nil || b.round != m.Cancelled+1 {
		b = &burial{round: m.Cancelled + 1, silent: map[uint64]Time{}, alive: map[uint64]Time{}, granted: map[uint64]bool{}}
		c.burials[m.Life] = b
	}
	return b
}

// bury moves the burial of a life on, if there is reason for one.
func (c *Core) bury(now Time, m Member) {
	suspect := c.ended(now, m.Life)
	if !c.view.Conf.Has(c.cfg.Node) {
		suspect = m.Node != c.cfg.Node // it hears no beats: it has to ask
	}
	b := c.burials[m.Life]
	if m.Over || (!suspect && (b == nil || b.claiming == 0)) {
		delete(c.burials, m.Life)
		return
	}
	b = c.burialOf(m)
	if now < b.again {
		return
	}
	b.again = now + c.cfg.Resend
	if b.claiming == 0 {
		c.ask(now, m.Life, b)
		return
	}
	c.claim(now, m.Life, b)
}

// silence reports whether a majority has said just now that the life is silent.
func (c *Core) silence(now Time, b *burial) bool {
	return c.half(func(v uint64) bool { return b.silent[v] >= b.alive[v] && c.fresh(now, b.silent[v]) })
}

// fresh reports whether an answer is young enough to count.
func (c *Core) fresh(now, at Time) bool { return at > 0 && now-at <= c.cfg.TTL/5 }

// ask finds out, without changing anything, whether a burial could succeed.
func (c *Core) ask(now Time, l Life, b *burial) {
	if c.silence(now, b) {
		b.claiming = now
		c.claim(now, l, b)
		return
	}
	if !c.view.Conf.majority(func(v uint64) bool { return b.silent[v] >= b.alive[v] || !c.fresh(now, b.alive[v]) }) {
		b.again = now + c.cfg.beat() // too many hear it: no hurry
	}
	for _, v := range c.view.Conf.Voters() {
		c.send(Message{Kind: KindAsk, To: v, Life: l})
	}
}

// claim collects grants, and ends the round by a proposal one way or the other.
func (c *Core) claim(now Time, l Life, b *burial) {
	end := Proposal{Life: l, Round: b.round, Base: c.view.Conf.Version}
	switch {
	case c.granted(b):
		end.Kind = ProposeDown
	case now-b.claiming > c.cfg.TTL/2, !c.view.Conf.majority(func(v uint64) bool { return b.granted[v] || b.alive[v] <= b.claiming }):
		end.Kind = ProposeCancel
	default:
		for _, v := range c.view.Conf.Voters() {
			if !b.granted[v] {
				c.send(Message{Kind: KindClaim, To: v, Life: l, Num: b.round})
			}
		}
		return
	}
	c.propose(end)
	b.proposed = true
	b.again = now + c.cfg.TTL/3
}

// granted reports whether a majority has granted the round.
func (c *Core) granted(b *burial) bool {
	return c.half(func(v uint64) bool { return b.granted[v] })
}

// half is the majority that a burial takes.
func (c *Core) half(is func(uint64) bool) bool {
	if c.cfg.Flaw == Minority {
		for _, l := range c.view.Conf.Lists {
			if count(l, is) < len(l)/2 {
				return false
			}
		}
		return true
	}
	return c.view.Conf.majority(is)
}

// told takes a voter's word about a life.
func (c *Core) told(now Time, m Message) {
	mb, ok := c.view.member(m.Life)
	if !c.leading || !ok || mb.Over {
		return
	}
	if m.Kind == KindGrant && m.Num == mb.Cancelled+1 && c.burials[m.Life] == nil { // left over from another leader
		c.burialOf(mb)
	}
	b := c.burials[m.Life]
	if b == nil {
		return
	}
	switch m.Kind {
	case KindSilent:
		b.silent[m.From] = now
	case KindAlive:
		b.alive[m.From] = now
	case KindGrant:
		if m.Num != b.round && c.cfg.Flaw != AcrossRounds {
			return
		}
		b.granted[m.From] = true
		if b.claiming == 0 { // to be ended, one way or the other
			b.claiming = now
		}
	}
	if !b.proposed && (b.claiming == 0 && c.silence(now, b) || c.granted(b)) {
		b.again = now
		c.bury(now, mb)
	}
}
