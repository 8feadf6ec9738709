// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/restart"
	"github.com/banyan-go/banyan/supervisor"
)

// ErrNoNode: there is no node on which a worker of the pool could be started.
var ErrNoNode = errors.New("no node can have a worker of the pool")

// ErrFollowers: a thousand processes follow the pool already.
var ErrFollowers = errors.New("too many processes follow the pool")

// Domain is what a pool spreads its workers over: see Spread.
type Domain uint8

const (
	// Node spreads workers evenly over the nodes, by their weights.
	Node Domain = iota
	// Zone spreads them over the zones first, and within each over its nodes.
	Zone
)

// PoolOption changes a pool: Spread, Where, Over, Intensity, Pace, Grace, Patience, OnMove.
type PoolOption interface{ pool(*poolConfig) }

type poolConfig struct {
	name    string
	plan    planner
	nodes   Nodes
	options restart.Options
	pace    time.Duration
	grace   time.Duration
	// patience is how long workers may take to end with the pool.
	patience time.Duration
	onMove   func(Moved)
	// start starts one worker, retired asks one to end when its queue is empty. They know the type of the servers.
	start  func(self *banyan.Self, node banyan.Atom) (banyan.PID, error)
	retire func(self *banyan.Self, pid banyan.PID) error
}

type poolOption func(*poolConfig)

func (o poolOption) pool(c *poolConfig) { o(c) }

// Spread says what to spread the workers over; Node by default.
func Spread(over Domain) PoolOption {
	return poolOption(func(c *poolConfig) { c.plan.zones = over == Zone })
}

// Where restricts a pool to some nodes.
func Where(fit func(NodeInfo) bool) PoolOption {
	return poolOption(func(c *poolConfig) { c.plan.where = fit })
}

// Over is where the pool learns of nodes. The default is Links.
func Over(n Nodes) PoolOption { return poolOption(func(c *poolConfig) { c.nodes = n }) }

// Intensity allows n restarts of crashed workers within the period, all of them together, wherever they run; one more ends
// the pool, and it is for its supervisor to go on. The loss of a node is no crash. 3 in 5 s by default.
func Intensity(n int, period time.Duration) PoolOption {
	return poolOption(func(c *poolConfig) { c.options.Intensity, c.options.Period = n, period })
}

// Pace is the time between two moves of workers that run; 200 ms by default, or less in a pool so large that its moves
// would take more than 4 s. Lost workers are replaced at once.
func Pace(d time.Duration) PoolOption { return poolOption(func(c *poolConfig) { c.pace = d }) }

// Grace is how long a worker that was moved still takes messages of routers which have not heard of it; 1 s by default. Then
// it ends when it has handled what is queued.
func Grace(d time.Duration) PoolOption { return poolOption(func(c *poolConfig) { c.grace = d }) }

// Patience is how long workers may take to end when the pool does, all of them at once; 5 s by default. Then they are killed. The pool's own
// end, and so its supervisor's, waits for theirs.
func Patience(d time.Duration) PoolOption { return poolOption(func(c *poolConfig) { c.patience = d }) }

// Moved tells that a worker's slot has another process now. It is an event of a pool: see OnMove and Follow.
type Moved struct {
	Pool     string
	Slot     int
	From, To banyan.PID // From is zero at the first start
	Why      string
}

// OnMove has f called for each worker that is started, restarted or moved, in the pool's process: it must not block.
func OnMove(f func(Moved)) PoolOption { return poolOption(func(c *poolConfig) { c.onMove = f }) }

// Pool is a child of a supervisor that keeps so many workers running, spread over the nodes. start is their constructor, and
// name what it is registered under (see Register): each node that is to have workers needs it, others are passed over.
// The pool's process has the name too: Workers(name, node) are its workers, for a router or banyan.CallAll.
//
// A worker that crashes is restarted, where there is most room. When a node is lost its workers are started elsewhere; when one
// joins it gets its share. A worker that moves is started at its new place first, and the old one ends after it has handled its
// messages. On the way there may be more workers than size.
func Pool[S any](name string, start func(context.Context, *banyan.Self) (S, error), size int, opts ...PoolOption) supervisor.Spec {
	Register(name, start)
	c := poolConfig{
		name: name, plan: planner{size: size}, grace: time.Second, patience: 5 * time.Second,
		options: restart.Options{Strategy: restart.OneForOne, Intensity: 3, Period: 5 * time.Second},
		pace:    min(200*time.Millisecond, 4*time.Second/time.Duration(max(size, 1))),
		start: func(self *banyan.Self, node banyan.Atom) (banyan.PID, error) {
			ref, err := banyan.SpawnAt[S](banyan.Within(self, startTimeout), node, name, banyan.Linked())
			return ref.PID(), err
		},
		retire: func(self *banyan.Self, pid banyan.PID) error {
			ref, err := banyan.RefOf[S](self.Node(), pid)
			if err != nil {
				return err
			}
			return banyan.Cast(banyan.NoWait(self), ref, retire[S]{})
		},
	}
	for _, o := range opts {
		o.pool(&c)
	}
	return supervisor.Spec{
		ID: name, Kind: supervisor.KindSupervisor,
		Start: func(parent *banyan.Self, base ...banyan.SpawnOption) (banyan.PID, error) {
			base = append([]banyan.SpawnOption{banyan.Name(banyan.Atom(name)), banyan.TrapExits()}, base...)
			by := parent.PID()
			ref, err := banyan.Spawn(parent, func(_ context.Context, self *banyan.Self) (*PoolServer, error) {
				return startPool(self, c, by)
			}, base...)
			return ref.PID(), err
		},
	}
}

// startTimeout is how long a worker's constructor may take on another node.
const startTimeout = 5 * time.Second

// Workers is the workers of a pool, asked of its process: a banyan.Many, for New, banyan.CallAll and Broadcast. node is where the
// pool runs; "" is the caller's own.
func Workers[S any](pool string, node banyan.Atom) banyan.Many[S] {
	return workers[S]{banyan.At[*PoolServer](banyan.Atom(pool), node)}
}

type workers[S any] struct{ at banyan.Named[*PoolServer] }

func (w workers[S]) ResolveAll(ctx context.Context) ([]banyan.Ref[S], error) {
	pids, err := banyan.Call(ctx, w.at, members{})
	if err != nil {
		return nil, err
	}
	refs := make([]banyan.Ref[S], 0, len(pids))
	for _, pid := range pids {
		ref, err := banyan.RefOf[S](banyan.NodeOf(ctx), pid)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// Explain asks a pool where its workers are, and why.
func Explain(ctx context.Context, pool banyan.Dest[*PoolServer], opts ...banyan.CallOption) (Placement, error) {
	return banyan.Call(ctx, pool, explain{}, opts...)
}

// Placement is what Explain tells.
type Placement struct {
	Pool     string
	Size     int
	Slots    []SlotInfo
	Nodes    []Candidate // the one for the next worker first
	Leaving  []banyan.PID
	Restarts int // of crashed workers, in the present period
}

// SlotInfo is one of the workers that there are to be.
type SlotInfo struct {
	Slot int
	PID  banyan.PID // zero while it does not run
	Why  string     // it is there, or is not running
}
