// SPDX-License-Identifier: Apache-2.0

package balance

import "time"

// candidates are those among whom the policy chooses: fit, and near if that is wanted and does not cost too much.
func (g *Group[K]) candidates(now time.Duration) []*Target[K] {
	if g.dirty || now >= g.recheck {
		g.sort(now)
	}
	all := g.tiers[Anywhere]
	for near := g.opts.Near; near > Anywhere; near-- {
		if in := g.tiers[near]; len(in) > 0 && (len(in) == len(all) || load(now, in) <= g.opts.Slack*load(now, all)) {
			return in
		}
	}
	return all
}

// load is what a new message would have to wait for, on average.
func load[K comparable](now time.Duration, in []*Target[K]) float64 {
	sum := 0.0
	for _, t := range in {
		sum += (t.queue(now) + 1) / t.weight()
	}
	return sum / float64(len(in))
}

// sort puts the members into their tiers.
func (g *Group[K]) sort(now time.Duration) {
	g.dirty, g.recheck = false, never
	open, fit := 0, 0
	for _, t := range g.all {
		if !t.Closed {
			open++
			if !t.health.ejected {
				fit++
			}
		}
	}
	g.panics = float64(fit) < g.opts.Ejection.Panic*float64(open)
	for i := range g.tiers {
		g.tiers[i] = g.tiers[i][:0]
	}
	g.trial = g.trial[:0]
	for _, t := range g.all {
		switch {
		case t.Closed:
		case !t.health.ejected || g.panics:
			g.tiers[Anywhere] = append(g.tiers[Anywhere], t)
			if t.Zone == g.opts.Zone && g.opts.Zone != "" || t.Node == g.opts.Here {
				g.tiers[SameZone] = append(g.tiers[SameZone], t)
			}
			if t.Node == g.opts.Here {
				g.tiers[SameNode] = append(g.tiers[SameNode], t)
			}
		case now >= t.health.until:
			g.trial = append(g.trial, t)
		default:
			g.recheck = min(g.recheck, t.health.until)
		}
	}
}
