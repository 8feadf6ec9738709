// SPDX-License-Identifier: Apache-2.0

package job

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// sim is a cluster without processes: nodes with stores, messages that are under way, and a coordinator on one of the
// nodes. Messages between two keep their order, all others mix. Whoever dies takes along what was sent to him.
type sim struct {
	t      *testing.T
	rng    *rand.Rand
	n      int // pieces
	names  []string
	nodes  map[string]*simNode
	boss   string // the coordinator's node; "" none
	core   *Core
	queue  map[[2]string][]message
	hand   map[int]bool // results in the coordinator's hand
	starts int
}

type simNode struct {
	born  int          // incarnation
	store map[int]bool // copies
	times map[int]int  // how often each piece was applied to the shards of this store
}

type message struct {
	what  string // give, result, keep, kept, pass, here
	piece int
	to    string // of pass
	born  int    // of the node at one end; stale messages are dropped
	have  []int
}

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{t: t, rng: rand.New(rand.NewPCG(seed, 1)), n: 30, names: []string{"a", "b", "c"},
		nodes: map[string]*simNode{}, queue: map[[2]string][]message{}}
	for _, n := range s.names {
		s.start(n)
	}
	return s
}

func (s *sim) start(n string) {
	s.starts++
	s.nodes[n] = &simNode{s.starts, map[int]bool{}, map[int]int{}}
	if s.boss != "" {
		s.hello(n)
	}
}

func (s *sim) send(from, to string, m message) {
	k := [2]string{from, to}
	s.queue[k] = append(s.queue[k], m)
}

const boss = "boss"

// hello lets a node answer with what it has.
func (s *sim) hello(n string) {
	var have []int
	for p := range s.nodes[n].store {
		have = append(have, p)
	}
	slices.Sort(have)
	s.send(n, boss, message{what: "here", have: have, born: s.nodes[n].born})
}

// kill ends a node; if the coordinator was there, the lowest living name starts another.
func (s *sim) kill(n string) {
	delete(s.nodes, n)
	for k := range s.queue {
		if k[0] == n || k[1] == n {
			delete(s.queue, k)
		}
	}
	if n != s.boss {
		s.carryOut(s.core.Leave(n))
		return
	}
	s.elect()
}

func (s *sim) elect() {
	for k := range s.queue {
		if k[0] == boss || k[1] == boss {
			delete(s.queue, k)
		}
	}
	var living []string
	for n := range s.nodes {
		living = append(living, n)
	}
	slices.Sort(living)
	s.boss, s.core, s.hand = living[0], New(sizes(s.n), living[0], 2), map[int]bool{}
	for _, n := range living {
		s.hello(n)
	}
}

func (s *sim) carryOut(effects []Effect) {
	for _, e := range effects {
		switch e.Do {
		case Give:
			s.send(boss, e.Node, message{what: "give", piece: e.Piece, born: s.born(e.Node)})
		case Copy:
			if e.From == "" {
				if !s.hand[e.Piece] {
					s.t.Fatalf("piece %d is to be sent from the hand, where it is not", e.Piece)
				}
				s.send(boss, e.Node, message{what: "keep", piece: e.Piece, born: s.born(e.Node)})
			} else {
				s.send(boss, e.From, message{what: "pass", piece: e.Piece, to: e.Node, born: s.born(e.From)})
			}
		case Count:
			delete(s.hand, e.Piece)
			for n, x := range s.nodes {
				if slices.Contains(s.core.Members(), n) && !x.store[e.Piece] {
					s.t.Fatalf("piece %d counts, but the member %s has no copy", e.Piece, n)
				}
			}
		case Drop:
			delete(s.hand, e.Piece)
		}
	}
}

func (s *sim) born(n string) int {
	if x := s.nodes[n]; x != nil {
		return x.born
	}
	return 0
}

