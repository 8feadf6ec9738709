// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// nemesis does things to the fleet: one goroutine to its network, another to its nodes.
type nemesis struct {
	f  *fleet
	wg sync.WaitGroup

	mu     sync.Mutex
	faults map[string]int
	cuts   []cut
	lost   int64 // when a disk was lost, or a node left, last
	leaves bool  // a node left then
}

// cut is a time in which some nodes reached nobody else.
type cut struct {
	from, to int64
	minority []int
}

func newNemesis(f *fleet) *nemesis { return &nemesis{f: f, faults: map[string]int{}, lost: now()} }

// run goes on until ctx ends, and leaves everything as it should be, but that nodes may still be on their way up.
func (n *nemesis) run(ctx context.Context) {
	n.wg.Go(func() {
		rng := rand.New(rand.NewPCG(n.f.seed, 1))
		for pause(ctx, between(rng, 3*time.Second, 9*time.Second)) {
			n.network(ctx, rng)
		}
		n.f.net.heal()
	})
	n.wg.Go(func() {
		rng := rand.New(rand.NewPCG(n.f.seed, 2))
		for pause(ctx, between(rng, 4*time.Second, 10*time.Second)) {
			n.nodes(ctx, rng)
		}
	})
	n.wg.Wait()
}

func between(rng *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(rng.Int64N(int64(to-from)))
}

func (n *nemesis) begin(kind, format string, args ...any) {
	n.mu.Lock()
	n.faults[kind]++
	n.mu.Unlock()
	n.f.say("%s: %s", kind, fmt.Sprintf(format, args...))
}

// parts divides the hosts: the first part has less than half of them.
func (n *nemesis) parts(rng *rand.Rand) (minority, majority []int) {
	p := rng.Perm(n.f.net.n)
	for i := range p {
		p[i]++
	}
	k := 1 + rng.IntN((len(p)-1)/2)
	return p[:k], p[k:]
}

// network does one thing to the network, and ends it.
func (n *nemesis) network(ctx context.Context, rng *rand.Rand) {
	few, many := n.parts(rng)
	all := append(append([]int(nil), few...), many...)
	long := between(rng, time.Second, 8*time.Second)
	isCut := func(l *link) { l.cut = true }
	net := n.f.net
	switch rng.IntN(7) {
	case 0:
		n.begin("partition", "%v from %v, for %v", few, many, long)
		n.apart(ctx, few, many, long)
		return
	case 1:
		pairs := 1 + rng.IntN(3)
		n.begin("partial partition", "%d pairs, for %v", pairs, long)
		for range pairs {
			a, b := rng.IntN(len(all)), rng.IntN(len(all))
			net.between(all[a:a+1], all[b:b+1], isCut)
		}
	case 2:
		in := rng.IntN(2) == 0
		n.begin("one-way partition", "%v of %v, inward %v, for %v", few, many, in, long)
		for _, a := range few {
			for _, b := range many {
				if in {
					net.set(b, a, isCut)
				} else {
					net.set(a, b, isCut)
				}
			}
		}
	case 3:
		d := between(rng, 20*time.Millisecond, 200*time.Millisecond)
		who := [][]int{all, few}[rng.IntN(2)]
		n.begin("delay", "%v each way between %v and all, for %v", d, who, long)
		net.between(who, all, func(l *link) { l.delay, l.jitter = d, d/2 })
	case 4:
		loss := 0.02 + 0.3*rng.Float64()
		n.begin("loss", "of %.0f %%, for %v", 100*loss, long)
		net.between(all, all, func(l *link) { l.loss = loss })
	case 5:
		n.begin("flapping", "%v and %v, for %v", few, many, long)
		for end := now() + int64(long); now() < end && ctx.Err() == nil; {
			net.between(few, many, isCut)
			pause(ctx, between(rng, 50*time.Millisecond, 700*time.Millisecond))
			net.between(few, many, func(l *link) { l.cut = false })
			pause(ctx, between(rng, 50*time.Millisecond, 700*time.Millisecond))
		}
		return
	case 6:
		n.begin("ring", "each reaches its neighbours, for %v", long)
		for i := range all {
			for j := range i {
				if d := i - j; d != 1 && d != len(all)-1 {
					net.between(all[i:i+1], all[j:j+1], isCut)
				}
			}
		}
	}
	pause(ctx, long)
	net.heal()
}

// apart cuts some nodes off from all others, for a time.
func (n *nemesis) apart(ctx context.Context, few, many []int, long time.Duration) {
	n.f.net.between(few, many, func(l *link) { l.cut = true })
	c := cut{from: now(), minority: few}
	pause(ctx, long)
	c.to = now()
	n.f.net.heal()
	n.mu.Lock()
	n.cuts = append(n.cuts, c)
	n.mu.Unlock()
}

// nodes does one thing to nodes, and ends it.
func (n *nemesis) nodes(ctx context.Context, rng *rand.Rand) {
	few, _ := n.parts(rng)
	long := between(rng, 100*time.Millisecond, 6*time.Second)
	one := n.f.seats[few[0]]
	switch rng.IntN(8) {
	case 0, 1:
		n.begin("kill", "%v, for %v", few, long)
		n.down(ctx, few, long)
	case 2, 3:
		if rng.IntN(4) == 0 {
			long *= 3
		}
		n.begin("pause", "%v, for %v", few, long)
		for _, i := range few {
			n.f.seats[i].pause(true)
		}
		pause(ctx, long)
		for _, i := range few {
			n.f.seats[i].pause(false)
		}
	case 4:
		var all []int
		for i := range n.f.net.n {
			all = append(all, i+1)
		}
		n.begin("kill all", "for %v", long/3)
		n.down(ctx, all, long/3)
	case 5:
		if !one.disk.mount {
			return
		}
		n.begin("full disk", "n%d, for %v", one.n, long)
		if err := one.setFull(true); err != nil {
			n.f.crash("the disk of n%d cannot be filled: %v", one.n, err)
		}
		pause(ctx, long)
		if err := one.setFull(false); err != nil {
			n.f.crash("the disk of n%d cannot be freed: %v", one.n, err)
		}
	case 6, 7:
		if now()-n.lost < int64(30*time.Second) || !n.whole() {
			n.begin("pause", "n%d, for %v", one.n, long)
			one.pause(true)
			pause(ctx, long)
			one.pause(false)
			return
		}
		n.lost, n.leaves = now(), !n.leaves
		if n.leaves {
			n.begin("leave", "n%d", one.n)
			one.leave()
			return
		}
		n.begin("lost disk", "n%d, for %v", one.n, long)
		one.kill()
		if err := one.disk.lose(); err != nil {
			n.f.crash("n%d: its folder cannot be emptied: %v", one.n, err)
		}
		pause(ctx, long)
		one.release()
	}
}

// down kills nodes at once, and lets them be started again.
func (n *nemesis) down(ctx context.Context, list []int, long time.Duration) {
	var wg sync.WaitGroup
	for _, i := range list {
		wg.Go(n.f.seats[i].kill)
	}
	wg.Wait()
	pause(ctx, long)
	for _, i := range list {
		n.f.seats[i].release()
	}
}

// whole: all nodes serve, and every group has all its voters. Only then may something be taken away for good: a group whose disks are lost one after the other, faster
// than they are replaced, is lost.
func (n *nemesis) whole() bool {
	seats := n.f.seats[1:]
	if !n.f.allReady(seats)() {
		return false
	}
	list, err := n.f.statuses(seats)
	return err == nil && settled(list, len(seats))
}
