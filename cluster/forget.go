// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
)

// maxForgotten bounds how many declarations of Forget are kept, for nodes that have not heard them.
const maxForgotten = 1024

// forgotten is one member that was declared down by Forget.
type forgotten struct {
	Name        banyan.Atom
	Incarnation uint64
}

// declared is a life that was declared down, and when this node heard of it.
type declared struct {
	upTo Incarnation
	at   time.Time
}

// Forget declares a member down for good, in its present incarnation: it is over, and nobody looks for it any more. All members that are linked hear it
// at once, the others when they are linked. If its process lives after all and is heard again it stays Down until it is started anew.
// ErrUnknown, and ErrReachable for one that is heard here.
func (c *Cluster) Forget(name banyan.Atom) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.core.member(name)
	switch {
	case !ok:
		return fmt.Errorf("cluster: forget %s: %w", name, ErrUnknown)
	case !m.State.Over() && m.Reach != Unreachable:
		return fmt.Errorf("cluster: forget %s: %w", name, ErrReachable)
	}
	f := forgotten{name, uint64(m.Incarnation)}
	c.forget(f)
	for peer := range c.core.links {
		c.tellForgotten(peer, []forgotten{f})
	}
	return nil
}

// forget notes a declaration. One of a life that is over already, or was never heard of, is kept too: it may be news to others. With mu held.
func (c *Cluster) forget(f forgotten) {
	now := time.Now()
	for name, old := range c.forgotten {
		if now.Sub(old.at) > c.cfg.Keep {
			delete(c.forgotten, name)
		}
	}
	inc := Incarnation(f.Incarnation)
	if old, ok := c.forgotten[f.Name]; ok && old.upTo >= inc || !ok && len(c.forgotten) >= maxForgotten {
		return
	}
	c.forgotten[f.Name] = declared{inc, now}
	if f.Name != c.me.name {
		c.apply(c.core.down(f.Name, inc, now))
	}
}

// catchUp tells a member that is linked now what it may not have heard. With mu held.
func (c *Cluster) catchUp(peer banyan.Atom) {
	if len(c.forgotten) == 0 {
		return
	}
	list := make([]forgotten, 0, len(c.forgotten))
	for name, d := range c.forgotten {
		list = append(list, forgotten{name, uint64(d.upTo)})
	}
	c.tellForgotten(peer, list)
}

// tellForgotten sends declarations to a member. With mu held.
func (c *Cluster) tellForgotten(peer banyan.Atom, list []forgotten) {
	if _, ok := c.core.member(peer); !ok || peer == c.me.name || c.ctx.Err() != nil {
		return
	}
	c.run(func() {
		ctx := banyan.Within(banyan.NoConnect(c.node.Context(c.ctx)), 5*time.Second)
		if err := banyan.Cast(ctx, banyan.At[*desk](deskName, peer), forgetNote{list}); err != nil {
			c.log.Debug("a member was not told what was forgotten; it will be when it is linked again", "member", string(peer), "error", err)
		}
	})
}
