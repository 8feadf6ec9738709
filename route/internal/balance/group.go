// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"math/rand/v2"
	"time"
)

// Options shape a group. The zero value is Adaptive without locality, with the defaults below.
type Options struct {
	Policy   Policy
	Here     string        // the caller's node, for locality
	Zone     string        // and its zone
	Near     Near          // how far to prefer what is near
	Slack    float64       // how much busier the near ones may be than all; 1.3
	Bound    float64       // of hashing: how much more than its share a target may have out; 1.25
	SlowFor  time.Duration // how long a new target's share grows; 10 s, negative for none
	Ejection Ejection
}

// Near is how far to prefer what is near.
type Near uint8

// The reaches.
const (
	Anywhere Near = iota
	SameZone
	SameNode // then the same zone
)

func (o Options) withDefaults() Options {
	if o.Slack == 0 {
		o.Slack = 1.3
	}
	if o.Bound == 0 {
		o.Bound = 1.25
	}
	if o.SlowFor == 0 {
		o.SlowFor = 10 * time.Second
	}
	o.Ejection = o.Ejection.withDefaults()
	return o
}

// Group is a set of targets and a policy.
// Invariant: all has each member once; tiers[Anywhere] holds those that may be chosen, the other tiers those of them that
// are near. They are made anew when dirty, or when the time recheck has come.
type Group[K comparable] struct {
	opts    Options
	rand    *rand.Rand
	policy  policy[K]
	byID    map[K]*Target[K]
	all     []*Target[K]
	gen     uint64
	out     int
	tiers   [SameNode + 1][]*Target[K]
	trial   []*Target[K] // ejected ones whose time is over: they get a trickle
	dirty   bool
	recheck time.Duration
	panics  bool // too few are fit: ejection is ignored
	trickle time.Duration
	tokens  []*Target[K] // believed to be idle, the latest last
	scratch []*Target[K]

	medianFor int // so many more choices
	medianNow float64
}

const never = time.Duration(1<<63 - 1)

// New makes an empty group. Chance comes from r.
func New[K comparable](o Options, r *rand.Rand) *Group[K] {
	g := &Group[K]{opts: o.withDefaults(), rand: r, byID: map[K]*Target[K]{}, recheck: never}
	g.policy = newPolicy[K](o.Policy)
	return g
}

// Set says who the members are. Those that stay keep what was learned of them; new ones start slowly, unless all are new.
func (g *Group[K]) Set(now time.Duration, members []Member[K]) {
	g.gen++
	first := len(g.all) == 0
	g.all = g.all[:0]
	for _, m := range members {
		t := g.byID[m.ID]
		switch {
		case t == nil:
			t = &Target[K]{joined: now}
			if first {
				t.joined = -never / 2
			}
			g.byID[m.ID] = t
		case t.gen == g.gen: // named twice
			continue
		case t.Closed && !m.Closed: // it starts slowly again, from as much as it has missed
			t.joined = max(t.joined, now-max(0, g.opts.SlowFor-(now-t.closed)))
		case !t.Closed && m.Closed:
			t.closed = now
		}
		t.Member, t.gen = m, g.gen
		g.all = append(g.all, t)
	}
	for id, t := range g.byID {
		if t.gen != g.gen {
			t.Closed = true
			g.out -= t.out
			delete(g.byID, id)
		}
	}
	g.dirty = true
}

// Targets are all members, in the order of Set. The slice is the group's own.
func (g *Group[K]) Targets() []*Target[K] { return g.all }

// Request is what is known of a message before it is sent.
type Request[K comparable] struct {
	Key   uint64 // of hashing: see Hash
	Keyed bool   // Key is meant
	// Skip, if not nil, tells who cannot be chosen: those that were tried.
	Skip func(K) bool
}

