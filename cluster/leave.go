// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
)

// OnDrain has f called by Drain, after the node has become Draining and before it leaves; the last one registered comes first. f should
// return when what it stands for is finished or handed over, and when its ctx ends.
func (c *Cluster) OnDrain(f func(ctx context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks = append(c.hooks, f)
}

// Drain takes this node out of the cluster in order: it is Draining, so that nobody gives it new work; what OnDrain has registered
// finishes; then it has Left. The node itself goes on. When ctx ends before the hooks have returned it leaves all the same, and
// returns their errors. ErrLeft: it had left before.
func (c *Cluster) Drain(ctx context.Context) error {
	if c.ctx.Err() != nil {
		return fmt.Errorf("cluster: drain %s: %w", c.node.Name(), c.Err())
	}
	c.setState(ctx, Draining)
	c.mu.Lock()
	hooks := c.hooks
	c.hooks = nil
	c.mu.Unlock()
	var errs []error
	for i := len(hooks) - 1; i >= 0; i-- {
		if err := hooks[i](ctx); err != nil {
			errs = append(errs, err)
		}
	}
	c.Leave(ctx)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cluster: drain %s: %w", c.node.Name(), err)
	}
	return nil
}

// setState changes this node's own state, and waits until it begins to spread.
func (c *Cluster) setState(ctx context.Context, s State) {
	c.become(ctx, func(r *record) { r.state = s }) // the wait may time out; it spreads all the same
}

// leaveTime is how long a goodbye waits to be heard.
const leaveTime = 1500 * time.Millisecond

// Leave says goodbye and ends this node's part in the cluster, at once. It waits until others have heard it, at most until ctx ends or for
// one and a half seconds. Links stay. Leaving again does nothing.
func (c *Cluster) Leave(ctx context.Context) {
	if c.ctx.Err() == nil {
		bound, cancel := context.WithTimeout(ctx, leaveTime)
		defer cancel()
		c.setState(bound, Left)
		c.g.Leave(bound) // if nobody hears it, they notice by the silence
	}
	c.end(ErrLeft)
}

// Forget declares a member down for good, in its present incarnation, as far as this node is concerned: it is over, and not looked for
// any more. If its process lives after all and is heard by this node again it stays Down here until it is started anew. ErrUnknown, and
// ErrReachable for one that is heard.
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
	c.apply(c.core.down(name, m.Incarnation, time.Now()))
	return nil
}
