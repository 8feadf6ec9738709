// SPDX-License-Identifier: Apache-2.0

package global

import (
	"errors"

	"github.com/banyan-go/banyan"
)

// outbox sends the core's messages in order, and keeps those for which a link has no room. What the locker is told waits until
// all are gone: it gives the global lock back then, and what was decided under it must have been told before.
type outbox struct {
	queues  map[atom][]effect
	barrier []lockerMsg
	queued  int
}

// maxQueued bounds the messages that wait for one node. One that lets more pile up is disconnected.
const maxQueued = 10_000

func (o *outbox) send(self *banyan.Self, e effect) {
	if o.queues == nil {
		o.queues = map[atom][]effect{}
	}
	if len(o.queues[e.node]) == 0 && trySend(self, e) {
		return
	}
	if len(o.queues[e.node]) >= maxQueued {
		self.Node().Logger().Warn("global: a node does not take its messages and is disconnected", "node", string(e.node))
		self.Node().Disconnect(e.node)
		o.forget(e.node)
		return
	}
	o.queues[e.node] = append(o.queues[e.node], e)
	o.queued++
}

// trySend reports whether there is nothing left to do for a message.
func trySend(self *banyan.Self, e effect) bool {
	ctx := banyan.NoWait(self)
	var err error
	if e.kind == doCast {
		err = banyan.Cast(ctx, banyan.At[banyan.Foreign](serverName, e.node), banyan.Tell{Term: e.term})
	} else {
		err = banyan.SendName(ctx, serverName, e.node, e.term)
	}
	switch {
	case err == nil || errors.Is(err, banyan.ErrNoConnection):
	case errors.Is(err, banyan.ErrLinkFull):
		return false
	default:
		self.Node().Logger().Error("global: a node cannot be told", "node", string(e.node), "error", err)
	}
	return true
}

// flush tries again. The locker hears what waited when no queue is left.
func (o *outbox) flush(self *banyan.Self, tell func(lockerMsg)) {
	for node, q := range o.queues {
		for len(q) > 0 && trySend(self, q[0]) {
			q = q[1:]
			o.queued--
		}
		if o.queues[node] = q; len(q) == 0 {
			delete(o.queues, node)
		}
	}
	o.release(tell)
}

func (o *outbox) locker(m lockerMsg, tell func(lockerMsg)) {
	o.barrier = append(o.barrier, m)
	o.release(tell)
}

func (o *outbox) release(tell func(lockerMsg)) {
	if o.queued > 0 {
		return
	}
	for _, m := range o.barrier {
		tell(m)
	}
	o.barrier = nil
}

// forget drops what waits for a node.
func (o *outbox) forget(node atom) {
	o.queued -= len(o.queues[node])
	delete(o.queues, node)
}
