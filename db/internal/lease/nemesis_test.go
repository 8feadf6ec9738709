// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"slices"
	"time"
)

// schedule plans what goes wrong, when, and for how long.
func (w *world) schedule() {
	r := w.rng
	w.loss = []float64{0, 0.02, 0.2}[r.IntN(3)]
	w.delay = time.Duration(1+r.IntN(8)) * 500 * time.Microsecond
	w.spikes = []float64{0, 0.05}[r.IntN(2)]
	w.saves, w.slow = 0.02, 0.1
	w.frail = r.IntN(4) == 0
	w.leaders()
	voters := w.views[0].Conf.Lists[0]
	some := func() *machine { return w.nodes[r.IntN(len(w.nodes))] }
	for range 2 + r.IntN(8) {
		at := time.Duration(r.Float64() * float64(w.end))
		how := r.IntN(10)
		m := some()
		length := w.ttl/3 + w.upTo(3*w.ttl)
		w.after(at, func() {
			switch how {
			case 0, 1: // one way, one pair
				w.cutFor(length, [2]uint64{m.id, some().id})
			case 2: // nobody hears it; it hears all
				w.cutFor(length, w.from(m)...)
			case 3: // it hears nobody
				w.cutFor(length, w.to(m)...)
			case 4: // all by itself
				w.cutFor(length, append(w.from(m), w.to(m)...)...)
				if w.chance(0.5) {
					w.deafen(m, length)
				}
			case 5, 6:
				w.note("node %d stands still for %v", m.id, length)
				m.paused = max(m.paused, w.now+length)
			case 7:
				if m.core != nil {
					w.crash(m)
				}
			case 8:
				w.deafen(m, length)
			case 9: // some voters do not hear it for a while, others for another
				w.flap(m, voters, 3+r.IntN(5))
			}
		})
	}
	if r.IntN(2) == 0 {
		w.flap(some(), voters, 12)
	}
	if r.IntN(3) == 0 {
		w.after(time.Duration(r.Float64()*float64(w.end)/2), w.moveVoters)
	}
}

// flap cuts a node from voters, each for about as long as a support lasts, again and again.
func (w *world) flap(m *machine, voters []uint64, times int) {
	if times == 0 {
		return
	}
	for _, v := range voters {
		if w.chance(0.7) {
			w.cutFor(time.Duration((0.6+0.8*w.rng.Float64())*float64(w.ttl)), [2]uint64{m.id, v})
		}
	}
	w.after(w.ttl/2+w.upTo(w.ttl), func() { w.flap(m, voters, times-1) })
}

func (w *world) cutFor(d time.Duration, pairs ...[2]uint64) {
	for _, p := range pairs {
		w.note("%d to %d is cut for %v", p[0], p[1], d)
		w.cut[p] = true
		w.after(d, func() { delete(w.cut, p) })
	}
}

func (w *world) from(m *machine) (pairs [][2]uint64) {
	for _, o := range w.nodes {
		pairs = append(pairs, [2]uint64{m.id, o.id})
	}
	return pairs
}

func (w *world) to(m *machine) (pairs [][2]uint64) {
	for _, o := range w.nodes {
		pairs = append(pairs, [2]uint64{o.id, m.id})
	}
	return pairs
}

func (w *world) deafen(m *machine, d time.Duration) {
	w.note("node %d hears nothing of the log for %v", m.id, d)
	m.deaf = true
	w.after(d, func() {
		m.deaf = false
		w.learn(m)
	})
}

// leaders makes leaders, now and then two at a time.
func (w *world) leaders() {
	for _, m := range w.nodes {
		if m.core != nil {
			m.core.Lead(false)
		}
	}
	for range 1 + w.rng.IntN(2) {
		if m := w.nodes[w.rng.IntN(len(w.nodes))]; m.core != nil {
			w.note("node %d leads", m.id)
			m.core.Lead(true)
		}
	}
	w.after(w.ttl/2+w.upTo(3*w.ttl), w.leaders)
}

// moveVoters wants others to vote.
func (w *world) moveVoters() {
	n := []int{1, 3, 3, 5}[w.rng.IntN(4)]
	order := w.rng.Perm(len(w.nodes))
	var want []uint64
	for _, i := range order[:min(n, len(order))] {
		want = append(want, uint64(i+1))
	}
	w.note("voters shall be %v", want)
	for _, m := range w.nodes {
		if m.core != nil {
			m.core.Want(want)
		}
	}
	if w.chance(0.3) {
		w.after(w.upTo(3*w.ttl), w.moveVoters)
	}
	if w.chance(0.2) { // one goes for ever
		m := w.nodes[order[len(order)-1]]
		w.after(w.upTo(3*w.ttl), func() { w.leave(m) })
	}
}

// leave ends a node for ever, and says so in the log.
func (w *world) leave(m *machine) {
	if m.core != nil {
		w.note("node %d goes", m.id)
		m.core, m.life = nil, Life{}
	}
	next := *w.head()
	next.Members = slices.Clone(next.Members)
	next.Gone = append(slices.Clone(next.Gone), m.id)
	w.append(next)
}
