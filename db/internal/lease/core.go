// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"slices"
	"time"
)

// Core is a node's part: holder, voter, and, while it leads, who buries. Its methods belong to one goroutine. The time given to them
// must not go back.
type Core struct {
	cfg    Config
	view   View
	holder holder
	voter  voter

	leading bool
	burials map[Life]*burial // of a leader only
	want    []uint64
	move    move

	out, local, saved []Message // to others; to itself; to whomever once all is durable
	dirty             bool
	proposals         []Proposal
}

// New makes a core that has just been started, with what its predecessor on the same store has saved last, nil for nothing.
func New(cfg Config, now Time, saved []byte) (*Core, error) {
	cfg.defaults()
	c := &Core{cfg: cfg, burials: map[Life]*burial{}}
	c.voter = voter{began: now, ticked: now, supports: map[Life]support{}, grants: map[Life]uint64{}}
	return c, c.voter.load(saved)
}

// Learn takes what was applied of the log by now.
func (c *Core) Learn(now Time, v View) {
	c.view = v
	c.voter.floor = max(c.voter.floor, v.Conf.Version)
	c.voter.forget(now, &c.view)
	for _, l := range sortedLives(c.burials) {
		if m, ok := v.member(l); !ok || m.Over || c.burials[l].round != m.Cancelled+1 {
			delete(c.burials, l)
		}
	}
	c.beat(now) // a new list of voters is asked at once
	c.settle(now)
}

// Lead says whether this node leads the group that has the log. Two that believe it do no harm.
func (c *Core) Lead(leading bool) {
	if c.leading != leading {
		c.leading = leading
		clear(c.burials)
		c.move = move{}
	}
}

// Tick moves time on. It should come every Every.
func (c *Core) Tick(now Time) {
	c.pulse(now)
	c.voter.ticked = now
	c.beat(now)
	c.linger(now)
	if c.leading {
		for _, m := range c.view.Members {
			c.bury(now, m)
		}
		c.moveOn(now)
	}
	c.settle(now)
}

// Every is after what time the next tick should come.
func (c *Core) Every() time.Duration {
	if len(c.burials) > 0 || c.leading && len(c.view.Conf.Lists) > 1 {
		return c.cfg.Resend
	}
	return max(c.cfg.beat()/3, c.cfg.Resend)
}

// Receive takes a message.
func (c *Core) Receive(now Time, m Message) {
	c.pulse(now)
	c.handle(now, m)
	c.settle(now)
}

func (c *Core) handle(now Time, m Message) {
	switch m.Kind {
	case KindBeat:
		c.supported(now, m)
	case KindAck:
		c.acked(now, m)
	case KindAsk:
		c.asked(now, m)
	case KindSilent, KindAlive, KindGrant:
		c.told(now, m)
	case KindClaim:
		c.claimed(now, m)
	case KindKnow:
		c.know(m)
	case KindKnown:
		c.known(m)
	}
}

// settle handles what the node has to say to itself.
func (c *Core) settle(now Time) {
	for len(c.local) > 0 {
		m := c.local[0]
		c.local = c.local[1:]
		c.handle(now, m)
	}
}

func (c *Core) send(m Message) {
	m.From = c.cfg.Node
	if m.To == c.cfg.Node {
		c.local = append(c.local, m)
		return
	}
	c.out = append(c.out, m)
}

// sendSaved sends once everything is durable that is not yet.
func (c *Core) sendSaved(m Message) {
	if !c.dirty {
		c.send(m)
		return
	}
	c.saved = append(c.saved, m)
}

func (c *Core) propose(p Proposal) { c.proposals = append(c.proposals, p) }

// Work is what the core wants done.
type Work struct {
	Send    []Message
	Propose []Proposal
	// Save, if it is not nil, takes the place of what was saved before. Once it is durable Saved must be called. Until then the core may hear what Learn,
	// Lead, Want and Hold tell, but no Tick and no Receive; the next Work has a Save that stands for this one too.
	Save []byte
}

// Work takes out what there is to do, in any order.
func (c *Core) Work() Work {
	w := Work{Send: c.out, Propose: c.proposals}
	c.out, c.proposals = nil, nil
	if c.dirty {
		w.Save = c.voter.save()
	}
	return w
}

// Saved says that the Save of the last Work is durable. There is more Work then.
func (c *Core) Saved(now Time) {
	c.voter.durable = c.voter.floor
	c.dirty = false
	then := slices.Clone(c.saved)
	c.saved = c.saved[:0]
	for _, m := range then {
		c.send(m)
	}
	c.settle(now)
}
