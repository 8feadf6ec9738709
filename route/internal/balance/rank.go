// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Ranked is a target in the order in which a key would choose it.
type Ranked[K comparable] struct {
	Target *Target[K]
	Fit    bool   // it could have the key now
	Why    string // it is fit, or is not
}

// Rank explains a key: the targets, the one with the highest score first. The first fit one has the key.
func (g *Group[K]) Rank(now time.Duration, key uint64) []Ranked[K] {
	in := g.candidates(now)
	if len(in) == 0 {
		in = g.all // none is fit; the scores are the same
	}
	b := g.bound(in)
	list := make([]Ranked[K], 0, len(g.all))
	for _, t := range g.all {
		r := Ranked[K]{Target: t}
		_, until, ejected := t.Ejected()
		switch share := g.grown(now, t); {
		case t.Closed:
			r.Why = "its node is leaving or lost"
		case ejected && !g.panics && now < until:
			r.Why = fmt.Sprintf("it failed, and gets nothing for another %v", (until - now).Round(time.Millisecond))
		case !slices.Contains(in, t):
			r.Why = "others are nearer, or it gets a trickle only"
		case !b.room(t):
			r.Why = fmt.Sprintf("it has %d messages out, and no room for more", t.out)
		case g.opts.SlowFor > 0 && share < 1:
			r.Fit, r.Why = true, fmt.Sprintf("it is new, and has %.0f %% of its keys so far", 100*share)
		default:
			r.Fit, r.Why = true, "it has room"
		}
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(x, y Ranked[K]) int {
		return cmp.Compare(g.score(now, y.Target, key), g.score(now, x.Target, key))
	})
	return list
}
