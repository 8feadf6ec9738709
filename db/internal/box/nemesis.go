// SPDX-License-Identifier: Apache-2.0

package box

import (
	"time"

	"github.com/banyan-go/banyan/db/internal/state"
)

// mood is what the nemesis of a run likes best: faults that come together find more than the same ones apart.
type mood int

const (
	mixed     mood = iota
	elections      // many campaigns, voters that crash, leaders that stand still
	moves          // members change while the network splits
	crashes        // of everybody, at every sync
	corners        // the one replica that knows is away
	moods
)

// nemesis plans the faults, several at a time.
func (s *Sim) nemesis() {
	s.mood = mood(s.o.Seed % uint64(moods))
	end := s.now + s.o.Length
	longest := 2500 * time.Millisecond
	switch {
	case s.mood == elections || s.mood == crashes:
		longest = 800 * time.Millisecond
	case s.o.Traders > 0: // whose runs are shorter
		longest = 1200 * time.Millisecond
	}
	var next func()
	next = func() {
		if s.now < end {
			s.fault()
			s.after(s.between(20*time.Millisecond, longest), next)
		}
	}
	s.after(s.between(0, time.Second), next)
}

func (s *Sim) fault() {
	n := s.nodes[s.rng.IntN(len(s.nodes))]
	if s.chance(40) { // whoever leads is the best target
		if l := s.leader(1 + uint64(s.rng.IntN(s.o.Groups))); l != nil {
			n = l
		}
	}
	if s.chance(50) {
		switch s.mood {
		case elections:
			s.election(n)
			return
		case moves:
			s.plan.move = 1 + uint64(s.rng.IntN(s.o.Groups))
			return
		case crashes:
			s.crashAtSync(n)
			return
		case corners:
			s.corner()
			return
		}
	}
	s.anyFault(n)
}

func (s *Sim) anyFault(n *node) {
	switch s.rng.IntN(24) {
	case 0, 1:
		if n.up {
			n.crash()
		}
	case 2, 3, 4:
		s.crashAtSync(n)
	case 5:
		s.note("the power goes")
		for _, m := range s.nodes {
			if m.up {
				m.crash()
			}
		}
	case 6:
		if n.up && n.disk.failAt == 0 && s.chance(50) {
			s.stats.Failures++
			n.disk.failAt = n.disk.syncs + 1 + s.rng.IntN(20)
			s.note("node %d: sync %d will fail", n.id, n.disk.failAt)
		}
	case 7:
		s.loseDisk(n)
	case 8, 9:
		s.partition(n, s.rng.IntN(5))
	case 10:
		s.net.heal()
		s.note("the network heals")
	case 11:
		s.net.loss, s.net.copy, s.net.slow = s.rng.IntN(30), s.rng.IntN(20), s.between(0, 300*time.Millisecond)
		s.note("loss %d, copies %d, delay %v", s.net.loss, s.net.copy, s.net.slow)
	case 12:
		if n.up && n.paused <= s.now {
			n.pause(s.between(100*time.Millisecond, 4*time.Second))
		}
	case 13:
		n.slow = s.between(0, 400*time.Millisecond)
		s.after(s.between(time.Second, 5*time.Second), func() { n.slow = 0 })
		s.note("node %d: its disk takes %v", n.id, n.slow)
	case 14, 15:
		s.plan.move = 1 + uint64(s.rng.IntN(s.o.Groups))
	case 16:
		s.transfer()
	case 17:
		if n.up {
			n.do(func() { n.core.Flush(nil) })
		}
	case 18:
		n.lag = s.between(0, 500*time.Millisecond)
		s.after(s.between(time.Second, 5*time.Second), func() { n.lag = 0 })
		s.note("node %d: it applies %v late", n.id, n.lag)
	case 19:
		s.election(n)
	case 20:
		s.fill(n, s.between(100*time.Millisecond, 5*time.Second))
	case 21:
		s.damage(n, kinds[apart+s.rng.IntN(len(kinds)-apart)])
	case 22:
		s.jump(n)
	case 23:
		if n.up {
			s.note("the disk of node %d gives nothing back", n.id)
			n.disk.mu.Lock()
			n.disk.noReads = true
			n.disk.mu.Unlock()
		}
	}
}

// leader is the node that leads a group, nil if none does.
func (s *Sim) leader(g uint64) *node {
	for _, n := range s.nodes {
		if st, ok := n.status(g); ok && st.Leading && n.paused <= s.now {
			return n
		}
	}
	return nil
}

// election lets several nodes believe that another is dead, while votes are on their way and voters crash.
func (s *Sim) election(dead *node) {
	s.note("an election, without node %d", dead.id)
	if s.chance(50) {
		s.net.slow = s.between(0, 400*time.Millisecond)
	}
	for _, n := range s.nodes {
		if n == dead || !n.up || n.paused > s.now {
			continue
		}
		n.do(func() { n.core.PeerDown(dead.id) })
		if n.up && s.chance(40) {
			n.hasty = true
			s.crashAtSync(n)
			n.disk.after = s.chance(80)
		}
	}
	if s.chance(40) {
		n := s.nodes[s.rng.IntN(len(s.nodes))]
		n.lag = s.between(100*time.Millisecond, time.Second)
		s.after(s.between(time.Second, 3*time.Second), func() { n.lag = 0 })
	}
	switch {
	case !dead.up:
	case s.chance(50):
		dead.hasty, dead.trap = true, s.chance(70)
		dead.crash()
	case s.chance(70):
		dead.pause(s.between(100*time.Millisecond, 3*time.Second))
	}
}

