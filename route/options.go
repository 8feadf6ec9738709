// SPDX-License-Identifier: Apache-2.0

package route

import (
	"math/rand/v2"
	"time"

	"github.com/banyan-go/banyan/route/internal/balance"
)

// Policy says how a router chooses. It is an Option of New.
type Policy uint8

// The policies. See docs/adr/011 for what they are good at.
const (
	// Adaptive is the default: a target that is idle, else the one of three with the shortest expected wait.
	Adaptive = Policy(balance.Adaptive)
	// RoundRobin takes one after the other.
	RoundRobin = Policy(balance.RoundRobin)
	// Random takes any.
	Random = Policy(balance.Random)
	// Weighted is RoundRobin by the weights of the nodes.
	Weighted = Policy(balance.Weighted)
	// LeastLoaded takes the target with the fewest messages out, and queued as far as that is known.
	LeastLoaded = Policy(balance.LeastLoaded)
	// TwoChoices takes the better of two at random: fewer messages out, faster answers.
	TwoChoices = Policy(balance.TwoChoices)
)

// String is the policy's name.
func (p Policy) String() string { return balance.Policy(p).String() }

// Option changes a router: a Policy, a Locality, Slack, Among, Ejection, SlowStart, Bound, Hedge, Refresh, OnChange, Seed.
type Option interface{ router(*config) }

type config struct {
	balance balance.Options
	nodes   Nodes
	refresh time.Duration
	hedge   float64
	seed    uint64
	seeded  bool
	// onChange is called with the router's mu held.
	onChange func(TargetsChanged)
}

func newConfig(opts []Option) config {
	c := config{refresh: 50 * time.Millisecond}
	for _, o := range opts {
		o.router(&c)
	}
	if !c.seeded {
		c.seed = rand.Uint64()
	}
	return c
}

func (p Policy) router(c *config) { c.balance.Policy = balance.Policy(p) }

type option func(*config)

func (o option) router(c *config) { o(c) }

// Locality says how far to prefer targets that are near. It is an Option.
type Locality uint8

const (
	// NearNode prefers targets of the caller's node, then of its zone.
	NearNode = Locality(balance.SameNode)
	// NearZone prefers targets of the caller's zone.
	NearZone = Locality(balance.SameZone)
)

func (l Locality) router(c *config) { c.balance.Near = balance.Near(l) }

// Slack is how much busier near targets may be than all of them before those farther off are used; 1.3 by default.
func Slack(times float64) Option { return option(func(c *config) { c.balance.Slack = times }) }

// Among is where the router learns of nodes: their zones, weights and states. The default is Links.
func Among(n Nodes) Option { return option(func(c *config) { c.nodes = n }) }

// Ejection says when a target that fails, or is silent, gets nothing for a while. The zero value is the defaults.
type Ejection struct {
	Failures int           // so many in a row; 5
	Rate     float64       // or such a share of the last ones; 0.5
	Silence  time.Duration // or an answer owed for so long, while nothing else comes from it; 2 s
	Base     time.Duration // for how long: this, then twice as long each time; 1 s
	Most     time.Duration // at most; 30 s
	Trickle  time.Duration // then one message in this time, until three went well; 100 ms
	Max      float64       // no more than this share of the targets, but always one of two; 0.3
	Panic    float64       // with fewer fit ones than this share nobody counts as ejected; 0.5
	Off      bool          // never
}

func (e Ejection) router(c *config) { c.balance.Ejection = balance.Ejection(e) }

// SlowStart is how long the share of a new target grows to its full size, of keys too; 10 s by default, negative for not at all.
func SlowStart(d time.Duration) Option { return option(func(c *config) { c.balance.SlowFor = d }) }

// Bound is for keys: a target gets the keys of others while it has more than this times its share of the router's
// messages; 1.25 by default.
func Bound(times float64) Option { return option(func(c *config) { c.balance.Bound = times }) }

// Hedge asks a second target if the first has not answered after a little more than the time in which 95 of 100 do, and takes the first
// answer. Only calls whose query is banyan.Idempotent, and no more of them than this share of all calls, like 0.05.
func Hedge(budget float64) Option { return option(func(c *config) { c.hedge = budget }) }

// Refresh is how long a list of targets is believed; 50 ms by default. It is looked up anew at once when a target turns
// out not to be there.
func Refresh(d time.Duration) Option { return option(func(c *config) { c.refresh = d }) }

// Seed makes chance repeatable.
func Seed(n uint64) Option {
	return option(func(c *config) { c.seed, c.seeded = n, true })
}
