// SPDX-License-Identifier: Apache-2.0

package lease

import "slices"

// move is a change of voters that this leader carries on.
type move struct {
	version uint64 // of the row with both lists
	known   map[uint64]bool
	since   Time // when a majority of the old list knew; 0: not yet
	again   Time
}

// Want says who shall be the voters. The leader gets there, step by step.
func (c *Core) Want(voters []uint64) {
	c.want = slices.Clone(voters)
	slices.Sort(c.want)
}

// moveOn takes the next step of a change of voters.
func (c *Core) moveOn(now Time) {
	conf := c.view.Conf
	if now < c.move.again {
		return
	}
	switch len(conf.Lists) {
	case 1:
		if len(c.want) == 0 || slices.Equal(conf.Lists[0], c.want) {
			return
		}
		lists := [][]uint64{conf.Lists[0], c.want}
		if c.cfg.Flaw == StraightMove {
			lists = lists[1:]
		}
		c.propose(Proposal{Kind: ProposeVoters, Base: conf.Version, Lists: lists})
		c.move.again = now + c.cfg.TTL/3
	case 2:
		c.leave(now, conf)
	}
}

// leave drops the old list, when nobody can count by it alone any more.
func (c *Core) leave(now Time, conf Conf) {
	if c.move.version != conf.Version {
		c.move = move{version: conf.Version, known: map[uint64]bool{}}
	}
	// One that is gone takes no beats at all.
	settled := func(v uint64) bool { return c.move.known[v] || slices.Contains(c.view.Gone, v) }
	if count(conf.Lists[0], settled) <= len(conf.Lists[0])/2 {
		for _, v := range conf.Lists[0] {
			c.send(Message{Kind: KindKnow, To: v, Conf: conf.Version})
		}
		c.move.again = now + c.cfg.Resend
		return
	}
	if c.move.since == 0 {
		c.move.since = now
	}
	if now < c.move.since+c.cfg.forgotten() && c.cfg.Flaw != HastyMove {
		return
	}
	c.propose(Proposal{Kind: ProposeVoters, Base: conf.Version, Lists: conf.Lists[1:]})
	c.move.again = now + c.cfg.TTL/3
}

// known: a voter takes no beats older than m.Conf.
func (c *Core) known(m Message) {
	if m.Conf >= c.move.version && c.move.known != nil {
		c.move.known[m.From] = true
	}
}
