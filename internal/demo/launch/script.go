// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"math/rand/v2"
	"time"
)

// script decides when to kill whom: each node one after the other, at random times while work is going on, and at least
// once the node where the coordinator is.
type script struct {
	rng   *rand.Rand
	kills []planned
	next  int
	hit   map[int]bool // nodes killed so far
	armed time.Time    // when the next kill is due, once its share of the work is done; zero before
}

// planned is one kill.
type planned struct {
	at     float64       // share of the work that counts
	jitter time.Duration // and so long after that was seen
	leader bool          // the coordinator's node, whichever that is
}

func newScript(seed uint64, nodes int) *script {
	s := &script{rng: rand.New(rand.NewPCG(seed, 0x62616e79616e)), hit: map[int]bool{}}
	leader := s.rng.IntN(nodes)
	for i := range nodes {
		// Each in the first half of its own part of the work, so that the one before has time to come back.
		part := 0.9 / float64(nodes)
		s.kills = append(s.kills, planned{
			at:     0.04 + part*(float64(i)+0.5*s.rng.Float64()),
			jitter: time.Duration(s.rng.IntN(200)) * time.Millisecond,
			leader: i == leader,
		})
	}
	return s
}

// situation is what the script looks at.
type situation struct {
	now     time.Time
	share   float64 // of the work that counts
	whole   bool    // all nodes are up and take part, and work is going on
	leader  int     // where the coordinator is
	running int     // number of nodes
}

// step says whom to kill now; -1 nobody.
func (s *script) step(x situation) int {
	if s.next == len(s.kills) || !x.whole {
		return -1
	}
	k := s.kills[s.next]
	if x.share < k.at {
		return -1
	}
	if s.armed.IsZero() {
		s.armed = x.now.Add(k.jitter)
	}
	if x.now.Before(s.armed) {
		return -1
	}
	victim := x.leader
	if !k.leader {
		var list []int
		for n := range x.running {
			if !s.hit[n] && n != x.leader {
				list = append(list, n)
			}
		}
		if len(list) > 0 {
			victim = list[s.rng.IntN(len(list))]
		}
	}
	s.hit[victim] = true
	s.next++
	s.armed = time.Time{}
	return victim
}

// left is how many kills are still to come.
func (s *script) left() int { return len(s.kills) - s.next }
