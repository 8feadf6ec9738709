// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// world runs cores against each other, with clocks that go wrong, a network that cuts, loses and delays, nodes that stop and crash, and a log that
// is one list whatever happens: that it is one is what the log's own tests are about. Everything follows from the seed.
type world struct {
	rng    *rand.Rand
	seed   uint64
	flaw   Flaw
	ttl    time.Duration
	now    time.Duration // the true time, which no core sees
	end    time.Duration
	seq    int
	queue  happenings
	nodes  []*machine
	views  []View // the log's state after each entry
	loss   float64
	delay  time.Duration
	slow   float64 // how likely a proposal takes up to a TTL
	saves  float64 // how likely a node crashes just before, or after, it has written something down
	frail  bool    // voters tend to crash when they have granted something
	spikes float64 // part of the messages that take up to half a TTL
	cut    map[[2]uint64]bool
	broken string

	downs, cancels, gained, moves int
	text                          *strings.Builder // of a run that is looked at
}

// machine is one node.
type machine struct {
	id      uint64
	rate    float64
	offset  time.Duration
	core    *Core // nil: it is down
	run     int   // how often it was started
	life    Life
	saved   []byte
	applied int           // how much of the log it knows
	deaf    bool          // it hears nothing of the log, and proposes nothing
	paused  time.Duration // until then it stands still
}

type happening struct {
	at  time.Duration
	seq int
	do  func()
}

type happenings []happening

func (h happenings) Len() int { return len(h) }
func (h happenings) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h happenings) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *happenings) Push(x any)   { *h = append(*h, x.(happening)) }
func (h *happenings) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, happening{w.now + d, w.seq, do})
}

func (w *world) note(format string, args ...any) {
	if w.text != nil {
		fmt.Fprintf(w.text, "%10v %s\n", w.now, fmt.Sprintf(format, args...))
	}
}

// upTo draws a duration, short ones more often.
func (w *world) upTo(d time.Duration) time.Duration {
	f := w.rng.Float64()
	return time.Duration(f * f * float64(d))
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

func newWorld(seed uint64, flaw Flaw, voters, others int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 0x1ea5e)), seed: seed, flaw: flaw, cut: map[[2]uint64]bool{}, delay: time.Millisecond}
	w.ttl = []time.Duration{300, 600, 1500}[w.rng.IntN(3)] * time.Millisecond
	w.end = 10 * w.ttl
	first := View{Conf: Conf{Version: 1}}
	var list []uint64
	for id := uint64(1); id <= uint64(voters+others); id++ {
		m := &machine{id: id, rate: 1 + 0.01*(2*w.rng.Float64()-1), offset: time.Second + w.upTo(1000*time.Hour), life: Life{id, 1}}
		if w.chance(0.3) { // as wrong as is allowed
			m.rate = 1 + 0.01*float64(2*w.rng.IntN(2)-1)
		}
		w.nodes = append(w.nodes, m)
		first.Members = append(first.Members, Member{Life: m.life})
		if id <= uint64(voters) {
			list = append(list, id)
		}
	}
	first.Conf.Lists = [][]uint64{list}
	w.views = []View{first}
	for _, m := range w.nodes {
		w.start(m)
	}
	return w
}

func (m *machine) clock(now time.Duration) Time {
	return m.offset + time.Duration(float64(now)*m.rate)
}

func (w *world) machine(id uint64) *machine { return w.nodes[id-1] }

// head is what the log holds.
func (w *world) head() *View { return &w.views[len(w.views)-1] }

func (w *world) start(m *machine) {
	core, err := New(Config{Node: m.id, TTL: w.ttl, Flaw: w.flaw}, m.clock(w.now), m.saved)
	if err != nil {
		w.broken = err.Error()
		return
	}
	m.core, m.run = core, m.run+1
	if m.applied > 0 {
		m.applied -= w.rng.IntN(m.applied + 1) // it may have to hear again what it had applied
	}
	w.note("node %d starts, run %d, knows %d", m.id, m.run, m.applied)
	if m.life != (Life{}) {
		core.Hold(m.clock(w.now), m.life)
	}
	w.learn(m)
	w.tick(m, m.run)
}

func (w *world) tick(m *machine, run int) {
	w.do(m, run, func(now Time) {
		m.core.Tick(now)
		w.after(time.Duration(float64(m.core.Every())/m.rate)+w.upTo(3*time.Millisecond), func() { w.tick(m, run) })
	})
}

// do lets a node do something, when it stands still no more; nothing if it was started again meanwhile.
func (w *world) do(m *machine, run int, f func(now Time)) {
	switch {
	case m.core == nil || m.run != run:
	case w.now < m.paused:
		w.after(m.paused-w.now, func() { w.do(m, run, f) })
	default:
		f(m.clock(w.now))
		w.carry(m)
		w.check(m)
	}
}

// carry does the work of a core.
func (w *world) carry(m *machine) {
	for m.core != nil {
		work := m.core.Work()
		for _, msg := range work.Send {
			w.send(msg)
		}
		for _, p := range work.Propose {
			w.proposed(m, p)
		}
		if work.Save == nil {
			return
		}
		if w.chance(w.saves) {
			w.crash(m)
			return
		}
		m.saved = work.Save
		if w.chance(w.saves) {
			w.crash(m)
			return
		}
		m.core.Saved(m.clock(w.now))
	}
}