// Pick chooses a target; false if there is none that may be chosen.
func (g *Group[K]) Pick(now time.Duration, r Request[K]) (*Target[K], bool) {
	for range len(g.all) + 1 {
		in := g.candidates(now)
		if r.Skip != nil {
			in = g.without(in, r.Skip)
		}
		if t := g.trickled(now, in, r); t != nil {
			return t, true
		}
		if len(in) == 0 {
			return nil, false
		}
		t := g.choose(now, in, r)
		if t.silence(now) > g.opts.Ejection.Silence && g.eject(now, t, Silent) {
			continue
		}
		return t, true
	}
	return nil, false
}

// choose asks the policy, with regard to slow starts.
func (g *Group[K]) choose(now time.Duration, in []*Target[K], r Request[K]) *Target[K] {
	if r.Keyed {
		return rendezvous(g, now, in, r.Key)
	}
	t := g.policy.pick(g, now, in)
	if g.opts.SlowFor <= 0 {
		return t
	}
	for range 3 {
		share := g.grown(now, t)
		if share >= 1 || g.rand.Float64() < share || !g.manyGrown(now, in) {
			break
		}
		t = g.policy.pick(g, now, in)
	}
	return t
}

// grown is how much of its share a target gets while it is new.
func (g *Group[K]) grown(now time.Duration, t *Target[K]) float64 {
	age := now - t.joined
	if age >= g.opts.SlowFor {
		return 1
	}
	return max(0.05, float64(age)/float64(g.opts.SlowFor))
}

// manyGrown reports whether those that are not new can carry the load.
func (g *Group[K]) manyGrown(now time.Duration, in []*Target[K]) bool {
	n := 0
	for _, t := range in {
		if g.grown(now, t) >= 1 {
			n++
		}
	}
	return float64(n) > g.opts.Ejection.Panic*float64(len(in))
}

func (g *Group[K]) without(in []*Target[K], skip func(K) bool) []*Target[K] {
	g.scratch = g.scratch[:0]
	for _, t := range in {
		if !skip(t.ID) {
			g.scratch = append(g.scratch, t)
		}
	}
	return g.scratch
}

// Begin notes that a message is on its way.
func (g *Group[K]) Begin(now time.Duration, t *Target[K], k *Ticket[K]) {
	k.target, k.start, k.ahead = t, now, t.out
	t.push(k)
	if g.byID[t.ID] == t {
		g.out++
	}
	t.token = 0
}

// Outcome is how a message ended.
type Outcome uint8

// The outcomes.
const (
	Answered Outcome = iota // also by an error of the application
	Failed                  // the target did not do it, and could not
	Silent                  // no answer in time
	Dropped                 // the caller lost interest: nothing is learned but that it took so long already
)

// End notes how a message ended.
func (g *Group[K]) End(now time.Duration, k *Ticket[K], o Outcome) {
	t := k.target
	took := now - k.start
	t.drop(k)
	if g.byID[t.ID] != t {
		return // no member any more
	}
	g.out--
	switch o {
	case Answered:
		t.heard = now
		t.latency.add(float64(took))
		if !t.reported {
			t.service.add(float64(took) / float64(k.ahead+1))
		}
		g.worked(now, t)
	case Failed, Silent:
		g.failed(now, t, o)
	case Dropped:
		if float64(took) > t.latency.v {
			t.latency.add(float64(took))
		}
	}
}

// Report is what a target tells of itself.
type Report struct {
	Backlog int           // messages in its mailbox
	Service time.Duration // how long one keeps it busy, on average; 0 if it does not say
}

// Report notes what a target told, with an answer or otherwise.
func (g *Group[K]) Report(now time.Duration, t *Target[K], r Report) {
	t.backlog, t.told, t.heard = float64(r.Backlog), now, now
	if r.Service > 0 {
		t.service.v, t.service.n, t.reported = float64(r.Service), 16, true
	}
	if r.Backlog == 0 && t.out == 0 && t.token == 0 {
		g.tokens = append(g.tokens, t)
		if len(g.tokens) > 2*len(g.all)+8 {
			g.tokens = g.tokens[1:]
		}
	}
	if r.Backlog == 0 && t.out == 0 {
		t.token = now + tokenLife
	} else {
		t.token = 0
	}
}
