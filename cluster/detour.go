// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster/internal/gossip"
	"github.com/banyan-go/banyan/dist"
)

// linkLayer is a transport whose links can be listened to, and can go through a third node. Package dist's is one.
type linkLayer interface {
	Beat(every time.Duration) error
	Links() []dist.LinkInfo
	PeerVia(ctx context.Context, node, via banyan.Atom) (banyan.Peer, error)
}

// listen begins to show life on all links, and to look who else does.
func (c *Cluster) listen() error {
	layer, ok := c.node.Transport().(linkLayer)
	if !ok || c.cfg.NoLinks {
		return nil
	}
	beat := c.cfg.Profile.beat()
	if err := layer.Beat(beat); err != nil {
		return err
	}
	c.mu.Lock()
	c.layer, c.ears = layer, newEars(beat)
	c.mu.Unlock()
	c.run(func() {
		defer layer.Beat(0)
		for c.sleep(listenEvery, nil) {
			c.look()
		}
	})
	return nil
}

// look goes through all members, and does what follows.
func (c *Cluster) look() {
	links := c.layer.Links()
	var do todo
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	now := time.Now()
	c.ears.look(now)
	for name, l := range c.core.names {
		m, ok := l.member()
		if !ok || name == c.me.name || m.State.Over() || m.Reach == Unreachable {
			delete(c.ears.of, name)
			if link := linkTo(links, name); ok && link != nil && link.Beat > 0 && deaf(link) {
				c.sever(m) // it was heard on it when the gossip gave it up, and is not any more
			}
			continue
		}
		h := c.ears.member(now, c.me.name, name, m.Creation, linkTo(links, name), l.lost, &do)
		c.heard(name, h, now)
	}
	c.ears.forget(func(n banyan.Atom) bool { return c.core.names[n] != nil })
	for _, list := range [][]banyan.Atom{do.ask, do.giveUp, do.detour, do.straight} {
		slices.Sort(list)
	}
	for _, name := range do.ask {
		c.inquire(name)
	}
	for _, name := range do.giveUp {
		c.log.Warn("the link to a member is given up: nothing comes, and others hear it", "member", string(name))
		c.run(func() { c.node.Disconnect(name) })
	}
	for _, name := range do.detour {
		via := c.ears.of[name].witness
		c.run(func() { c.reroute(name, via, 500*time.Millisecond) })
	}
	for _, name := range do.straight {
		c.run(func() { c.reroute(name, "", c.jitter(time.Second)) })
	}
}

// heard tells the core how a member is heard. With mu held.
func (c *Cluster) heard(name banyan.Atom, h *hearing, now time.Time) {
	c.apply(c.core.hear(name, h.quiet, h.cut(now), h.via, now))
}

// straightTime bounds an attempt: in a cut it hangs.
const straightTime = 3 * time.Second

// reroute makes a link through another node, or with an empty via a straight one.
func (c *Cluster) reroute(name, via banyan.Atom, pause time.Duration) {
	ctx, cancel := context.WithTimeout(c.ctx, straightTime)
	_, err := c.layer.PeerVia(ctx, name, via)
	cancel()
	c.mu.Lock()
	c.ears.tried(c.me.name, name, time.Now(), pause)
	c.mu.Unlock()
	if err != nil {
		c.log.Debug("cluster: no link", "member", string(name), "through", string(via), "error", err)
	} else if via == "" {
		c.log.Info("a member is linked straight again", "member", string(name))
	} else {
		c.log.Info("a member is linked through another one", "member", string(name), "through", string(via))
	}
}

// inquire asks some others whether they hear a member. With mu held.
func (c *Cluster) inquire(name banyan.Atom) {
	h := c.ears.of[name]
	var to []gossip.ID
	for other, l := range c.core.names {
		if o := c.ears.of[other]; other == name || o == nil || !o.linked || o.quiet || o.via != "" {
			continue
		}
		if m, ok := l.member(); ok && m.Reach == Reachable {
			to = append(to, gossip.ID{Name: string(other), Instance: m.Instance})
		}
	}
	slices.SortFunc(to, func(a, b gossip.ID) int { return cmpID(a, b) }) // so that the choice depends on the seed alone
	n := min(witnesses, len(to))
	for i := range n {
		j := i + int(c.cfg.random()%uint64(len(to)-i))
		to[i], to[j] = to[j], to[i]
	}
	if n > 0 {
		b := question{from: c.id, of: name, creation: h.creation}.encode()
		list := to[:n]
		c.run(func() { // mu is held, and the gossip calls us with its own locks held
			for _, id := range list {
				c.g.Whisper(id, b)
			}
		})
	}
}

// Whisper takes a question or an answer of another member.
func (h handler) Whisper(b []byte) {
	c := h.c
	if q, ok := decodeQuestion(b); ok {
		c.mu.Lock()
		layer := c.layer
		c.mu.Unlock()
		if layer == nil || c.ctx.Err() != nil {
			return
		}
		link := linkTo(layer.Links(), q.of)
		c.mu.Lock()
		silent, ok := c.ears.testimony(time.Now(), link)
		c.mu.Unlock()
		if ok && link.Creation == q.creation {
			c.g.Whisper(q.from, answer{from: c.me.name, of: q.of, creation: q.creation, silent: silent}.encode())
		}
		return
	}
	a, ok := decodeAnswer(b)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ears == nil || c.ctx.Err() != nil {
		return
	}
	if m, ok := c.core.member(a.from); !ok || m.State.Over() {
		return
	}
	now := time.Now()
	if c.ears.answer(now, a.from, a.of, a.creation, a.silent) {
		c.heard(a.of, c.ears.of[a.of], now)
	}
}