// corner brings a group into the position where only one replica that is in reach has what was committed, and takes that one away: first one
// member is cut off for a while, then another one loses its disk or its memory, and the leader is cut off.
func (s *Sim) corner() {
	g := 1 + uint64(s.rng.IntN(s.o.Groups))
	a := s.leader(g)
	if a == nil {
		return
	}
	st, _ := a.status(g)
	var others []*node
	for _, m := range st.Conf.Members {
		if m.Node != a.id {
			others = append(others, s.nodes[m.Node-1])
		}
	}
	if len(others) < 2 {
		return
	}
	s.rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	b, c := others[0], others[1]
	s.note("a corner for group %d: %v, %v, %v", g, a, b, c)
	s.partition(c, 0)
	s.after(s.between(300*time.Millisecond, 2*time.Second), func() {
		if s.calm {
			return
		}
		s.partition(a, 0)
		if s.chance(60) {
			s.loseDisk(b)
		} else if b.up {
			b.hasty = true
			b.crash()
		}
		s.after(s.between(2*time.Second, 4*time.Second), s.net.heal)
	})
}

// changed is when a configuration has changed somewhere: the worst moment for the network to split, most of all between those who
// know and those who do not.
func (s *Sim) changed(n *node, group uint64, conf state.Conf) {
	if s.mood != moves || s.calm || s.now < 6*time.Second || len(conf.Members) == 0 || !s.chance(40) {
		return
	}
	newest := s.nodes[conf.Members[len(conf.Members)-1].Node-1]
	s.after(s.between(0, time.Millisecond), func() {
		if s.calm {
			return
		}
		if s.partition(n, 4); s.chance(70) {
			for _, a := range s.nodes {
				for _, b := range s.nodes {
					s.net.cut[[2]uint64{a.id, b.id}] = (a == n || a == newest) != (b == n || b == newest)
				}
			}
		}
		s.after(s.between(time.Second, 4*time.Second), s.net.heal)
	})
}

// crashAtSync lets the node crash at one of its next syncs, before or after it, with some of what was not synced.
func (s *Sim) crashAtSync(n *node) {
	if !n.up || n.disk.crashAt > n.disk.syncs {
		return
	}
	d := n.disk
	d.crashAt, d.after, d.keep = d.syncs+1+s.rng.IntN(6), s.chance(30), s.rng.IntN(3)*50
	if d.keep > 0 && !d.after {
		s.stats.TornCrashes++
	}
	s.note("node %d will crash at sync %d, keeping %d %%", n.id, d.crashAt, d.keep)
}

// mayLose reports whether a node may lose its disk: not as long as another loss is being made good. A majority that has lost its disks has lost the
// data, and no host can help that.
func (s *Sim) mayLose(n *node) bool {
	if !n.up || !s.plan.settled() {
		return false
	}
	for _, o := range s.nodes {
		if o.rotten || o.wiped {
			return false
		}
	}
	for g := uint64(1); g <= uint64(s.o.Groups); g++ {
		l := s.leader(g)
		if l == nil {
			return false
		}
		st, _ := l.status(g)
		if st.Conf.Joint() || len(st.Conf.Members) != voters {
			return false
		}
		for _, mem := range st.Conf.Members {
			if o := s.nodes[mem.Node-1]; mem.Store != o.store {
				return false // one that was lost before is still a member
			}
		}
	}
	return true
}

// loseDisk takes a node's disk, if it may.
func (s *Sim) loseDisk(n *node) {
	if !s.mayLose(n) {
		return
	}
	for g := uint64(1); g <= uint64(s.o.Groups); g++ {
		if st, ok := n.status(g); ok {
			s.plan.lost[[2]uint64{g, st.Replica}] = true
		}
	}
	n.wipe()
}

func (s *Sim) partition(n *node, kind int) {
	s.stats.Partitions++
	clear(s.net.cut)
	half := map[*node]bool{}
	for _, i := range s.rng.Perm(len(s.nodes))[:len(s.nodes)/2] {
		half[s.nodes[i]] = true
	}
	for _, a := range s.nodes {
		for _, b := range s.nodes {
			k := [2]uint64{a.id, b.id}
			switch kind {
			case 0: // the node alone
				s.net.cut[k] = (a == n) != (b == n)
			case 1: // it does not hear
				s.net.cut[k] = b == n && a != n
			case 2: // it is not heard
				s.net.cut[k] = a == n && b != n
			case 3: // some link, one way
				s.net.cut[k] = a != b && s.chance(30)
			case 4: // in halves
				s.net.cut[k] = half[a] != half[b]
			}
		}
	}
	s.note("partition of kind %d around node %d", kind, n.id)
}

func (s *Sim) transfer() {
	g := 1 + uint64(s.rng.IntN(s.o.Groups))
	if n := s.leader(g); n != nil {
		st, _ := n.status(g)
		to := st.Conf.Members[s.rng.IntN(len(st.Conf.Members))].Replica
		s.note("group %d shall be led by %d", g, to)
		n.do(func() { _ = n.core.Transfer(g, to) }) // a wish
	}
}

// heal ends all faults.
func (s *Sim) heal() {
	s.note("everything heals")
	s.calm = true
	s.net.heal()
	for _, n := range s.nodes {
		n.slow, n.lag = 0, 0
		n.disk.mu.Lock()
		n.disk.crashAt, n.disk.failAt, n.disk.full, n.disk.noReads, n.full, n.power = 0, 0, false, false, 0, false
		n.disk.mu.Unlock()
	}
}
