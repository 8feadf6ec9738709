// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/demo/index"
	"github.com/banyan-go/banyan/internal/demo/job"
)

// coordinator hands out the work. What it decides is package job's; it brings the messages.
type coordinator struct {
	e    *env
	lead lead

	plan     *index.Plan
	planData []byte
	digest   string
	core     *job.Core
	results  map[int][]byte // in hand: arrived, and not yet copied to all
	members  map[string]*member
	byStore  map[banyan.PID]*member
	watched  map[banyan.Reference]workerAt // monitors of workers
	missing  []workerAt                    // workers to look for again
	place    map[int]string
	collect  banyan.PID // the collector; zero: none runs
	trouble  string     // why the last one failed
	finished *index.Summary
}

func newCoordinator(e *env, term int) func(context.Context, *banyan.Self) (*coordinator, error) {
	return func(_ context.Context, self *banyan.Self) (*coordinator, error) {
		c := &coordinator{e: e, lead: lead{term, e.node.Name(), self.PID()}, results: map[int][]byte{},
			members: map[string]*member{}, byStore: map[banyan.PID]*member{},
			watched: map[banyan.Reference]workerAt{}, place: map[int]string{}}
		self.MonitorNodes(true)
		banyan.CastAfter(self, 0, begin{})
		return c, nil
	}
}

// begin is the coordinator's first message to itself: its start must not wait for the disk.
type begin struct{}

// Cast takes the plan from the store of this node, or makes it, and looks for members.
func (begin) Cast(c *coordinator, self *banyan.Self) error {
	h, err := banyan.Call(self, banyan.At[*store](storeName, ""), stored{})
	if err != nil {
		return err
	}
	if h.Digest != "" {
		c.planData = h.Plan
		c.plan, err = index.DecodePlan(h.Plan)
	} else if c.plan, err = index.Walk(c.e.Dir); err == nil {
		c.planData, err = c.plan.Encode()
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(c.planData)
	c.digest = hex.EncodeToString(sum[:8])
	sizes := make([]int64, len(c.plan.Pieces))
	for i, p := range c.plan.Pieces {
		sizes[i] = p.Bytes
	}
	c.core = job.New(sizes, c.e.Name, window)
	c.e.log.Info("coordinating", "term", c.lead.Term, "pieces", len(sizes), "copies here", h.Pieces)
	self.Every(500*time.Millisecond, look{})
	c.greet(self)
	return nil
}

// look is the coordinator's time to look after members and copies.
type look struct{}

// Info handles timers, and what the monitors tell.
func (c *coordinator) Info(self *banyan.Self, m any) error {
	if c.core == nil {
		return nil
	}
	switch m := m.(type) {
	case look:
		c.greet(self)
		c.rewatch(self)
		for _, b := range c.members {
			if time.Since(b.moved) < patience {
				continue
			}
			b.moved = time.Now()
			if err := c.carryOut(self, c.core.AskAgain(b.node)); err != nil {
				return err
			}
		}
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
		if b := c.byStore[m.PID]; b != nil && b.monitor == m.Monitor {
			return c.leave(self, b, m.Reason)
		}
		if m.PID == c.collect && c.finished == nil { // it tried, and something was lost on the way
			c.collect = banyan.PID{}
			c.e.log.Info("collecting the index is to be done again", "reason", m.Reason)
			if m.Reason != banyan.ErrKilled {
				c.trouble = m.Reason.Error()
			}
		}
	}
	return nil
}

// Cast takes a piece's result from a worker.
func (m result) Cast(c *coordinator, self *banyan.Self) error {
	if c.core == nil || m.Piece < 0 || m.Piece >= len(c.plan.Pieces) {
		return nil
	}
	if _, ok := c.results[m.Piece]; !ok {
		c.results[m.Piece] = m.Data
	}
	if err := c.carryOut(self, c.core.Arrived(m.Piece)); err != nil {
		return err
	}
	return c.next(self)
}

// Cast notes a copy.
func (m kept) Cast(c *coordinator, self *banyan.Self) error {
	b := c.byStore[m.Store]
	if c.core == nil || b == nil || m.Plan != c.digest {
		return nil
	}
	b.moved = time.Now()
	if err := c.carryOut(self, c.core.Kept(m.Piece, b.node)); err != nil {
		return err
	}
	return c.next(self)
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
	if err := c.carryOut(self, c.core.Next()); err != nil {
		return err
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
	synced := c.core.Synced()
	if !c.collect.IsZero() && c.stands(synced) {
		return // no shard moves for the sake of an even spread while they are read
	}
	place := job.Place(c.e.Shards, synced, c.place)
	if maps.Equal(place, c.place) {
		return
	}
	c.place = place
	if !c.collect.IsZero() { // it reads where shards are no more: its Down starts another
		c.try(self, c.lead.Node, banyan.SendExit(self, c.collect, banyan.ErrKill))
	}
	for _, b := range c.members {
		var list []int
		for s := range c.e.Shards {
			if place[s] == b.node {
				list = append(list, s)
			}
		}
		c.try(self, b.store.Node, castTo[*store](self, b.store, own{c.lead, list}))
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

// carryOut does what the core asks for.
func (c *coordinator) carryOut(self *banyan.Self, effects []job.Effect) error {
	for _, e := range effects {
		switch e.Do {
		case job.Give:
			m := work{e.Piece, c.plan.Pieces[e.Piece].First, c.plan.Paths(e.Piece), c.take(e.Piece), self.PID()}
			to := banyan.At[*worker](workerName(e.Worker), banyan.Atom(e.Node))
			c.try(self, banyan.Atom(e.Node), banyan.Cast(banyan.Within(self, later), to, m))
		case job.Copy:
			to := c.members[e.Node]
			if to == nil {
				continue
			}
			if e.From == "" {
				c.try(self, to.store.Node, castTo[*store](self, to.store, keep{c.digest, e.Piece, c.results[e.Piece]}))
			} else if from := c.members[e.From]; from != nil {
				c.try(self, from.store.Node, castTo[*store](self, from.store, pass{c.digest, e.Piece, to.store}))
			}
		case job.Count, job.Drop:
			delete(c.results, e.Piece)
		default:
			return fmt.Errorf("the core asks for something unknown: %+v", e)
		}
	}
	return nil
}
