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
			m, err := self.Receive(ctx, banyan.OfType[banyan.NodeUp](), banyan.OfType[banyan.NodeDown]())
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
	c.apply(c.core.link(name, up, time.Now()))
	if m, ok := c.core.member(name); ok {
		c.link(m)
	}
}

// link makes, keeps or ends the link to a member, as its state asks for. With mu held.
func (c *Cluster) link(m Member) {
	if c.cfg.NoLinks || m.Name == c.me.name {
		return
	}
	linked := c.core.links[m.Name]
	switch {
	case m.State.Over(), m.Reach == Unreachable:
		if cancel := c.linking[m.Name]; cancel != nil {
			cancel()
			delete(c.linking, m.Name)
		}
		if linked && m.Reach == Unreachable && c.ctx.Err() == nil {
			// Silence is noticed here long before the link's ticks would notice it: what waits on it should not wait on.
			c.run(func() { c.node.Disconnect(m.Name) })
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
	if name < c.node.Name() {
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
		c.apply(c.core.link(name, false, time.Now()))
		c.mu.Unlock()
		wait = c.jitter(pause)
		pause = min(2*pause, 5*time.Second)
	}
}
