// SPDX-License-Identifier: Apache-2.0

package pg

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// world is a cluster of cores and of real scopes, without a network: messages wait in one queue for each pair of nodes until
// chance delivers them.
type world struct {
	t     *testing.T
	r     *rand.Rand
	nodes []*place
	pipes map[[2]int]*pipe
	next  uint32

	secret int // bits: the hidden links
}

// place is a node with a scope: one of ours, or a real one.
type place struct {
	name  banyan.Atom
	core  *core
	real  *realScope
	procs []banyan.PID
	full  bool // whatever it sends finds its links full
}

// pipe is one direction of a link.
type pipe struct {
	q []any // sent, or linkUp, linkDown, scopeDown
}

type (
	linkUp    struct{}
	linkDown  struct{}
	scopeDown struct{ pid banyan.PID }
)

func (w *world) pid(node banyan.Atom) banyan.PID {
	w.next++
	return banyan.PID{Node: node, ID: w.next, Creation: 4}
}

func newWorld(t *testing.T, seed uint64, ours, real int) *world {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), pipes: map[[2]int]*pipe{}}
	w.secret = w.r.IntN(1 << 10)
	for i := range ours + real {
		p := &place{name: banyan.Atom(fmt.Sprintf("n%d@h", i))}
		w.nodes = append(w.nodes, p)
		w.startScope(i, i >= ours)
	}
	return w
}

func (w *world) startScope(i int, real bool) {
	p := w.nodes[i]
	if real {
		p.real = newRealScope(w.pid(p.name))
	} else {
		p.core = newCore(w.pid(p.name), limits{members: 1 << 20, name: 4096})
	}
	for j := range w.nodes {
		if w.pipes[[2]int{i, j}] == nil {
			continue
		}
		w.takeAt(i, j, linkUp{})
	}
	w.flush(i)
}

// hidden links are some of those with one of ours: real scopes say nothing of themselves there.
func (w *world) hidden(i, j int) bool {
	return w.secret&(1<<(i+j)) != 0 && (w.nodes[i].core != nil || w.nodes[j].core != nil)
}

func (w *world) index(node banyan.Atom) int {
	return slices.IndexFunc(w.nodes, func(p *place) bool { return p.name == node })
}

// send puts a message on its way, if there is a link.
func (w *world) send(from int, s sent) {
	node := s.node
	if node == "" {
		node = s.to.Node
	}
	if p := w.pipes[[2]int{from, w.index(node)}]; p != nil {
		p.q = append(p.q, s)
	}
}

// flush sends what a scope wants to send.
func (w *world) flush(i int) {
	p := w.nodes[i]
	if p.real != nil {
		out := p.real.out
		p.real.out = nil
		for _, s := range out {
			w.send(i, s)
		}
		return
	}
	if err := p.core.check(); err != nil {
		w.t.Fatal(err)
	}
	for _, e := range p.core.take() {
		if e.kind == doChange && !p.core.mayTell(e.pid) || e.kind > doSync {
			continue
		}
		if p.full && w.r.IntN(2) == 0 {
			p.core.stuck(e)
			continue
		}
		s := sent{to: e.pid, node: e.node, cast: e.kind == doSync, term: e.term}
		if e.kind == doSeek {
			s.term = discoverTerm(p.core.self)
		}
		w.send(i, s)
	}
}

func (w *world) connect(i, j int) {
	if i == j || w.pipes[[2]int{i, j}] != nil || w.pipes[[2]int{j, i}] != nil {
		return
	}
	for _, k := range [][2]int{{i, j}, {j, i}} {
		w.pipes[k] = &pipe{}
		w.takeAt(k[0], k[1], linkUp{})
	}
}

// cut ends a link; one side may hear of it much later.
func (w *world) cut(i, j int) {
	a, b := w.pipes[[2]int{i, j}], w.pipes[[2]int{j, i}]
	if a == nil || b == nil {
		return
	}
	delete(w.pipes, [2]int{i, j})
	w.takeAt(i, j, linkDown{})
	b.q = nil
	if w.r.IntN(2) == 0 {
		delete(w.pipes, [2]int{j, i})
		w.takeAt(j, i, linkDown{})
	} else {
		// What i sent before the cut may still arrive at j, then j sees the end.
		a.q = append(a.q, linkDown{})
		w.pipes[[2]int{j, i}] = nil
		delete(w.pipes, [2]int{j, i})
		w.drain(j, i, a)
	}
}

func (w *world) drain(at, from int, p *pipe) {
	for _, m := range p.q {
		w.takeAt(at, from, m)
	}
}

