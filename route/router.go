// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/route/internal/balance"
)

// ErrNoTarget is why a message through a router went nowhere: there are no targets, all were tried, or all are leaving. It
// comes with banyan.ErrNotDelivered.
var ErrNoTarget = errors.New("the router has no target that may be used")

// Router chooses, for each message, one of several servers of one type. It is a banyan.Dest, so that Call and Cast take it,
// and a banyan.Many of all that may be used. It has no goroutine and needs no end.
type Router[S any] struct {
	node  *banyan.Node
	of    banyan.Many[S]
	cfg   config
	begin time.Time

	mu    sync.Mutex
	group *balance.Group[banyan.PID]
	refs  map[banyan.PID]banyan.Ref[S] // of the members of group
	list  []banyan.Ref[S]              // as it was looked up last
	open  map[banyan.PID]float64       // weights of those that may be used, for OnChange
	known bool                         // list was looked up once
	until time.Duration                // as long list is believed
	seen  uint64                       // the version of the nodes in group
	busy  bool                         // somebody looks it up
	free  []*trial[S]                  // for reuse
	hedge hedging
	stats Stats
}

var (
	_ banyan.Via[int]  = (*Router[int])(nil)
	_ banyan.Via[int]  = keyed[int]{}
	_ banyan.Many[int] = (*Router[int])(nil)
)

// New makes a router on a node over the servers of a Many, such as a group of package pg, banyan.Refs(a, b), or Workers of a pool. Who
// they are is looked up when messages come, so of.ResolveAll must be fast.
func New[S any](n *banyan.Node, of banyan.Many[S], opts ...Option) *Router[S] {
	c := newConfig(opts)
	if c.nodes == nil {
		c.nodes = Links(n)
	}
	c.balance.Here = string(n.Name())
	if info, ok := stateOf(c.nodes.List(), n.Name()); ok {
		c.balance.Zone = info.Zone
	}
	return &Router[S]{
		node: n, of: of, cfg: c, begin: time.Now(),
		group: balance.New[banyan.PID](c.balance, rand.New(rand.NewPCG(c.seed, 0))),
		refs:  map[banyan.PID]banyan.Ref[S]{},
	}
}

func (r *Router[S]) now() time.Duration { return time.Since(r.begin) }

// Resolve chooses a target for somebody who sends by himself; what becomes of it is not learned.
func (r *Router[S]) Resolve(ctx context.Context) (banyan.Ref[S], error) {
	return r.resolve(ctx, balance.Request[banyan.PID]{})
}

func (r *Router[S]) resolve(ctx context.Context, req balance.Request[banyan.PID]) (banyan.Ref[S], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, err := r.pick(ctx, req)
	if err != nil {
		return banyan.Ref[S]{}, err
	}
	return r.refs[t.ID], nil
}

// ResolveAll is all targets but those on nodes that are leaving or lost.
func (r *Router[S]) ResolveAll(ctx context.Context) ([]banyan.Ref[S], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	var refs []banyan.Ref[S]
	for _, t := range r.group.Targets() {
		if !t.Closed {
			refs = append(refs, r.refs[t.ID])
		}
	}
	return refs, nil
}

// Try chooses a target for one message of Call or Cast: see banyan.Via.
func (r *Router[S]) Try(ctx context.Context, a banyan.Attempt) (banyan.Trial[S], error) {
	return r.try(ctx, a, balance.Request[banyan.PID]{})
}

func (r *Router[S]) try(ctx context.Context, a banyan.Attempt, req balance.Request[banyan.PID]) (banyan.Trial[S], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(a.Tried) > 0 {
		req.Skip = func(pid banyan.PID) bool {
			for _, p := range a.Tried {
				if p == pid {
					return true
				}
			}
			return false
		}
		if !a.Hedge {
			r.until = 0 // what was believed was wrong
			r.stats.Retried++
		}
	}
	if a.Hedge && !r.hedge.spend() {
		return nil, errNoBudget
	}
	t, err := r.pick(ctx, req)
	if err != nil {
		if a.Hedge {
			r.hedge.refund()
		}
		return nil, err
	}
	if a.Hedge {
		r.stats.Hedged++
	}
	r.stats.Sent++
	k := r.trial()
	k.ref, k.cast = r.refs[t.ID], a.Cast
	r.group.Begin(r.now(), t, &k.ticket)
	return k, nil
}

var errNoBudget = errors.New("the budget for hedged calls is used up")

// pick chooses, and looks up the targets anew if that did not work. With mu held.
func (r *Router[S]) pick(ctx context.Context, req balance.Request[banyan.PID]) (*balance.Target[banyan.PID], error) {
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	if t, ok := r.group.Pick(r.now(), req); ok {
		return t, nil
	}
	all := len(r.group.Targets())
	closed := 0
	for _, t := range r.group.Targets() {
		if t.Closed {
			closed++
		}
	}
	return nil, fmt.Errorf("%w: of %d, %d are on nodes that leave or are lost; the others were tried", ErrNoTarget, all, closed)
}

// refresh looks up who the targets are, if that was long ago. One caller does; the others go on with what is known. With
// mu held, which it gives away meanwhile.
func (r *Router[S]) refresh(ctx context.Context) error {
	if v := r.cfg.nodes.Version(); v != r.seen { // a node that drains gets nothing from now on
		r.seen = v
		r.set(r.cfg.nodes.List())
	}
	if now := r.now(); now < r.until || r.busy && len(r.group.Targets()) > 0 {
		return nil
	}
	r.busy = true
	r.mu.Unlock()
	if banyan.NodeOf(ctx) == nil {
		ctx = r.node.Context(ctx)
	}
	refs, err := r.of.ResolveAll(ctx)
	r.mu.Lock()
	r.busy = false
	if err != nil {
		if len(r.group.Targets()) > 0 && ctx.Err() == nil { // better than nothing
			r.until = r.now() + r.cfg.refresh
			return nil
		}
		return err
	}
	r.list, r.known = refs, true
	r.set(r.cfg.nodes.List())
	r.until = r.now() + r.cfg.refresh
	return nil
}

// set gives the group its members. A node that is not listed is lost; of suspects only, the suspects.
func (r *Router[S]) set(nodes []NodeInfo) {
	members := make([]balance.Member[banyan.PID], 0, len(r.list))
	clear(r.refs)
	open := false
	for _, ref := range r.list {
		pid := ref.PID()
		info, known := stateOf(nodes, pid.Node)
		known = known || pid.Node == r.node.Name()
		r.refs[pid] = ref
		m := balance.Member[banyan.PID]{
			ID: pid, Hash: balance.Hash(pid.String()), Node: string(pid.Node), Zone: info.Zone, Weight: info.Weight,
			Closed: !known || info.State != Up,
		}
		open = open || !m.Closed
		members = append(members, m)
	}
	for i := range members {
		if open {
			break
		}
		if info, known := stateOf(nodes, banyan.Atom(members[i].Node)); known && info.State == Suspect {
			members[i].Closed = false
		}
	}
	r.group.Set(r.now(), members)
	if r.cfg.onChange != nil && r.known {
		r.changed(members)
	}
}
