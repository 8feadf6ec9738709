// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan"
)

// watchLinks starts the process that hears of links. It is told first and looks at those that are there afterwards, so that none is
// missed.
func (c *Cluster) watchLinks() error {
	ready := make(chan struct{})
	_, err := banyan.Go(c.node, func(self *banyan.Self) error {
		self.MonitorNodes(true)
		close(ready)
		ctx, cancel := context.WithCancel(self.Context())
		defer cancel()
		defer context.AfterFunc(c.ctx, cancel)()
		for {
			m, err := self.Receive(ctx, banyan.OfType[banyan.NodeUp](), banyan.OfType[banyan.NodeDown](),
				banyan.OfType[banyan.NodeDraining]()) // the last one the members say by themselves
			if c.ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			switch m := m.(type) {
			case banyan.NodeUp:
				c.linkIs(m.Node, true)
			case banyan.NodeDown:
				c.linkIs(m.Node, false)
			}
		}
	})
	if err != nil {
		return err
	}
	<-ready
	for _, name := range c.node.Nodes() {
		c.linkIs(name, true)
	}
	return nil
}

// linkIs takes what is heard of a link. A link that is lost is made again, if it should be there.
func (c *Cluster) linkIs(name banyan.Atom, up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	var via banyan.Atom
	if up && c.layer != nil {
		if l := linkTo(c.layer.Links(), name); l != nil {
			via = l.Via
		}
	}
	c.apply(c.core.link(name, up, via, time.Now()))
	if m, ok := c.core.member(name); ok {
		c.link(m)
		if up {
			c.catchUp(name)
		}
	}
}

// unlink ends the link to a member that has just fallen silent: here that is noticed long before the link's ticks would notice it, and what waits
// on it should not wait on. If it is still heard on the link, that holds as long as it is. With mu held.
func (c *Cluster) unlink(e Event) {
	if e.Kind == ReachChanged && e.Member.Reach == Unreachable && (c.layer == nil || deaf(linkTo(c.layer.Links(), e.Member.Name))) {
		c.sever(e.Member)
	}
}

// sever ends the link to a member. One that has left is silent too, and ends its links itself when it has no use for them. With mu held.
func (c *Cluster) sever(m Member) {
	if !m.State.Over() && c.core.links[m.Name] && !c.cfg.NoLinks && c.ctx.Err() == nil {
		c.run(func() { c.node.Disconnect(m.Name) })
	}
}

// link makes the link to a member if there should be one, or ends the attempts. With mu held.
func (c *Cluster) link(m Member) {
	if c.cfg.NoLinks || m.Name == c.me.name || c.me.state.Over() {
		return
	}
	linked := c.core.links[m.Name]
	switch {
	case m.State.Over(), m.Reach == Unreachable:
		if cancel := c.linking[m.Name]; cancel != nil {
			cancel()
			delete(c.linking, m.Name)
		}
	case !linked && c.linking[m.Name] == nil && c.ctx.Err() == nil:
		ctx, cancel := context.WithCancel(c.ctx)
		c.linking[m.Name] = cancel
		c.run(func() { c.connect(ctx, m.Name) })
	}
}

// connect tries to link a member until there is a link, or it is not wanted any more. Of two members the one with the lesser name begins.
func (c *Cluster) connect(ctx context.Context, name banyan.Atom) {
	pause := 250 * time.Millisecond
	wait := time.Duration(0)
	if name < c.node.Name() || c.lately(name) {
		wait = pause
	}
	for {
		if wait > 0 {
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
				return
			}
		}
		bound, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := c.node.Connect(c.node.Context(bound), name)
		cancel()
		c.mu.Lock()
		if err == nil || ctx.Err() != nil || errors.Is(err, banyan.ErrNodeStopped) {
			if ctx.Err() == nil {
				delete(c.linking, name)
			}
			c.mu.Unlock()
			return
		}
		c.apply(c.core.link(name, false, "", time.Now()))
		c.mu.Unlock()
		wait = c.jitter(pause)
		pause = min(2*pause, 5*time.Second)
	}
}

// lately reports whether the last attempt to link a node was less than a second ago, and notes this one. A link that breaks as soon as it is
// made is not made again at once.
func (c *Cluster) lately(name banyan.Atom) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	last := c.linked[name]
	for n, at := range c.linked {
		if now.Sub(at) > time.Second {
			delete(c.linked, n)
		}
	}
	c.linked[name] = now
	return now.Sub(last) < time.Second
}
