// SPDX-License-Identifier: Apache-2.0

package box

import (
	"errors"
	"hash/fnv"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// place is an index of a group's log.
type place struct{ group, index uint64 }

// entry is what is at it.
type entry struct {
	term uint64
	data uint64 // a digest
}

// seen is how far the checker has looked at a replica.
type seen struct {
	replica          uint64
	applied, durable uint64
	term             uint64
}

// checker holds what must always be true, as far as it has been seen.
type checker struct {
	s         *Sim
	leaders   map[[2]uint64]uint64           // group, term: replica
	matching  map[[2]uint64]map[uint64]entry // group, term: index: what any durable log has there
	committed map[place]entry
	highest   map[uint64]raftlog.Mark // group: the highest index that was applied anywhere, and the term in which it was known to be committed
	digests   map[place]int64         // of the state
	confs     map[place]string
	looked    map[[2]uint64]seen // node, group
}

func newChecker(s *Sim) checker {
	return checker{s: s, leaders: map[[2]uint64]uint64{}, matching: map[[2]uint64]map[uint64]entry{}, committed: map[place]entry{},
		highest: map[uint64]raftlog.Mark{}, digests: map[place]int64{}, confs: map[place]string{}, looked: map[[2]uint64]seen{}}
}

// leader: at most one for each term; and it has everything that was committed before.
func (c *checker) leader(n *node, group, term uint64, here bool) {
	if !here {
		return
	}
	st, _ := n.core.Status(group)
	k := [2]uint64{group, term}
	if old, ok := c.leaders[k]; ok && old != st.Replica {
		c.s.violate("group %d has two leaders in term %d: replicas %d and %d", group, term, old, st.Replica)
	}
	c.leaders[k] = st.Replica
	hi := c.highest[group]
	if hi.Term >= term { // it may have been committed by a later leader, while the votes for this one were on their way
		return
	}
	want := c.committed[place{group, hi.Index}]
	if st.Last.Index < hi.Index {
		c.s.violate("group %d: leader %d of term %d ends at %d, and %d was committed", group, st.Replica, term, st.Last.Index, hi.Index)
	} else if ents, err := n.core.Entries(group, hi.Index, hi.Index+1); err == nil && ents[0].GetTerm() != want.term {
		c.s.violate("group %d: leader %d of term %d has term %d at %d, where term %d was committed", group, st.Replica, term, ents[0].GetTerm(), hi.Index, want.term)
	}
}

func (c *checker) conf(n *node, group, index uint64, conf state.Conf) {
	if index == 0 {
		return
	}
	p, now := place{group, index}, string(conf.Encode())
	if old, ok := c.confs[p]; ok && old != now {
		c.s.violate("node %d: group %d has another configuration at %d than before", n.id, group, index)
	}
	c.confs[p] = now
}

// all looks at everything that is new after an event.
func (c *checker) all() {
	for _, n := range c.s.nodes {
		if !n.up {
			continue
		}
		for _, g := range n.core.Groups() {
			st, _ := n.core.Status(g)
			if st.Refused == "" {
				c.logs(n, g, st)
			}
		}
	}
}

// logs: two logs that have an entry of one index and term have the same one, and the same before it.
func (c *checker) logs(n *node, g uint64, st host.Status) {
	k := [2]uint64{n.id, g}
	was := c.looked[k]
	if was.replica != st.Replica || was.durable > st.Last.Index || was.term != st.Term {
		was = seen{replica: st.Replica, term: st.Term, applied: was.applied}
	}
	lo := max(was.durable, st.Start.Index) + 1
	if st.Last.Index >= lo {
		ents, err := n.core.Entries(g, lo, st.Last.Index+1)
		if err != nil {
			if !n.excused() {
				c.s.violate("node %d: group %d: log from %d: %v", n.id, g, lo, err)
			}
			return
		}
		for i, e := range ents {
			if i > 0 && ents[i-1].GetTerm() > e.GetTerm() {
				c.s.violate("node %d: group %d: term %d at %d, behind term %d", n.id, g, e.GetTerm(), e.GetIndex(), ents[i-1].GetTerm())
			}
			t := [2]uint64{g, e.GetTerm()}
			if c.matching[t] == nil {
				c.matching[t] = map[uint64]entry{}
			}
			now := entry{e.GetTerm(), digest(e.GetData())}
			if old, ok := c.matching[t][e.GetIndex()]; ok && old != now {
				c.s.violate("node %d: group %d: two entries at %d in term %d", n.id, g, e.GetIndex(), e.GetTerm())
			}
			c.matching[t][e.GetIndex()] = now
		}
	}
	was.durable = st.Last.Index
	c.looked[k] = was
}

func digest(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

// applied: what is applied at an index is the same everywhere and for ever, and so is the state behind it.
func (c *checker) applied(n *node) {
	if !n.up {
		return
	}
	for _, g := range n.core.Groups() {
		st, _ := n.core.Status(g)
		at := st.Applied.Index
		if at == 0 || st.Refused != "" || st.Installing {
			continue
		}
		k := [2]uint64{n.id, g}
		was := c.looked[k]
		if was.replica != st.Replica || was.applied > at {
			was.applied = 0
		}
		for i := max(was.applied, st.Start.Index) + 1; i <= at; i++ {
			ents, err := n.core.Entries(g, i, i+1)
			if err != nil {
				if !n.excused() {
					c.s.violate("node %d: group %d: applied entry %d: %v", n.id, g, i, err)
				}
				return
			}
			now := entry{ents[0].GetTerm(), digest(ents[0].GetData())}
			if old, ok := c.committed[place{g, i}]; ok && old != now {
				c.s.violate("node %d: group %d applies %+v at %d, where %+v was committed", n.id, g, now, i, old)
			}
			c.committed[place{g, i}] = now
		}
		if was.replica == st.Replica && was.applied == at {
			continue
		}
		if c.highest[g].Index < at {
			c.highest[g] = raftlog.Mark{Index: at, Term: st.Term}
		}
		was.replica, was.applied = st.Replica, at
		c.looked[k] = was
		c.state(n, g)
	}
}

func (c *checker) state(n *node, g uint64) {
	at, _, err := n.state.Load(g) // the lane may be ahead of the core
	d, err2 := readRow(n.state.Reader(), c.s.digestKey(g))
	if err = errors.Join(err, err2); err != nil {
		if !n.excused() {
			c.s.violate("node %d: state of group %d: %v", n.id, g, err)
		}
		return
	}
	p := place{g, at.Index}
	if old, ok := c.digests[p]; ok && old != d {
		c.s.violate("node %d: group %d has another state at %d than before: %x, not %x", n.id, g, at.Index, uint64(d), uint64(old))
	}
	c.digests[p] = d
}

// digestKey is the row of a group's digest.
func (s *Sim) digestKey(group uint64) []byte {
	if s.o.Traders > 0 {
		return txn.MarkKey(group, digests)
	}
	return rowKey(group, 'd', 0)
}

// end: everybody has come to the same, and every key's history is linearizable.
func (c *checker) end() {
	s := c.s
	if s.broken != nil {
		return
	}
	for g := uint64(1); g <= uint64(s.o.Groups); g++ {
		leaders, at, conf := 0, raftlog.Mark{}, state.Conf{}
		for _, n := range s.nodes {
			st, ok := n.status(g)
			if ok && st.Leading {
				leaders++
				at, conf = raftlog.Mark(st.Applied), st.Conf
			}
		}
		if leaders != 1 {
			for _, n := range s.nodes {
				st, _ := n.status(g)
				s.note("%v: %+v", n, st)
			}
			s.stalled("group %d has %d leaders after everything has healed", g, leaders)
			return
		}
		for _, n := range s.nodes {
			st, ok := n.status(g)
			if _, member := conf.Member(st.Replica); ok && member && raftlog.Mark(st.Applied) != at {
				s.stalled("node %d: replica %d of group %d is at %+v after everything has healed, its leader at %+v", n.id, st.Replica, g, st.Applied, at)
			}
		}
	}
	if s.o.Traders == 0 && s.stats.Done < 20 {
		s.stalled("only %d operations came through", s.stats.Done)
	}
	switch porcupine.CheckOperationsTimeout(model, s.load.history, 2*time.Minute) {
	case porcupine.Illegal:
		s.violate("a key's history is not linearizable")
	case porcupine.Unknown:
		s.stalled("the histories are too long to be checked")
	}
}

func (n *node) status(g uint64) (host.Status, bool) {
	if !n.up {
		return host.Status{}, false
	}
	return n.core.Status(g)
}
