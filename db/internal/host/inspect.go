// SPDX-License-Identifier: Apache-2.0

package host

import (
	"cmp"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

// Status is what a replica looks like from outside.
type Status struct {
	Group, Replica   uint64
	Term, Lead       uint64
	Leading, Quiet   bool
	Commit           uint64
	Applied          state.Applied
	Durable          uint64
	Start, Last      raftlog.Mark
	Conf             state.Conf
	Waiting, Reading int
	// Installing: a snapshot is replacing state and log, which may be apart meanwhile.
	Installing bool
	// Progress, of a leader, is how far each replica has come, by rising id.
	Progress []Progress
	// Refused says why the replica does not run; empty if it does.
	Refused string
}

// Progress is a replica as its leader sees it. It has the log up to Match; Silent is how many ticks ago its node was heard last.
type Progress struct {
	Replica uint64
	Match   uint64
	Silent  int
}

// Status describes the replica of a group that is here.
func (c *Core) Status(group uint64) (Status, bool) {
	r := c.groups[group]
	if r == nil {
		return Status{}, false
	}
	st := Status{Group: group, Replica: r.id, Term: r.term, Lead: r.lead, Leading: r.leading, Quiet: r.quiet, Commit: r.commit,
		Applied: r.applied, Durable: r.durable, Start: r.log.Start(), Last: r.log.Last(), Conf: r.conf,
		Waiting: len(r.waiters), Reading: len(r.reads) + len(r.asking), Installing: r.paused, Refused: r.why}
	if r.leading {
		r.rn.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
			m, _ := r.conf.Member(id)
			st.Progress = append(st.Progress, Progress{Replica: id, Match: p.Match, Silent: c.Silent(m.Node)})
		})
		slices.SortFunc(st.Progress, func(a, b Progress) int { return cmp.Compare(a.Replica, b.Replica) })
	}
	return st, true
}

// Silent is for how many ticks nothing has been heard of a node. Of one that was never heard it is as many as the core has lived.
func (c *Core) Silent(node uint64) int {
	if node == c.cfg.Node {
		return 0
	}
	if p := c.peers[node]; p != nil {
		return p.silent
	}
	return int(min(c.ticks, 1<<30))
}

// Groups lists the groups that have a replica here, by rising number.
func (c *Core) Groups() []uint64 {
	g := make([]uint64, len(c.order))
	for i, r := range c.order {
		g[i] = r.group
	}
	return g
}

// Entries reads a part of a group's durable log, from lo to before hi.
func (c *Core) Entries(group, lo, hi uint64) ([]*pb.Entry, error) {
	r := c.groups[group]
	if r == nil {
		return nil, ErrNoGroup
	}
	return r.log.Entries(lo, hi, 1<<62)
}
