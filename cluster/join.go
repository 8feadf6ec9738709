// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// atOnce is how many addresses are tried at a time.
	atOnce = 3
)

// discover starts all discoveries, and makes this node known by those that can.
func (c *Cluster) discover() {
	for _, d := range c.cfg.Discovery {
		c.run(func() { c.tryOn("discovery failed", func() error { return d.Discover(c.ctx, c.found) }) })
		if a, ok := d.(Announcer); ok {
			c.run(func() {
				c.tryOn("this node's address could not be announced", func() error { return a.Announce(c.ctx, c.g.Addr()) })
			})
		}
	}
}

// tryOn does something until it succeeds, or this node ends.
func (c *Cluster) tryOn(failure string, do func() error) {
	for {
		err := do()
		if err == nil || c.ctx.Err() != nil {
			return
		}
		c.log.Warn(failure+"; trying on", "error", err)
		if !c.sleep(c.jitter(5*time.Second), nil) {
			return
		}
	}
}

// found adds candidates, and nothing else.
func (c *Cluster) found(addrs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, addr := range addrs {
		if c.known.add(addr) {
			poke(c.nudged)
		}
	}
}

// missing are the addresses to try: those of members that are unreachable, and those found that no member has. It is urgent if a
// member is missing or this node is alone.
func (c *Cluster) missing(now time.Time) (addrs []string, urgent, alone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	heard := map[string]bool{c.g.Addr(): true}
	alone = true
	for name, l := range c.core.names { // in no order: the addresses are sorted
		m, ok := l.member()
		switch {
		case !ok || name == c.me.name || m.State.Over():
		case m.Reach == Unreachable:
			addrs = append(addrs, m.Addr)
			urgent = true
		default:
			heard[m.Addr] = true
			alone = false
		}
	}
	for _, addr := range c.known.due(now) {
		if !heard[addr] {
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs) // so that the choice depends on the seed alone
	addrs = slices.Compact(addrs)
	for i := range addrs {
		j := i + int(c.cfg.random()%uint64(len(addrs)-i))
		addrs[i], addrs[j] = addrs[j], addrs[i]
	}
	return addrs, urgent || alone, alone
}

// try joins through some addresses at once. A name is resolved to all that matters: one address.
func (c *Cluster) try(ctx context.Context, addrs []string) (joined int, errs []error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	results := make([]error, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() { results[i] = c.joinOne(ctx, addr) })
	}
	wg.Wait()
	for _, err := range results {
		if err == nil {
			joined++
		} else {
			errs = append(errs, err)
		}
	}
	return joined, errs
}

func (c *Cluster) joinOne(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	ip := net.ParseIP(host)
	if ip == nil {
		if ip, err = c.cfg.Network.Resolve(ctx, host); err != nil {
			return err
		}
	}
	err = c.g.Join(ctx, net.JoinHostPort(ip.String(), port))
	var refused *RefusedError
	c.mu.Lock()
	defer c.mu.Unlock()
	errors.As(err, &refused)
	c.known.tried(addr, time.Now(), err == nil, refused != nil)
	if refused != nil && c.joined {
		c.log.Warn("a node that was found does not belong to this cluster", "error", refused)
	}
	return err
}

// firstJoin tries all that is found until somebody lets us in, all have answered otherwise, or the time is over.
func (c *Cluster) firstJoin(ctx context.Context) error {
	if addrs, _, _ := c.missing(time.Now()); len(c.cfg.Discovery) == 0 && len(addrs) == 0 {
		return ctx.Err()
	}
	bound, cancel := context.WithTimeout(ctx, c.cfg.JoinTime)
	defer cancel()
	tried := map[string]bool{}
	var refusals []error
	for !c.company() { // somebody may have found us
		addrs, _, _ := c.missing(time.Now())
		addrs = slices.DeleteFunc(addrs, func(a string) bool { return tried[a] })
		addrs = addrs[:min(len(addrs), atOnce)]
		for _, a := range addrs {
			tried[a] = true
		}
		n, errs := c.try(bound, addrs)
		for _, err := range errs {
			var refused *RefusedError
			if errors.As(err, &refused) {
				refusals = append(refusals, err)
			}
		}
		if n > 0 && c.company() {
			break
		}
		if len(addrs) > 0 {
			continue
		}
		if len(tried) > 0 || c.foundItself() { // what is found later is for the rejoin loop
			break
		}
		select {
		case <-c.nudged:
			continue
		case <-bound.Done():
		}
		break
	}
	if err := ctx.Err(); err != nil || c.company() {
		return err
	}
	if len(refusals) > 0 {
		return errors.Join(refusals...)
	}
	c.log.Info("no other node of the cluster was found; going on alone, and looking", "cluster", c.cfg.Cluster)
	return nil
}

// foundItself reports whether discovery has answered with this node's address and no other: it is the first.
func (c *Cluster) foundItself() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.only(c.g.Addr())
}

// company reports whether another node is heard.
func (c *Cluster) company() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, l := range c.core.names {
		if m, ok := l.member(); ok && name != c.me.name && m.Reach != Unreachable && !m.State.Over() {
			return true
		}
	}
	return false
}

// rejoinLoop heals splits, which memberlist does not: it tries to join those that are missing, for ever.
func (c *Cluster) rejoinLoop() {
	for {
		_, urgent, alone := c.missing(time.Now())
		pause := 5 * time.Second
		if urgent {
			pause = time.Second
		}
		var wake <-chan struct{} = c.nudged
		if urgent && !alone {
			wake = nil // it is in a hurry as it is; what changes may not make it faster
		}
		if !c.sleep(c.jitter(pause), wake) {
			return
		}
		addrs, _, _ := c.missing(time.Now())
		if n, _ := c.try(c.ctx, addrs[:min(len(addrs), atOnce)]); n > 0 {
			c.sayAgain()
		}
	}
}

// sayAgain lets this node be heard by those who had given it up: memberlist passes over what it says until its count rises.
func (c *Cluster) sayAgain() {
	now := time.Now()
	c.mu.Lock()
	due := now.Sub(c.again) > 2*time.Second
	if due {
		c.again = now
	}
	c.mu.Unlock()
	if due {
		c.become(c.ctx, func(*record) {}) // the wait for its spreading may time out; it spreads all the same
	}
}
