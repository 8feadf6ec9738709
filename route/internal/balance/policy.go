// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"math"
	"time"
)

// Policy names a way to choose.
type Policy uint8

// The policies.
const (
	Adaptive    Policy = iota // idle ones first, else the least expected wait of three, past those that are stuck
	RoundRobin                // one after the other
	Random                    // any
	Weighted                  // one after the other, as often as their weights say
	LeastLoaded               // the fewest messages out, and queued as far as known
	TwoChoices                // the better of two at random: fewer out, faster answers
)

// String is the policy's name.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return "unknown policy"
}

var policyNames = [...]string{"adaptive", "round-robin", "random", "weighted", "least-loaded", "two choices"}

// policy chooses one of in, which is not empty.
type policy[K comparable] interface {
	pick(g *Group[K], now time.Duration, in []*Target[K]) *Target[K]
}

func newPolicy[K comparable](p Policy) policy[K] {
	switch p {
	case RoundRobin:
		return &roundRobin[K]{}
	case Random:
		return random[K]{}
	case Weighted:
		return weighted[K]{}
	case LeastLoaded:
		return leastLoaded[K]{}
	case TwoChoices:
		return twoChoices[K]{}
	}
	return adaptive[K]{}
}

type roundRobin[K comparable] struct {
	next    int
	started bool
}

func (p *roundRobin[K]) pick(g *Group[K], _ time.Duration, in []*Target[K]) *Target[K] {
	if !p.started { // routers that start at one time must not march in step
		p.next, p.started = g.rand.IntN(len(in)), true
	}
	p.next = (p.next + 1) % len(in)
	return in[p.next]
}

type random[K comparable] struct{}

func (random[K]) pick(g *Group[K], _ time.Duration, in []*Target[K]) *Target[K] {
	return in[g.rand.IntN(len(in))]
}

// weighted is the smooth kind: with weights 5, 1, 1 the first does not come five times in a row.
type weighted[K comparable] struct{}

func (weighted[K]) pick(_ *Group[K], _ time.Duration, in []*Target[K]) *Target[K] {
	var best *Target[K]
	sum := 0.0
	for _, t := range in {
		t.current += t.weight()
		sum += t.weight()
		if best == nil || t.current > best.current {
			best = t
		}
	}
	best.current -= sum
	return best
}

type leastLoaded[K comparable] struct{}

// pick takes the least loaded; chance decides between equals.
func (leastLoaded[K]) pick(g *Group[K], now time.Duration, in []*Target[K]) *Target[K] {
	var best *Target[K]
	least, equals := 0.0, 0
	for _, t := range in {
		l := (t.queue(now) + 1) / t.weight()
		switch {
		case best == nil || l < least:
			best, least, equals = t, l, 1
		case l == least:
			if equals++; g.rand.IntN(equals) == 0 {
				best = t
			}
		}
	}
	return best
}

type twoChoices[K comparable] struct{}

func (twoChoices[K]) pick(g *Group[K], _ time.Duration, in []*Target[K]) *Target[K] {
	a := in[g.rand.IntN(len(in))]
	if len(in) == 1 {
		return a
	}
	b := in[g.rand.IntN(len(in)-1)]
	if b == a {
		b = in[len(in)-1]
	}
	if b.price() < a.price() {
		return b
	}
	return a
}

// price is what another message to it would cost, as far as the caller's own messages tell. Who never answered is cheap:
// it has to be tried.
// Once, that is: while the first answer is out it is dear.
func (t *Target[K]) price() float64 {
	if t.latency.n == 0 && t.out > 0 {
		return math.Inf(1)
	}
	return float64(t.out+1) * (t.latency.v + 1) / t.weight()
}