// takeAt is a node that gets something from another.
func (w *world) takeAt(at, from int, m any) {
	p, node := w.nodes[at], w.nodes[from].name
	switch m := m.(type) {
	case linkUp:
		if p.core != nil {
			p.core.nodeUp(node, w.hidden(at, from))
		} else if !w.hidden(at, from) {
			p.real.nodeUp(node)
		}
	case linkDown:
		if p.real != nil {
			for peer := range p.real.remote {
				if peer.Node == node {
					p.real.down(peer)
				}
			}
		} else {
			p.core.nodeDown(node)
		}
	case scopeDown:
		if p.real != nil {
			p.real.down(m.pid)
		} else {
			p.core.down(m.pid)
		}
	case sent:
		w.takeMessage(p, m)
	}
	w.flush(at)
}

func (w *world) takeMessage(p *place, m sent) {
	self := banyan.PID{}
	if p.real != nil {
		self = p.real.self
	} else {
		self = p.core.self
	}
	if m.node == "" && m.to != self {
		return // a scope that is no more
	}
	if p.real != nil {
		if err := p.real.receive(m.cast, m.term); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	h, ok := parseInfo(m.term)
	if m.cast {
		h, ok = parseCast(m.term)
	}
	if !ok {
		w.t.Fatalf("not understood: %s", etf.Format(m.term))
	}
	p.core.hear(h)
}

func (w *world) step() {
	i, j := w.r.IntN(len(w.nodes)), w.r.IntN(len(w.nodes))
	p := w.nodes[i]
	group, _ := keyOf(banyan.Atom([]string{"a", "b", "c"}[w.r.IntN(3)]))
	switch n := w.r.IntN(100); {
	case n < 50:
		w.deliverOne(i, j)
	case n < 65:
		w.joinOne(i, group)
	case n < 75 && len(p.procs) > 0:
		w.kill(i)
	case n < 82 && len(p.procs) > 0 && p.core != nil:
		p.core.leave(group, []banyan.PID{p.procs[w.r.IntN(len(p.procs))], p.procs[0]})
	case n < 88:
		w.connect(i, j)
	case n < 92:
		w.cut(i, j)
	case n < 95:
		p.full = !p.full
	case n < 97 && p.core != nil:
		p.core.retry()
	case n < 98 && p.core != nil:
		p.core.resync()
	case n == 98 && p.core != nil:
		p.core.drain(!p.core.away)
	case n == 99 && w.r.IntN(4) == 0:
		w.restart(i)
	}
	w.flush(i)
}

func (w *world) joinOne(i int, group key) {
	p := w.nodes[i]
	if len(p.procs) == 0 || w.r.IntN(2) == 0 {
		p.procs = append(p.procs, w.pid(p.name))
	}
	pid := p.procs[w.r.IntN(len(p.procs))]
	if p.real != nil {
		p.real.join(group, pid)
	} else if err := p.core.join(group, []banyan.PID{pid, p.procs[0]}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) kill(i int) {
	p := w.nodes[i]
	n := w.r.IntN(len(p.procs))
	pid := p.procs[n]
	p.procs = slices.Delete(p.procs, n, n+1)
	if p.real != nil {
		p.real.die(pid)
	} else {
		p.core.down(pid)
	}
}

// restart ends a scope and starts it anew, on the same links.
func (w *world) restart(i int) {
	p := w.nodes[i]
	old := banyan.PID{}
	if p.real != nil {
		old = p.real.self
	} else {
		old = p.core.self
	}
	for j := range w.nodes {
		if out := w.pipes[[2]int{i, j}]; out != nil {
			out.q = append(out.q, scopeDown{old})
		}
	}
	real := p.real != nil
	p.core, p.real, p.full = nil, nil, false
	w.startScope(i, real)
}

func (w *world) deliverOne(from, to int) bool {
	p := w.pipes[[2]int{from, to}]
	if p == nil || len(p.q) == 0 {
		return false
	}
	m := p.q[0]
	p.q = p.q[1:]
	w.takeAt(to, from, m)
	return true
}

// settle connects all nodes and delivers everything.
func (w *world) settle() {
	for i, p := range w.nodes {
		p.full = false
		for j := range w.nodes {
			w.connect(i, j)
		}
	}
	for range 10 {
		for i, p := range w.nodes {
			if p.core != nil {
				p.core.retry()
				p.core.poll()
				w.flush(i)
			}
		}
		for busy := true; busy; {
			busy = false
			for i := range w.nodes {
				for j := range w.nodes {
					busy = w.deliverOne(i, j) || busy
				}
			}
		}
	}
}

// Random joins, leaves, deaths, restarts, cuts and full links among cores and real scopes: nothing that a real scope crashes
// at is ever sent, and when all are connected all agree.
func TestAnyHistoryConverges(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		w := newWorld(t, seed, 3, 2)
		for range 400 {
			w.step()
		}
		w.settle()
		want := w.nodes[0].core.view()
		for _, p := range w.nodes[1:] {
			got := map[key][]string{}
			if p.real != nil {
				got = p.real.view()
			} else {
				got = p.core.view()
			}
			if !sameView(got, want) {
				t.Fatalf("seed %d: %s sees\n%v\nand n0@h\n%v", seed, p.name, got, want)
			}
		}
	}
}