func (w *world) send(msg Message) {
	to := w.machine(msg.To)
	if from := w.machine(msg.From); w.frail && msg.Kind == KindGrant && w.chance(0.2) {
		w.after(w.upTo(10*w.delay), func() {
			if from.core != nil {
				w.crash(from)
			}
		})
	}
	if w.cut[[2]uint64{msg.From, msg.To}] || w.chance(w.loss) {
		return
	}
	d := w.delay/5 + w.upTo(w.delay)
	if w.chance(w.spikes) {
		d += w.upTo(w.ttl / 2)
	}
	deliver := func() {
		if to.core != nil { // a new run gets what was sent to the one before
			w.do(to, to.run, func(now Time) { to.core.Receive(now, msg) })
		}
	}
	w.after(d, deliver)
	if w.chance(0.02) {
		w.after(d+w.upTo(w.ttl), deliver)
	}
}

// proposed brings a proposal to the log; it may take long, or be lost, and does not end with its node.
func (w *world) proposed(m *machine, p Proposal) {
	if m.deaf || w.chance(w.slow*w.loss*10) {
		return
	}
	d := w.delay + w.upTo(2*w.delay)
	if w.chance(w.slow + w.spikes) {
		d += w.upTo(w.ttl)
	}
	w.after(d, func() { w.commit(p) })
}

func (w *world) commit(p Proposal) {
	head := w.head()
	next := View{Conf: head.Conf, Members: slices.Clone(head.Members), Gone: head.Gone}
	var mb *Member
	for i := range next.Members {
		if next.Members[i].Node == p.Life.Node {
			mb = &next.Members[i]
		}
	}
	was := Member{}
	if mb != nil {
		was = *mb
	}
	if !p.Applies(head.Conf, was) {
		return
	}
	switch p.Kind {
	case ProposeDown:
		mb.Over = true
		w.downs++
	case ProposeCancel:
		mb.Cancelled = p.Round
		w.cancels++
	case ProposeVoters:
		next.Conf = Conf{uint64(len(w.views)) + 1, p.Lists}
		w.moves++
	}
	w.note("the log: %+v", p)
	w.append(next)
}

func (w *world) append(v View) {
	w.views = append(w.views, v)
	for _, m := range w.nodes {
		if m.core != nil {
			w.check(m)
		}
		w.after(w.delay/2+w.upTo(2*w.delay), func() { w.learn(m) })
	}
}

// learn lets a node apply more of the log.
func (w *world) learn(m *machine) {
	if m.deaf || m.core == nil {
		return
	}
	w.do(m, m.run, func(now Time) {
		if m.deaf {
			return
		}
		m.applied += w.rng.IntN(len(w.views) - m.applied)
		if m.applied < len(w.views)-1 {
			w.after(w.upTo(2*w.delay), func() { w.learn(m) })
		}
		m.core.Learn(now, w.views[m.applied])
	})
}

func (w *world) crash(m *machine) {
	w.note("node %d crashes", m.id)
	m.core, m.life = nil, Life{}
	away := w.ttl
	if w.frail {
		away = 10 * w.delay
	}
	w.after(w.upTo(away), func() {
		if m.core != nil || slices.Contains(w.head().Gone, m.id) {
			return
		}
		w.start(m)
		run := m.run
		w.after(w.upTo(w.ttl), func() { w.admit(m, run) })
	})
}

// admit gives a node that was started again its next life. That the life before is over is proved: its process has ended.
func (w *world) admit(m *machine, run int) {
	if m.run != run || m.core == nil {
		return
	}
	next := View{Conf: w.head().Conf, Members: slices.Clone(w.head().Members), Gone: w.head().Gone}
	for i := range next.Members {
		if x := &next.Members[i]; x.Node == m.id {
			*x = Member{Life: Life{m.id, x.Inc + 1}}
			m.life = x.Life
			w.note("node %d is admitted as %+v", m.id, m.life)
		}
	}
	w.append(next)
	w.do(m, run, func(now Time) { m.core.Hold(now, m.life) })
}

// check: whose life is over has no lease, by its own clock, whether it runs at the moment or not.
func (w *world) check(m *machine) {
	if m.core == nil || w.broken != "" {
		return
	}
	l, until, term := m.core.Lease()
	if l == (Life{}) || m.clock(w.now) >= until {
		return
	}
	w.gained = max(w.gained, int(term))
	for _, x := range w.head().Members {
		if x.Node == l.Node && (x.Inc > l.Inc || x.Inc == l.Inc && x.Over) {
			w.broken = fmt.Sprintf("seed %d: %+v is over, and holds its lease for another %v", w.seed, l, until-m.clock(w.now))
			w.note("%s", w.broken)
		}
	}
}

// run lets everything happen until the end, or until the promise is broken.
func (w *world) run() {
	for len(w.queue) > 0 && w.broken == "" && w.queue[0].at <= w.end {
		h := heap.Pop(&w.queue).(happening)
		w.now = h.at
		h.do()
	}
}
