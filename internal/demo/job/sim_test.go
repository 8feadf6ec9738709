// SPDX-License-Identifier: Apache-2.0

package job

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// sim is a job without processes: nodes that may be killed at any moment, messages that are under way, rows that stay, and a coordinator
// on one of the nodes. Messages between two keep their order, all others mix. Whoever dies takes along what was sent to him.
type sim struct {
	t     *testing.T
	rng   *rand.Rand
	n     int // pieces
	names []string
	born  map[string]int // of the nodes that live: their incarnation
	boss  string         // the coordinator's node
	core  *Core
	queue map[[2]string][]message
	rows  map[int]string // what the database has: who did each piece
	lives int
}

type message struct {
	what  string // give, count, here
	piece int
	born  int // of the node at one end; stale messages are dropped
}

const boss = "boss"

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{t: t, rng: rand.New(rand.NewPCG(seed, 1)), n: 30, names: []string{"a", "b", "c"}, born: map[string]int{},
		queue: map[[2]string][]message{}, rows: map[int]string{}}
	for _, n := range s.names {
		s.start(n)
	}
	s.elect()
	return s
}

func (s *sim) start(n string) {
	s.lives++
	s.born[n] = s.lives
	s.send(n, boss, message{what: "here", born: s.lives})
}

func (s *sim) send(from, to string, m message) {
	k := [2]string{from, to}
	s.queue[k] = append(s.queue[k], m)
}

func (s *sim) drop(who string) {
	for k := range s.queue {
		if k[0] == who || k[1] == who {
			delete(s.queue, k)
		}
	}
}

func (s *sim) living() (list []string) {
	for n := range s.born {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}

// kill ends a node; if the coordinator was there, the lowest living name starts another.
func (s *sim) kill(n string) {
	delete(s.born, n)
	s.drop(n)
	if n != s.boss {
		s.core.Leave(n)
		s.give()
		return
	}
	s.elect()
}

// elect starts a coordinator, which reads the rows.
func (s *sim) elect() {
	s.drop(boss)
	s.boss, s.core = s.living()[0], New(sizes(s.n), 2)
	for p := range s.rows {
		s.core.Count(p)
	}
	for _, n := range s.living() {
		s.send(n, boss, message{what: "here", born: s.born[n]})
	}
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
	node := k[0]
	if node == boss {
		node = k[1]
	}
	switch born := s.born[node]; {
	case born != m.born:
	case m.what == "here":
		if !slices.Contains(s.core.Members(), node) {
			s.core.Join(node)
			s.core.WorkerUp(node, 1)
			s.core.WorkerUp(node, 2)
		}
	case m.what == "give":
		if s.rows[m.piece] == "" { // the transaction: the first one writes the row
			s.rows[m.piece] = node
		}
		s.send(node, boss, message{what: "count", piece: m.piece, born: born})
	case m.what == "count":
		s.core.Count(m.piece)
	}
	s.give()
	return true
}

// give sends what the core wants to be done.
func (s *sim) give() {
	for _, g := range s.core.Next() {
		if s.rows[g.Piece] != "" && slices.Contains(s.core.Counted(), g.Piece) {
			s.t.Fatalf("piece %d counts, and is given again", g.Piece)
		}
		s.send(boss, g.Node, message{what: "give", piece: g.Piece, born: s.born[g.Node]})
	}
}

// check holds after every step.
func (s *sim) check() {
	st, given := s.core.Stats(), 0
	for _, n := range s.core.Members() {
		p, _ := s.core.Load(n)
		given += p
	}
	if st.Pending < 0 || st.Given != given || st.Pending+st.Given+st.Counted != s.n || st.Counted != len(s.core.Counted()) {
		s.t.Fatalf("stats %+v, but %d pieces are with workers", st, given)
	}
	for _, p := range s.core.Counted() {
		if s.rows[p] == "" {
			s.t.Fatalf("piece %d counts, and has no row", p)
		}
	}
}

// Whatever is killed, and when: every piece has a row in the end, and no piece that counts is given again.
func TestRandomKills(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomKills(t, seed) })
	}
}

func randomKills(t *testing.T, seed uint64) {
	s := newSim(t, seed)
	kills := s.rng.IntN(12)
	for step := 0; ; step++ {
		if step > 100_000 {
			t.Fatalf("no end: %+v", s.core.Stats())
		}
		moved := s.deliver()
		s.check()
		switch {
		case kills > 0 && len(s.born) > 1 && s.rng.IntN(25) == 0:
			kills--
			was := s.core.Stats().Counted
			living := s.living()
			s.kill(living[s.rng.IntN(len(living))])
			if s.core.Stats().Counted < was {
				t.Fatalf("%d pieces counted, %d after a loss", was, s.core.Stats().Counted)
			}
			s.check()
		case s.rng.IntN(10) == 0 && len(s.born) < len(s.names):
			for _, n := range s.names {
				if s.born[n] == 0 {
					s.start(n)
					break
				}
			}
		case !moved && s.core.Done():
			if len(s.rows) != s.n {
				t.Fatalf("%d rows of %d", len(s.rows), s.n)
			}
			return
		case !moved:
			t.Fatalf("nothing moves: %+v", s.core.Stats())
		}
	}
}
