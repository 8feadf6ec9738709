// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/route/internal/balance"
)

// KeyPlace says where messages of a key go now, and why: see Router.Explain.
type KeyPlace struct {
	Key    string
	Target banyan.PID // zero if nobody may have it
	Why    string
	// Ranking is all targets in the order in which the key would choose them. The first fit one has it; when that goes the
	// next one gets it.
	Ranking []KeyCandidate
}

// KeyCandidate is a target as a key sees it.
type KeyCandidate struct {
	PID banyan.PID
	Fit bool
	Why string // it is fit, or is not
}

// Explain tells which target has a key, and why that one.
func (r *Router[S]) Explain(ctx context.Context, key string) (KeyPlace, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(ctx); err != nil {
		return KeyPlace{}, err
	}
	p := KeyPlace{Key: key, Why: "there is no target that may have it"}
	for i, k := range r.group.Rank(r.now(), balance.Hash(key)) {
		p.Ranking = append(p.Ranking, KeyCandidate{k.Target.ID, k.Fit, k.Why})
		if k.Fit && p.Target.IsZero() {
			p.Target = k.Target.ID
			p.Why = "it has the highest score for this key; " + k.Why
			if i > 0 {
				first := p.Ranking[0]
				p.Why = "it has the highest score of those that may have it; " + first.PID.String() + " has a higher one, but " + first.Why
			}
		}
	}
	return p, nil
}

// TargetsChanged tells that a router has other targets than before: see OnChange.
type TargetsChanged struct {
	Joined []banyan.PID // or may be used again
	Left   []banyan.PID // or their nodes are leaving, or lost
	// Keys is the share of all keys that have another target therefore: those of who left at once, those of who joined within
	// the time of their slow start.
	Keys float64
}

// OnChange has f called when the router's targets change, but for the first ones. It must not block, nor use the router.
func OnChange(f func(TargetsChanged)) Option { return option(func(c *config) { c.onChange = f }) }

// changed finds out who came and went among the open targets.
func (r *Router[S]) changed(members []balance.Member[banyan.PID]) {
	open := make(map[banyan.PID]float64, len(members))
	var c TargetsChanged
	was, joined, left := 0.0, 0.0, 0.0
	for _, m := range members {
		if m.Closed {
			continue
		}
		w := max(m.Weight, 0)
		if w == 0 {
			w = 1
		}
		if _, twice := open[m.ID]; twice {
			continue
		}
		open[m.ID] = w
		if _, had := r.open[m.ID]; !had {
			c.Joined = append(c.Joined, m.ID)
			joined += w
		}
	}
	for pid, w := range r.open {
		was += w
		if _, has := open[pid]; !has {
			c.Left = append(c.Left, pid)
			left += w
		}
	}
	first := r.open == nil
	r.open = open
	if first || len(c.Joined)+len(c.Left) == 0 {
		return
	}
	is := was - left + joined
	switch {
	case was <= 0 || is <= 0:
		c.Keys = 1
	default:
		c.Keys = min(1, left/was+joined/is)
	}
	r.cfg.onChange(c)
}
