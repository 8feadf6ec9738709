// SPDX-License-Identifier: Apache-2.0

// Package route chooses who gets a message: routers over several servers of one type, and pools that keep such servers running
// on many nodes.
//
//	r := route.New(node, pg.In[*Stock](pg.Default, "stock"))        // or banyan.Refs(a, b), or the workers of a pool
//	left, err := banyan.Call(ctx, r, Take{"tea", 2})                // one of them, chosen by load
//	left, err = banyan.Call(ctx, r.Key("user-42"), Take{"tea", 2})  // always the same one for this key
//
//	tree := supervisor.New("shop", supervisor.OneForOne,
//		route.Pool("reader", NewReader, 12, route.Spread(route.Node)))   // over the nodes, refilled elsewhere
//	readers := route.New(node, route.Workers[*Reader]("reader", ""))
//
// # Routers
//
// A [Router] is a banyan.Dest, so that Call and Cast take it, and a banyan.Many of all targets that may be used, so that banyan.CallAll
// asks them all, [Gather] the first few, and [Broadcast] tells them all. The [Policy] is [Adaptive] unless another is given. Besides,
// any policy heeds: nodes that drain or are suspect ([Nodes]); [Locality]; targets that fail or are silent, which get nothing for a
// while and then a trickle ([Ejection]); new targets, whose share grows slowly ([SlowStart]).
//
// A message that surely reached nobody goes to another target, each one once, under the deadline of the call. One whose fate is not known
// is sent again only if it is banyan.Idempotent; such calls may also be hedged ([Hedge]).
//
// # Pools
//
// [Pool] is a child of a supervisor. It starts its workers on the nodes, replaces those that crash or whose node is lost, and moves some when
// nodes join or drain, one at a time. [Explain] tells where they are and why, [Follow] each move.
//
// # Concurrency
//
// A Router may be used from anywhere; it has no goroutine, and looks up its targets when messages come. A pool is a process.
//
// # Guarantees
//
//   - Each message through a router is handled at most once, unless it says that it is Idempotent; each call ends in one answer or one
//     error. Sent is the sum of the other counts in [Stats] when nothing is on its way.
//   - A node that is said to drain gets nothing from that moment on, by this node's routers; one that says so itself
//     (banyan.Node.SetDraining, which package cluster calls), within one round trip.
//   - Ejection leaves at least the share that it is told to leave, and never nobody.
//   - Routers over the same targets choose the same one for a key, while none is overloaded or new. When one of n targets comes or goes, only
//     its keys move, those of a new one within its slow start.
//   - A worker that ends with its node, stopped or lost, is no crash.
//   - A pool ends after its workers; they are killed when they take longer than its Patience.
//   - A pool restarts no more crashed workers than its intensity allows, all nodes counted together. Moves stop by themselves.
//
// # Not guaranteed
//
// A router knows its own messages and what answers tell: how much waits at their target, and how long one takes there. What happens between
// two answers it guesses. Erlang's servers do not tell. A pool's
// process is on one node and ends with it, and all its workers with the link to it: its supervisor was on that node too, so somebody else
// has to start the pool again, on another node. A worker that a lost link has parted from its pool may live on until its own node has
// noticed the loss: a pool is not for what must exist once.
//
// # Costs
//
// A choice looks at each target once or twice, under a lock; some hundred targets are fine. The list of targets is looked up every 50 ms while
// messages come.
package route
