// SPDX-License-Identifier: Apache-2.0

package box

import "time"

// kinds are the kinds of files that a node has. Damage in the first two may make the log store forget its end without a word: pebble cannot tell it
// from a write that was torn if it is in the last 32 KiB of its log, nor anywhere in its manifest. A replica then forgets what it said
// last, and may say the contrary; the host notices if its state or its leader knows more. That is more than raft can bear while others come and go,
// so those two are only tried in calm.
var kinds = []string{"log/.log", "log/MANIFEST", "log/.sst", "log/OPTIONS", "state/.sst", "state/MANIFEST", "state/OPTIONS"}

// apart are the first kinds, which the nemesis leaves alone.
const apart = 2

// scenario plans the faults that the options name.
func (s *Sim) scenario() {
	n := s.nodes[0]
	for i := range s.o.Cuts {
		s.after(s.o.Length*time.Duration(i+1)/time.Duration(s.o.Cuts+1), s.planCut)
	}
	if s.o.Damage != "" {
		s.after(s.o.Length/6, func() { n.hasty = true; n.crash() }) // from then on its log has sorted tables, too
		s.after(s.o.Length/3, func() { s.damage(n, s.o.Damage) })
	}
	if s.o.Full {
		s.after(s.o.Length/3, func() { s.fill(n, s.o.Length/3) })
	}
}

// planCut lets the power go at one of the next syncs of some node, before it or after it, and at the latest in half a second. Nobody keeps what was not
// synced.
func (s *Sim) planCut() {
	n := s.nodes[s.rng.IntN(len(s.nodes))]
	if l := s.leader(1 + uint64(s.rng.IntN(s.o.Groups))); l != nil && s.chance(50) {
		n = l
	}
	if !n.up {
		s.powerCut()
		return
	}
	n.power = true
	n.disk.crashAt, n.disk.after, n.disk.keep = n.disk.syncs+1+s.rng.IntN(6), s.chance(30), 0
	s.note("the power will go at sync %d of node %d", n.disk.crashAt, n.id)
	s.after(500*time.Millisecond, func() {
		if n.power && n.up {
			n.crash()
		}
	})
}

// powerCut ends all nodes at once.
func (s *Sim) powerCut() {
	s.note("the power goes")
	s.stats.PowerCuts++
	for _, n := range s.nodes {
		if n.up {
			n.hasty = true
			n.crash()
		}
	}
}

// damage flips a bit in one of the node's files while it is down.
func (s *Sim) damage(n *node, kind string) {
	if !s.mayLose(n) {
		return
	}
	n.hasty = true
	n.crash()
	hit := n.disk.rot(kind)
	s.note("a bit of node %d flips: %s", n.id, hit)
	if hit == "" {
		return
	}
	n.rotten = true
	s.stats.Damages++
	s.stats.Losses++
}

// fill lets the node's disk be full for a while.
func (s *Sim) fill(n *node, d time.Duration) {
	if !n.up {
		return
	}
	s.note("the disk of node %d is full for %v", n.id, d)
	s.stats.Full++
	n.full = s.now + d
	n.disk.mu.Lock()
	n.disk.full = true
	n.disk.mu.Unlock()
}

// jump moves a node's clock forward.
func (s *Sim) jump(n *node) {
	ticks := 1 + s.rng.IntN(40)
	s.note("the clock of node %d jumps by %d ticks", n.id, ticks)
	s.stats.Jumps++
	for range ticks {
		n.do(func() { n.core.Tick() })
	}
}
