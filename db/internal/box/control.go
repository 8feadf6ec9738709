// SPDX-License-Identifier: Apache-2.0

package box

import (
	"strings"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/state"
)

// voters is how many replicas of a group vote.
const voters = 3

// control is who decides where replicas are. Here it is one mind that never fails, for what it does wrong is not under test.
type control struct {
	s       *Sim
	lost    map[[2]uint64]bool // group, replica
	learner map[uint64]time.Duration
	busy    map[uint64]time.Duration // group: a change is under way, until then at most
	move    uint64                   // a group that a replica of shall move
	still   bool                     // nothing changes any more: a leader that was removed would have no successor when the run ends
}

func (p *control) createGroups() {
	p.learner, p.busy = map[uint64]time.Duration{}, map[uint64]time.Duration{}
	for g := uint64(1); g <= uint64(p.s.o.Groups); g++ {
		var members []state.Member
		n := voters
		if p.s.o.Single && g%2 == 0 {
			n = 1
		}
		for i := range n {
			at := p.s.nodes[(int(g)+i)%len(p.s.nodes)]
			members = append(members, state.Member{Replica: uint64(i + 1), Node: at.id, Store: at.store})
		}
		for _, m := range members {
			n := p.s.nodes[m.Node-1]
			n.do(func() {
				if err := n.core.Create(g, members); err != nil {
					p.s.violate("create: %v", err)
				}
			})
		}
	}
}

// lose hears of a replica that has lost its log. The box knows whose disk it took: no other may claim so. With most flaws that is not enough: they
// shall be caught by what they make the clients see.
func (p *control) lose(group, replica uint64, why string) {
	if p.s.stats.Losses == 0 && (p.s.o.Flaw == host.NoFlaw || p.s.o.Flaw == host.CutTooFar) {
		p.s.violate("replica %d of group %d is lost, and no disk was: %s", replica, group, why)
	}
	if strings.HasPrefix(why, "raft:") {
		p.s.violate("replica %d of group %d: %s", replica, group, why)
	}
	p.lost[[2]uint64{group, replica}] = true
}

func (p *control) start() { p.s.after(500*time.Millisecond, p.look) }

// settled reports whether nothing has to be replaced.
func (p *control) settled() bool { return len(p.lost) == 0 }

func (p *control) look() {
	p.s.after(500*time.Millisecond, p.look)
	for g := uint64(1); g <= uint64(p.s.o.Groups); g++ {
		for _, n := range p.s.nodes {
			if st, ok := n.status(g); ok && st.Leading && n.paused <= p.s.now {
				p.group(n, st)
				break
			}
		}
	}
}

// group takes the next step for a group: replace what is lost, move what shall move, by way of a learner.
func (p *control) group(n *node, st host.Status) {
	g := st.Group
	for k := range p.lost {
		if _, ok := st.Conf.Member(k[1]); k[0] == g && !ok && k[1] < st.Conf.Next {
			delete(p.lost, k)
		}
	}
	if p.still || p.busy[g] > p.s.now || st.Conf.Joint() {
		return
	}
	change := func(ch host.Change) {
		p.busy[g] = p.s.now + 5*time.Second
		n.do(func() { n.core.Change(g, ch, func(r host.Result) { p.busy[g] = 0 }) })
	}
	var gone, learner uint64
	for _, m := range st.Conf.Members {
		switch {
		case p.lost[[2]uint64{g, m.Replica}]:
			gone = m.Replica
		case !st.Conf.Voter(m.Replica):
			learner = m.Replica
		}
	}
	if gone != 0 && !st.Conf.Voter(gone) {
		change(host.Change{Remove: []uint64{gone}})
		return
	}
	if learner != 0 {
		if p.learner[g] == 0 {
			p.learner[g] = p.s.now
		}
		if p.s.now-p.learner[g] < 2*time.Second {
			return
		}
		if gone == 0 {
			for _, m := range st.Conf.Members {
				if m.Replica != learner && (gone == 0 || p.s.chance(40)) {
					gone = m.Replica
				}
			}
		}
		p.learner[g] = 0
		p.s.stats.Moves++
		change(host.Change{Promote: []uint64{learner}, Remove: []uint64{gone}})
		return
	}
	if gone == 0 && p.move != g {
		return
	}
	if p.move == g {
		p.move = 0
	}
	for _, i := range p.s.rng.Perm(len(p.s.nodes)) {
		to := p.s.nodes[i]
		free := to.up
		for _, m := range st.Conf.Members {
			free = free && (m.Node != to.id || m.Replica == gone && m.Store != to.store)
		}
		if free {
			p.learner[g] = 0
			change(host.Change{Learners: []state.Member{{Node: to.id, Store: to.store}}})
			return
		}
	}
}
