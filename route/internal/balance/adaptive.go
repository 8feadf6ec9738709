// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"slices"
	"time"
)

// What adaptive goes by. The figures are from the simulation: see docs/adr/011.
const (
	tokenLife  = 20 * time.Millisecond // how long a target that was idle is believed to be
	choices    = 2
	tooSlow    = 2.0 // times the median service time: not even idle ones
	alike      = 1.6 // times the median: no difference
	lastResort = 1e9
	tries      = 4   // to find one that is not slow
	stuck      = 4.0 // times the median: whoever owes an answer for so long is the last resort
)

// adaptive takes a target that said it is idle; else the best of three at random by the expected wait. A target that owes
// an answer for much longer than usual is passed over.
type adaptive[K comparable] struct{}

func (adaptive[K]) pick(g *Group[K], now time.Duration, in []*Target[K]) *Target[K] {
	median := g.median(in)
	if t := g.idle(now, in, median); t != nil {
		return t
	}
	var best *Target[K]
	var least float64
	g.sample(in, median, func(t *Target[K]) {
		wait := (t.queue(now) + 1) * t.slowness(median) / t.weight()
		if float64(t.age(now)) > stuck*median && median > 0 {
			wait += lastResort
		}
		if best == nil || wait < least {
			best, least = t, wait
		}
	})
	return best
}

// sample gives some different ones at random, slow ones less often.
func (g *Group[K]) sample(in []*Target[K], median float64, f func(*Target[K])) {
	var seen [choices]*Target[K]
	n := min(choices, len(in))
	for k := range n {
		t := in[g.rand.IntN(len(in))]
		for try := 0; slices.Contains(seen[:k], t) || try < tries && g.rand.Float64()*t.slowness(median) > 1; try++ {
			t = in[g.rand.IntN(len(in))]
		}
		seen[k] = t
		f(t)
	}
}

// idle takes the latest target that is believed to be idle.
func (g *Group[K]) idle(now time.Duration, in []*Target[K], median float64) *Target[K] {
	for len(g.tokens) > 0 {
		t := g.tokens[len(g.tokens)-1]
		g.tokens = g.tokens[:len(g.tokens)-1]
		if t.token > now && t.out == 0 && t.service.v <= tooSlow*median && slices.Contains(in, t) {
			t.token = 0
			return t
		}
		t.token = 0
	}
	return nil
}

// slowness is how many times slower than the median it is. Averages of few samples differ by chance, and all callers hear the
// same ones: small differences would draw all of them to the same targets.
func (t *Target[K]) slowness(median float64) float64 {
	if s := t.service.v / (median + 1); s > alike {
		return s
	}
	return 1
}

// queue is how much a target has before it: our own messages, and what it told of others', which drains.
func (t *Target[K]) queue(now time.Duration) float64 {
	return float64(t.out) + t.others(now)
}

// others is what it told of others' messages, drained since.
func (t *Target[K]) others(now time.Duration) float64 {
	if t.backlog > 0 && t.service.v > 0 {
		return max(0, t.backlog-float64(now-t.told)/t.service.v)
	}
	return 0
}

// median of the service times, not always the newest: it changes slowly.
func (g *Group[K]) median(in []*Target[K]) float64 {
	if g.medianFor--; g.medianFor > 0 && g.medianNow > 0 {
		return g.medianNow
	}
	g.medianFor, g.medianNow = 16, medianOf(in)
	return g.medianNow
}

func medianOf[K comparable](in []*Target[K]) float64 {
	var buf [64]float64
	s := buf[:0]
	for _, t := range in {
		if t.service.n > 0 {
			s = append(s, t.service.v)
		}
	}
	if len(s) == 0 {
		return 0
	}
	slices.Sort(s)
	return s[(len(s)-1)/2]
}
