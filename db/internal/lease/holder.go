// SPDX-License-Identifier: Apache-2.0

package lease

import "slices"

// window is how many beats may be unanswered; older ones are not counted any more.
const window = 64

// holder is the side of a node that holds a lease.
type holder struct {
	life Life // zero: not admitted
	seq  uint64
	due  Time // of the next beat
	sent [window]struct {
		seq  uint64
		at   Time
		conf uint64
	}
	// ends: for each voter, the end of the lease by the newest beat that it has acknowledged under conf.
	ends map[uint64]Time
	conf uint64
	// until is the end of the lease. It never falls, but with a new life. What was earned under other voters stays: see Conf.
	until Time
	// terms counts how often the lease was gained: while it was never lost, it is the same.
	terms uint64
}

// Hold begins to hold a lease for a life that the log has admitted.
func (c *Core) Hold(now Time, l Life) {
	c.holder = holder{life: l, seq: c.holder.seq, terms: c.holder.terms, due: now}
	c.beat(now)
	c.settle(now)
}

// Lease is the life that this node holds a lease for, the end of it, and which unbroken term it is of.
func (c *Core) Lease() (l Life, until Time, term uint64) {
	return c.holder.life, c.holder.until, c.holder.terms
}

// beat sends a beat if it is due.
func (c *Core) beat(now Time) {
	h := &c.holder
	if h.life == (Life{}) || now < h.due && h.conf == c.view.Conf.Version {
		return
	}
	if m, ok := c.view.member(h.life); ok && m.Over {
		return
	}
	if h.conf != c.view.Conf.Version {
		h.conf, h.ends = c.view.Conf.Version, map[uint64]Time{}
	}
	h.due = now + c.cfg.beat()
	h.seq++
	s := &h.sent[h.seq%window]
	s.seq, s.at, s.conf = h.seq, now, h.conf
	for _, v := range c.view.Conf.Voters() {
		c.send(Message{Kind: KindBeat, To: v, Life: h.life, Num: h.seq, Conf: h.conf, TTL: c.cfg.TTL})
	}
}

// acked: a voter supports us.
func (c *Core) acked(now Time, m Message) {
	h := &c.holder
	s := h.sent[m.Num%window]
	if m.Life != h.life || s.seq != m.Num || s.conf != h.conf || h.ends == nil {
		return
	}
	if over, ok := c.view.member(h.life); ok && over.Over {
		return
	}
	at := s.at
	if c.cfg.Flaw == FromAck {
		at = now
	}
	h.ends[m.From] = max(h.ends[m.From], at+c.cfg.held())
	if h.conf != c.view.Conf.Version {
		return
	}
	if end := c.earned(); end > h.until {
		if now >= h.until {
			h.terms++
		}
		h.until = end
	}
}

// earned is up to when a majority of each list supports us.
func (c *Core) earned() Time {
	end := Time(1<<63 - 1)
	for _, list := range c.view.Conf.Lists {
		ends := make([]Time, 0, 8)
		for _, v := range list {
			ends = append(ends, c.holder.ends[v])
		}
		slices.Sort(ends)
		end = min(end, ends[(len(ends)-1)/2]) // the majority's: as many are at or above it
	}
	return end
}
