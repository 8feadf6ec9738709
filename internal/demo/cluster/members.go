// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// member is a store that takes part.
type member struct {
	node    string
	store   banyan.PID
	monitor banyan.Reference
	moved   time.Time // when it last acknowledged a copy
}

// patience is how long a member may acknowledge nothing before the copies that it lacks are sent again: a message may have
// been lost with a link that is back already.
const patience = 2 * time.Second

type workerAt struct {
	node   string
	worker int
}

// greet tells all nodes who coordinates, and asks their stores to take part.
func (c *coordinator) greet(self *banyan.Self) {
	for _, n := range append(c.e.neighbours(), c.e.node.Name()) {
		c.try(self, n, banyan.Cast(banyan.Within(self, later), banyan.At[*keeper](keeperName, n), tell{Lead: c.lead}))
		if c.members[string(n)] == nil {
			c.try(self, n, banyan.Cast(banyan.Within(self, later), banyan.At[*store](storeName, n), hello{c.lead}))
		}
	}
}

// try notes a message that could not be sent. It is sent again, or its node is lost and a Down message comes.
func (c *coordinator) try(_ *banyan.Self, to banyan.Atom, err error) {
	if err != nil {
		c.e.log.Info("not sent", "to", string(to), "error", err)
	}
}

// Cast makes a store a member.
func (m here) Cast(c *coordinator, self *banyan.Self) error {
	node := string(m.Node)
	if c.core == nil || c.byStore[m.Store] != nil || !c.e.takesPart(m.Node) {
		return nil
	}
	if old := c.members[node]; old != nil { // the node is back before we heard that it was gone
		if err := c.leave(self, old, banyan.ErrNoProcess); err != nil {
			return err
		}
	}
	if m.Plan != c.digest { // it answers again when it has the plan; before that it can keep nothing
		c.try(self, m.Node, castTo[*store](self, m.Store, setPlan{c.lead, c.digest, c.planData}))
		return nil
	}
	b := &member{node: node, store: m.Store, moved: time.Now()}
	b.monitor = self.Monitor(m.Store)
	c.members[node], c.byStore[m.Store] = b, b
	c.e.log.Info("member", "node", node, "copies", len(m.Have))
	err := c.carryOut(self, c.core.Join(node, nil, m.Have))
	for i := range c.e.Workers {
		c.missing = append(c.missing, workerAt{node, i + 1})
	}
	c.rewatch(self)
	if err != nil {
		return err
	}
	return c.next(self)
}

// leave removes a member that is lost.
func (c *coordinator) leave(self *banyan.Self, b *member, reason error) error {
	c.e.log.Info("member lost", "node", b.node, "reason", reason)
	self.Demonitor(b.monitor)
	delete(c.members, b.node)
	delete(c.byStore, b.store)
	for ref, w := range c.watched {
		if w.node == b.node {
			self.Demonitor(ref)
			delete(c.watched, ref)
		}
	}
	c.missing = slices.DeleteFunc(c.missing, func(w workerAt) bool { return w.node == b.node })
	if err := c.carryOut(self, c.core.Leave(b.node)); err != nil {
		return err
	}
	return c.next(self)
}

// rewatch monitors the workers that are not monitored: one that is not there gives a Down at once.
func (c *coordinator) rewatch(self *banyan.Self) {
	list := c.missing
	c.missing = nil
	for _, w := range list {
		c.watched[self.MonitorName(workerName(w.worker), banyan.Atom(w.node))] = w
		c.core.WorkerUp(w.node, w.worker)
	}
}
