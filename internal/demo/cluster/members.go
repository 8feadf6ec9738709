// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"

	"github.com/banyan-go/banyan"
)

// member is a node whose host takes part.
type member struct {
	node    string
	host    banyan.PID
	monitor banyan.Reference
}

type workerAt struct {
	node   string
	worker int
}

// greet tells all nodes who coordinates, and asks their hosts to take part.
func (c *coordinator) greet(self *banyan.Self) {
	for _, n := range append(c.e.neighbours(), c.e.node.Name()) {
		c.try(n, banyan.Cast(banyan.Within(self, later), banyan.At[*keeper](keeperName, n), tell{Lead: c.lead}))
		if c.members[string(n)] == nil {
			c.try(n, banyan.Cast(banyan.Within(self, later), banyan.At[*host](hostName, n), hello{c.lead}))
		}
	}
}

// try notes a message that could not be sent. It is sent again, or its node is lost and a Down message comes.
func (c *coordinator) try(to banyan.Atom, err error) {
	if err != nil {
		c.e.log.Info("not sent", "to", string(to), "error", err)
	}
}

// tell tells a member which pieces count. One that does not get it is left, and asked to take part again: then it is told all.
func (c *coordinator) tell(self *banyan.Self, b *member, pieces []int) {
	if err := castTo[*host](self, b.host, news{pieces}); err != nil {
		c.try(b.host.Node, err)
		c.try(c.lead.Node, c.leave(self, b, err))
	}
}

// Cast makes a host a member.
func (m here) Cast(c *coordinator, self *banyan.Self) error {
	node := string(m.Node)
	if c.core == nil || c.byHost[m.Host] != nil || !c.e.takesPart(m.Node) {
		return nil
	}
	if old := c.members[node]; old != nil { // the node is back before we heard that it was gone
		if err := c.leave(self, old, banyan.ErrNoProcess); err != nil {
			return err
		}
	}
	b := &member{node: node, host: m.Host}
	b.monitor = self.Monitor(m.Host)
	c.members[node], c.byHost[m.Host] = b, b
	c.e.log.Info("member", "node", node)
	c.core.Join(node)
	for i := range c.e.Workers {
		c.missing = append(c.missing, workerAt{node, i + 1})
	}
	c.rewatch(self)
	c.tell(self, b, c.core.Counted())
	return c.next(self)
}

// leave removes a member that is lost.
func (c *coordinator) leave(self *banyan.Self, b *member, reason error) error {
	c.e.log.Info("member lost", "node", b.node, "reason", reason)
	self.Demonitor(b.monitor)
	delete(c.members, b.node)
	delete(c.byHost, b.host)
	for ref, w := range c.watched {
		if w.node == b.node {
			self.Demonitor(ref)
			delete(c.watched, ref)
		}
	}
	c.missing = slices.DeleteFunc(c.missing, func(w workerAt) bool { return w.node == b.node })
	c.core.Leave(b.node)
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
