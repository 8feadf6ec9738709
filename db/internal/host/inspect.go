// SPDX-License-Identifier: Apache-2.0

package host

import (
	pb "go.etcd.io/raft/v3/raftpb"

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
	// Refused says why the replica does not run; empty if it does.
	Refused string
}

// Status describes the replica of a group that is here.
func (c *Core) Status(group uint64) (Status, bool) {
	r := c.groups[group]
	if r == nil {
		return Status{}, false
	}
	return Status{Group: group, Replica: r.id, Term: r.term, Lead: r.lead, Leading: r.leading, Quiet: r.quiet, Commit: r.commit,
		Applied: r.applied, Durable: r.durable, Start: r.log.Start(), Last: r.log.Last(), Conf: r.conf,
		Waiting: len(r.waiters), Reading: len(r.reads) + len(r.asking), Installing: r.paused, Refused: r.why}, true
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
