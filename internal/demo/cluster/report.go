// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/internal/demo/index"
	"github.com/banyan-go/banyan/supervisor"
)

// Report is what a node says of itself, a few times a second, as one line of JSON.
type Report struct {
	Node       string
	PID        int // of the operating system
	Neighbours []string
	Done       int64 // bytes of text that the node's workers have counted since it started
	Replicas   int   // of the database's groups that the node has
	Leads      int   // groups that it leads
	Shards     []int
	Processes  int
	Leader     string // who coordinates, as far as this node knows
	Term       int
	Tree       *Branch
	Job        *Progress // from the coordinator's node
	Error      string    // the node cannot go on; it is its last report
}

// Progress is what the coordinator knows.
type Progress struct {
	Phase                           string // see Phases
	Pieces, Pending, Given, Counted int
	Bytes, CountedBytes             int64
	Again                           int // pieces given again since this coordinator began
	Members                         []string
	Load                            map[string]int    // pieces given to each node
	Shards                          map[string]int    // shards placed on each node
	Counts                          map[string]Counts // of each node, from the table: over all its lives
	Trouble                         string            // why collecting the index failed the last time; it is tried again
	Summary                         *index.Summary    // when Phase is PhaseDone
}

// The phases of a job.
const (
	PhasePlan    = "listing the files"
	PhaseIndex   = "indexing"
	PhaseCollect = "collecting the index"
	PhaseDone    = "done"
)

// Branch is a part of a node's supervision tree.
type Branch struct {
	Name     string
	PID      string
	Super    bool // a supervisor
	Restarts uint64
	Queue    int
	Turns    uint64
	Children []Branch
}

// progress asks the coordinator of this node.
type progress struct{}

// Immutable marks it as safe to share: it is made for one answer.
func (Progress) Immutable() {}

// Call tells how far the job is.
func (progress) Call(c *coordinator, _ *banyan.Self) (Progress, error) {
	if c.core == nil {
		return Progress{Phase: PhasePlan}, nil
	}
	s := c.core.Stats()
	p := Progress{Phase: PhaseIndex, Pieces: s.Pieces, Pending: s.Pending, Given: s.Given, Counted: s.Counted,
		Bytes: s.Bytes, CountedBytes: s.CountedBytes, Again: s.Again, Members: c.core.Members(),
		Load: map[string]int{}, Shards: map[string]int{}, Counts: c.sums, Trouble: c.trouble, Summary: c.finished}
	for _, n := range p.Members {
		p.Load[n], _ = c.core.Load(n)
	}
	for _, n := range c.place {
		p.Shards[n]++
	}
	switch {
	case c.finished != nil && c.sums != nil:
		p.Phase = PhaseDone
	case c.core.Done():
		p.Phase = PhaseCollect
	}
	return p, nil
}

// reporter writes reports. It asks its neighbours in the tree and has no part in the work.
type reporter struct {
	e   *env
	out io.Writer
	top banyan.PID
}

const (
	reportEach = 200 * time.Millisecond
	askWait    = 100 * time.Millisecond // whoever is busier than that is left out of a report
)

func newReporter(e *env, out io.Writer) func(context.Context, *banyan.Self) (*reporter, error) {
	return func(_ context.Context, self *banyan.Self) (*reporter, error) {
		self.Every(reportEach, tick{})
		return &reporter{e: e, out: out}, nil
	}
}

// Info writes a report at each tick.
func (r *reporter) Info(self *banyan.Self, _ any) error {
	n := r.e.node
	rep := Report{Node: string(n.Name()), PID: os.Getpid(), Done: r.e.done.Load(),
		Processes: n.Stats().Processes}
	for _, a := range r.e.neighbours() {
		rep.Neighbours = append(rep.Neighbours, string(a))
	}
	quick := banyan.Timeout(askWait)
	if list, err := banyan.Call(self, banyan.At[*host](hostName, ""), owns{}, quick); err == nil {
		rep.Shards = list
	}
	if st, err := db.At("").Status(banyan.Within(self, askWait)); err == nil {
		rep.Replicas = len(st.Groups)
		for _, g := range st.Groups {
			if g.Leader == st.Node {
				rep.Leads++
			}
		}
	}
	if l, err := banyan.Call(self, banyan.At[*keeper](keeperName, ""), who{}, quick); err == nil {
		rep.Leader, rep.Term = string(l.Node), l.Term
	}
	if rep.Leader == rep.Node {
		if p, err := banyan.Call(self, banyan.At[*coordinator](coordinatorName, ""), progress{}, quick); err == nil {
			rep.Job = &p
		}
	}
	if top, ok := n.Whereis(topName); ok {
		b := r.branch(self, string(topName), top, true, 0)
		rep.Tree = &b
	}
	return writeReport(r.out, rep)
}

func writeReport(w io.Writer, r Report) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("writing a report to the launcher: %w", err)
	}
	return nil
}

// branch describes a process and, if it is a supervisor, what is below it.
func (r *reporter) branch(self *banyan.Self, name string, pid banyan.PID, super bool, restarts uint64) Branch {
	b := Branch{Name: name, PID: pid.String(), Super: super, Restarts: restarts}
	if i, ok := r.e.node.Info(pid); ok {
		b.Queue, b.Turns = i.Queue, i.Turns
	}
	if !super {
		return b
	}
	ref, err := banyan.RefOf[*supervisor.Server](r.e.node, pid)
	if err != nil {
		return b
	}
	children, err := supervisor.Which(self, ref, banyan.Timeout(askWait))
	if err != nil {
		return b
	}
	for _, c := range children {
		b.Children = append(b.Children, r.branch(self, c.ID, c.PID, c.Kind == supervisor.KindSupervisor, c.Restarts))
	}
	return b
}
