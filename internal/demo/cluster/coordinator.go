// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/demo/index"
	"github.com/banyan-go/banyan/internal/demo/job"
)

// coordinator hands out the work. What it decides is package job's; it brings the messages. All that must not be lost stands in the tables: a new
// coordinator reads them and goes on.
type coordinator struct {
	e    *env
	lead lead

	plan     *index.Plan
	core     *job.Core // nil until the tables are read
	sums     map[string]Counts
	summing  bool // a goroutine reads them
	members  map[string]*member
	byHost   map[banyan.PID]*member
	watched  map[banyan.Reference]workerAt // monitors of workers
	missing  []workerAt                    // workers to look for again
	place    map[int]string
	collect  banyan.PID // the collector; zero: none runs
	trouble  string     // why the last one failed
	finished *index.Summary
}

func newCoordinator(e *env, term int) func(context.Context, *banyan.Self) (*coordinator, error) {
	return func(_ context.Context, self *banyan.Self) (*coordinator, error) {
		c := &coordinator{e: e, lead: lead{term, e.node.Name(), self.PID()}, members: map[string]*member{}, byHost: map[banyan.PID]*member{},
			watched: map[banyan.Reference]workerAt{}, place: map[int]string{}}
		self.MonitorNodes(true)
		me := self.PID()
		self.Go(func(ctx context.Context) error { // neither the disk nor the database is to be waited for by a start
			m := begun{}
			var err error
			if m.row, m.plan, err = e.tables.begin(ctx, func() (*index.Plan, error) { return index.Walk(e.Dir) }); err != nil {
				return err
			}
			if m.done, err = e.tables.done(ctx); err != nil {
				return err
			}
			return castFrom[*coordinator](ctx, e.node, me, m)
		})
		return c, nil
	}
}

// begun brings the coordinator what the tables say.
type begun struct {
	row  jobRow
	plan *index.Plan
	done map[int][]index.FileResult
}

// Immutable marks it as safe to share: it was made for the one who gets it.
func (begun) Immutable() {}

// Cast begins, where the job stands.
func (m begun) Cast(c *coordinator, self *banyan.Self) error {
	c.plan, c.lead.Term = m.plan, m.row.Term
	sizes := make([]int64, len(c.plan.Pieces))
	for i, p := range c.plan.Pieces {
		sizes[i] = p.Bytes
	}
	c.core = job.New(sizes, window)
	for p := range m.done {
		c.core.Count(p)
	}
	if m.row.Done {
		c.finished = &m.row.Index
	}
	c.e.log.Info("coordinating", "term", c.lead.Term, "pieces", len(sizes), "counted", len(m.done))
	self.Every(500*time.Millisecond, look{})
	c.greet(self)
	c.sum(self)
	return nil
}

// look is the coordinator's time to look after members.
type look struct{}

// Info handles timers, and what the monitors tell.
func (c *coordinator) Info(self *banyan.Self, m any) error {
	if c.core == nil {
		return nil
	}
	switch m := m.(type) {
	case look:
		for _, b := range c.members {
			if !c.e.takesPart(banyan.Atom(b.node)) { // it drains: what it has may count yet, but it gets nothing new
				if err := c.leave(self, b, errDrains); err != nil {
					return err
				}
			}
		}
		c.greet(self)
		c.rewatch(self)
		c.sum(self)
		return c.next(self)
	case banyan.NodeUp:
		c.greet(self)
	case banyan.Down:
		if w, ok := c.watched[m.Monitor]; ok {
			delete(c.watched, m.Monitor)
			c.core.WorkerDown(w.node, w.worker)
			if c.members[w.node] != nil {
				c.missing = append(c.missing, w)
			}
			return c.next(self)
		}
		if b := c.byHost[m.PID]; b != nil && b.monitor == m.Monitor {
			return c.leave(self, b, m.Reason)
		}
		if m.PID == c.collect && c.finished == nil { // it tried, and something was lost on the way
			c.collect = banyan.PID{}
			c.e.log.Info("collecting the index is to be done again", "reason", m.Reason)
			if m.Reason != banyan.ErrKilled {
				c.trouble = m.Reason.Error()
			}
			return c.next(self)
		}
	}
	return nil
}

// errDrains: a member's node takes no new work.
var errDrains = errors.New("it drains")

// Cast notes a piece that counts, and tells all.
func (m counts) Cast(c *coordinator, self *banyan.Self) error {
	if c.core == nil || !c.core.Count(m.Piece) {
		return nil
	}
	for _, b := range c.members {
		c.tell(self, b, []int{m.Piece})
	}
	return c.next(self)
}

// sum has the counts read, for those who watch.
func (c *coordinator) sum(self *banyan.Self) {
	if c.summing {
		return
	}
	c.summing = true
	me, e := self.PID(), c.e
	self.Go(func(ctx context.Context) error {
		by, err := e.tables.sums(ctx)
		if err != nil {
			return err
		}
		return castFrom[*coordinator](ctx, e.node, me, summed{by})
	})
}

// summed brings the counts.
type summed struct{ by map[string]Counts }

// Immutable marks it as safe to share: it is made for one.
func (summed) Immutable() {}

// Cast keeps them.
func (m summed) Cast(c *coordinator, _ *banyan.Self) error {
	c.sums, c.summing = m.by, false
	return nil
}

// take is how long a piece is to take at least: its share of the text, of the time of all workers.
func (c *coordinator) take(piece int) time.Duration {
	share := float64(c.plan.Pieces[piece].Bytes) / float64(max(c.plan.Bytes, 1))
	return time.Duration(float64(c.e.Least) * share * float64(c.e.Expect*c.e.Workers))
}

// next gives work, places shards, and has the index collected when all is done.
func (c *coordinator) next(self *banyan.Self) error {
	if c.finished != nil {
		return nil
	}
	for _, g := range c.core.Next() {
		m := work{g.Piece, c.plan.Pieces[g.Piece].First, c.plan.Paths(g.Piece), c.take(g.Piece), self.PID()}
		to := banyan.At[*worker](workerName(g.Worker), banyan.Atom(g.Node))
		c.try(banyan.Atom(g.Node), banyan.Cast(banyan.Within(self, later), to, m))
	}
	c.placeShards(self)
	if !c.core.Done() || !c.collect.IsZero() || len(c.place) == 0 {
		return nil
	}
	pid, err := banyan.Go(self, c.collector(self.PID()))
	if err != nil {
		return err
	}
	c.collect = pid
	self.Monitor(pid)
	return nil
}

// placeShards tells the stores which shards are theirs, when that has changed.
func (c *coordinator) placeShards(self *banyan.Self) {
	members := c.core.Members()
	if !c.collect.IsZero() && c.stands(members) {
		return // no shard moves for the sake of an even spread while they are read
	}
	place := job.Place(c.e.Shards, members, c.place)
	if maps.Equal(place, c.place) {
		return
	}
	c.place = place
	if !c.collect.IsZero() { // it reads where shards are no more: its Down starts another
		c.try(c.lead.Node, banyan.SendExit(self, c.collect, banyan.ErrKill))
	}
	for _, b := range c.members {
		var list []int
		for s := range c.e.Shards {
			if place[s] == b.node {
				list = append(list, s)
			}
		}
		c.try(b.host.Node, castTo[*host](self, b.host, own{c.lead, list}))
	}
}

// stands reports whether every shard is on one of these nodes.
func (c *coordinator) stands(nodes []string) bool {
	for _, n := range c.place {
		if !slices.Contains(nodes, n) {
			return false
		}
	}
	return len(c.place) == c.e.Shards
}
