// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/banyan-go/banyan/cluster/internal/gossip"
)

// verdict is what was found out about a rival, another instance of this node's name.
type verdict uint8

const (
	silent verdict = iota // nothing is known: it may live, and be cut off or stopped
	alive                 // it answers
	gone                  // nobody listens at its address any more, or a successor does
)

// ask finds out whether a rival lives. That nothing listens at its address is no proof that it has ended (a firewall says so too),
// but as much as there is without others' help.
func (c *Cluster) ask(ctx context.Context, r rival) verdict {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	id, err := c.g.Who(ctx, r.addr)
	if id.Name != "" { // somebody answers, this node itself perhaps
		if id == (gossip.ID{Name: string(r.name), Instance: r.instance}) {
			return alive
		}
		return gone
	}
	var ne net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return gone
	case errors.As(err, &ne) && ne.Timeout():
		return silent
	}
	if r.alive {
		return silent
	}
	return gone
}

// judge asks all rivals: which live, and whether one of them must be waited for.
func (c *Cluster) judge(ctx context.Context, list []rival) (living []rival, wait bool) {
	for _, r := range list {
		switch v := c.ask(ctx, r); {
		case v == alive:
			living = append(living, r)
		case v == silent && r.alive:
			wait = true
		}
	}
	return living, wait
}

// claim makes sure that no other living node has this name, and then goes Up.
func (c *Cluster) claim(ctx context.Context) error {
	for {
		c.mu.Lock()
		list, _ := c.core.rivals(c.me)
		c.mu.Unlock()
		living, wait := c.judge(ctx, list)
		for _, r := range living {
			if r.beatsUs {
				return inUse(r)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !wait {
			return c.up(ctx, living)
		}
		if !c.sleep(200*time.Millisecond, ctx.Done()) {
			return ErrLeft
		}
	}
}

func inUse(r rival) error {
	return fmt.Errorf("%w: instance %016x at %s", ErrNameInUse, r.instance, r.addr)
}

// up takes the name: all others that had it, but those that live, are over.
func (c *Cluster) up(ctx context.Context, living []rival) error {
	now, cancel := context.WithDeadline(ctx, time.Now())
	defer cancel()
	c.node.SetDraining(false)       // it may have taken part before, and drained
	c.become(now, func(r *record) { // how far it has spread does not matter here
		r.state = Up
		r.over = max(r.over, c.core.past(*r, living))
		r.inc = max(r.inc, r.over+1)
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joined = true
	return ctx.Err()
}

// claimLoop looks at other instances of our name that are heard of later: after a split, or when somebody starts a second one.
func (c *Cluster) claimLoop() {
	told := map[uint64]bool{}
	for again := false; ; {
		var timer <-chan time.Time
		if again {
			timer = time.After(time.Second)
		}
		select {
		case <-c.claims:
		case <-timer:
		case <-c.ctx.Done():
			return
		}
		c.mu.Lock()
		list, replaced := c.core.rivals(c.me)
		c.mu.Unlock()
		if replaced {
			c.fail(ErrReplaced)
			return
		}
		var living []rival
		living, again = c.judge(c.ctx, list)
		for _, r := range living {
			if r.beatsUs {
				c.fail(inUse(r))
				return
			}
			if again = true; !told[r.instance] && len(told) < maxLives {
				told[r.instance] = true
				c.log.Error("a second node of this node's name was started; it is refused", "node", string(r.name), "addr", r.addr)
			}
		}
	}
}