// deliver takes one message of a random queue.
func (s *sim) deliver() bool {
	var keys [][2]string
	for k, q := range s.queue {
		if len(q) > 0 {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return false
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	k := keys[s.rng.IntN(len(keys))]
	m := s.queue[k][0]
	s.queue[k] = s.queue[k][1:]
	if k[1] == boss {
		s.atBoss(k[0], m)
	} else {
		s.atNode(k[1], m)
	}
	s.carryOut(s.core.Next())
	return true
}

func (s *sim) atBoss(from string, m message) {
	if m.born != s.born(from) {
		return
	}
	switch m.what {
	case "here":
		if !slices.Contains(s.core.Members(), from) {
			s.carryOut(s.core.Join(from, []int{1, 2}, m.have))
		}
	case "result":
		s.hand[m.piece] = true
		s.carryOut(s.core.Arrived(m.piece))
	case "kept":
		s.carryOut(s.core.Kept(m.piece, from))
	}
}

func (s *sim) atNode(n string, m message) {
	x := s.nodes[n]
	if x == nil || m.born != x.born {
		return
	}
	switch m.what {
	case "give":
		s.send(n, boss, message{what: "result", piece: m.piece, born: x.born})
	case "pass":
		if x.store[m.piece] && s.nodes[m.to] != nil {
			s.send(n, m.to, message{what: "keep", piece: m.piece, born: s.born(m.to)})
		}
	case "keep":
		if !x.store[m.piece] {
			x.store[m.piece] = true
			x.times[m.piece]++
		}
		s.send(n, boss, message{what: "kept", piece: m.piece, born: x.born})
	}
}

// check holds after every step.
func (s *sim) check() {
	st := s.core.Stats()
	given := 0
	for _, n := range s.core.Members() {
		p, _ := s.core.Load(n)
		given += p
	}
	if st.Pending < 0 || st.Given != given || st.Pending+st.Given+st.Held+st.Counted != s.n {
		s.t.Fatalf("stats %+v, but %d pieces are with workers", st, given)
	}
	for _, n := range s.core.Synced() {
		for p := range s.n {
			if s.core.Counted(p) && !s.nodes[n].store[p] {
				s.t.Fatalf("piece %d counts and %s is in step, but has no copy", p, n)
			}
		}
	}
}

// Whatever is killed, and when: every piece is counted in the end, is on all nodes, and was applied once on each. A piece
// that counts is never done again, as long as one node that had it lives.
func TestRandomKills(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomKills(t, seed) })
	}
}

func randomKills(t *testing.T, seed uint64) {
	s := newSim(t, seed)
	s.elect()
	kills := s.rng.IntN(12)
	for step := 0; ; step++ {
		if step > 100_000 {
			t.Fatalf("no end: %+v", s.core.Stats())
		}
		moved := s.deliver()
		s.check()
		switch {
		case kills > 0 && len(s.nodes) > 1 && s.rng.IntN(25) == 0:
			kills--
			was, led := s.core.Stats().Counted, s.boss
			var living []string
			for n := range s.nodes {
				living = append(living, n)
			}
			slices.Sort(living)
			victim := living[s.rng.IntN(len(living))]
			s.kill(victim)
			if victim != led && s.core.Stats().Counted < was { // the coordinator's own node has every counted piece
				t.Fatalf("%d pieces counted, %d after the loss of %s", was, s.core.Stats().Counted, victim)
			}
			s.check()
		case s.rng.IntN(10) == 0 && len(s.nodes) < len(s.names):
			for _, n := range s.names {
				if s.nodes[n] == nil {
					s.start(n)
					break
				}
			}
		case !moved && len(s.nodes) == len(s.names) && s.core.Done() && len(s.core.Synced()) == len(s.names):
			for n, x := range s.nodes {
				for p := range s.n {
					if x.times[p] != 1 {
						t.Fatalf("piece %d was applied %d times on %s", p, x.times[p], n)
					}
				}
			}
			return
		case !moved: // messages were lost with a node that passed copies on: the coordinator looks after that
			for _, n := range s.core.Members() {
				s.carryOut(s.core.AskAgain(n))
			}
			s.carryOut(s.core.Next())
		}
	}
}
