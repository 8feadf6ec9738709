// SPDX-License-Identifier: Apache-2.0

package balance

import "time"

// Ejection says when a target that fails gets nothing for a while. The zero value is the defaults.
type Ejection struct {
	Failures int           // in a row; 5
	Rate     float64       // of failures lately; 0.5
	Silence  time.Duration // how long it may owe an answer while nothing else comes from it; 2 s
	Base     time.Duration // how long the first ejection lasts, each further one twice as long; 1 s
	Most     time.Duration // but never longer; 30 s
	Trickle  time.Duration // between messages to targets on trial; 100 ms
	Max      float64       // how much of the group may be ejected at most; 0.3, and one of two
	Panic    float64       // with a smaller share of fit ones ejection is ignored; 0.5
	Off      bool
}

func (e Ejection) withDefaults() Ejection {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&e.Silence, 2*time.Second)
	set(&e.Base, time.Second)
	set(&e.Most, 30*time.Second)
	set(&e.Trickle, 100*time.Millisecond)
	if e.Failures == 0 {
		e.Failures = 5
	}
	if e.Rate == 0 {
		e.Rate = 0.5
	}
	if e.Max == 0 {
		e.Max = 0.3
	}
	if e.Panic == 0 {
		e.Panic = 0.5
	}
	return e
}

// health is a target's record.
type health struct {
	row     int  // failures in a row
	rate    ewma // 1 for a failure
	ejected bool
	until   time.Duration // of ejected: from then on it is on trial
	times   int           // ejections since it was last well
	passed  int           // messages that went well on trial
	why     Outcome
}

const passes = 3 // so many on trial, and a target is fit again

// worked notes a message that was answered.
func (g *Group[K]) worked(now time.Duration, t *Target[K]) {
	h := &t.health
	h.row = 0
	h.rate.add(0)
	if !h.ejected {
		if h.rate.v < 0.05 && now > h.until+g.opts.Ejection.Most {
			h.times = 0
		}
		return
	}
	if h.passed++; h.passed >= passes {
		*h = health{times: h.times, until: now}
		t.joined = now // slowly, as if it were new
		g.dirty = true
	}
}

// failed notes a message that was not.
func (g *Group[K]) failed(now time.Duration, t *Target[K], why Outcome) {
	h, e := &t.health, g.opts.Ejection
	h.row++
	h.rate.add(1)
	switch {
	case h.ejected && now >= h.until: // on trial
		g.sentence(now, t, why)
	case h.ejected:
	case h.row >= e.Failures, h.rate.n >= 10 && h.rate.v > e.Rate:
		g.eject(now, t, why)
	}
}

// Lost ejects a target at once: the link to it broke, or it was said not to be there. It stays a member.
func (g *Group[K]) Lost(now time.Duration, t *Target[K]) { g.eject(now, t, Failed) }

// eject takes a target out of the choice, unless too many are out already: then it is more likely that the fault is ours.
func (g *Group[K]) eject(now time.Duration, t *Target[K], why Outcome) bool {
	if g.opts.Ejection.Off || t.health.ejected || g.byID[t.ID] != t {
		return false
	}
	open, ejected := 0, 1
	for _, o := range g.all {
		if !o.Closed {
			open++
		}
		if o.health.ejected {
			ejected++
		}
	}
	if ejected >= open || ejected > max(1, int(g.opts.Ejection.Max*float64(open))) {
		return false
	}
	g.sentence(now, t, why)
	return true
}

func (g *Group[K]) sentence(now time.Duration, t *Target[K], why Outcome) {
	h := &t.health
	d := min(g.opts.Ejection.Base<<min(h.times, 16), g.opts.Ejection.Most)
	*h = health{ejected: true, until: now + d, times: h.times + 1, why: why}
	t.token = 0
	g.dirty = true
}

// trickled gives a target that is on trial a message now and then. With a key it must be one of its own.
func (g *Group[K]) trickled(now time.Duration, in []*Target[K], r Request[K]) *Target[K] {
	if len(g.trial) == 0 || now < g.trickle {
		return nil
	}
	t := g.trial[g.rand.IntN(len(g.trial))]
	switch {
	case r.Skip != nil && r.Skip(t.ID):
		return nil
	case t.silence(now) > g.opts.Ejection.Silence:
		g.sentence(now, t, Silent)
		return nil
	case t.out > 0:
		return nil
	case r.Keyed && rendezvous(g, now, append(in[:len(in):len(in)], t), r.Key) != t:
		return nil
	}
	g.trickle = now + g.opts.Ejection.Trickle
	return t
}

// Ejected tells who is out, until when, and why.
func (t *Target[K]) Ejected() (why Outcome, until time.Duration, out bool) {
	return t.health.why, t.health.until, t.health.ejected
}
