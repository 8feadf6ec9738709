// SPDX-License-Identifier: Apache-2.0

// Package global is Erlang's global: names and locks that all nodes of a cluster share, Erlang and Elixir nodes among them.
//
//	node, err := banyan.Start("shop@host", banyan.WithTransport(dist.New(dist.Config{Visible: true})))
//	global.Start(node)                                  // or as a child: supervisor.Spec{ID: "global", Start: global.Config{}.Launch}
//	err = global.Register(ctx, banyan.Atom("till"), ref.PID())
//	left, err := banyan.Call(ctx, global.Name[*Till](banyan.Atom("till")), Take{"tea", 2})  // from any node
//	err = global.Trans(ctx, global.ID{Resource: "stock"}, func() error { return count() })  // one at a time in the cluster
//
// The node must be visible (dist.Config.Visible). It is then a full member: nodes that others know are connected to, names that
// two parts of a cluster have both given are resolved by their [Method], and partitions that overlap are prevented. On a
// hidden node all works, and stays on this node: nothing is sent.
//
// # Protocol
//
// It is version 8 of the protocol of OTP's global_name_server, which OTP 25 to 28 speak; peers may speak 5 to 7. Two nodes
// that meet do this:
//
//   - Each sends init_connect, with a fresh tag for the session, and init_connect_ack for the other's. When tags do not fit
//     either sends cancel_connect, and both begin anew.
//   - The lockers take the lock {global, [LockerA, LockerB]} on all nodes that either knows, the greatest name first, and
//     say so by lock_set. Who is refused waits a while and tries again.
//   - Each sends all its names (exchange). The node whose name is the smaller one resolves clashes, by calling the method of the
//     name on the node where its process is. Each sends what the other has to change, and whom it knows (resolved).
//   - Each tells whom it knew before (new_nodes), and the lock is given back. All who are new to each other connect, and say in_sync.
//
// A name is registered by the lock {global, Registrar} on all known nodes, a register call to each, and the lock given back.
// When a node loses another it reports that to all others (lost_connection), who pass it on once and part from the lost
// one, asking it to do the same (remove_connection). A node that stops tells nobody.
//
// # Concurrency
//
// All functions may be called from any goroutine; ctx says which node they work on. Names are registered one after the
// other on each node. [Whereis] and [Name] look into a table of this node. A [Lock] is held by a process of its own, which ends with
// the process that took it.
//
// # Guarantees
//
//   - Register returns when all nodes of the cluster know the name; at no node have two processes one name.
//   - A name is free when its process ends, or the link to its node does.
//   - When clusters are joined each name has one process, on all nodes, or none if the method says so.
//   - Two locks for different requesters are never held at once on one node.
//   - Unless AllowOverlappingPartitions is set, nodes that lost a link end up in clusters of which each knows all its own members.
//   - What other nodes send neither ends the name server nor makes it hold more than Config allows.
//
// # Not guaranteed
//
// More than OTP in partitions: when a node is lost in the middle of a registration some nodes may have heard of it and others not, until
// it or they meet the cluster anew. Where OTP's nodes stay in disagreement, by what was lost between two messages, ours disconnect from a
// node that believes to be known and is not, and take no names of a node that was lost while two clusters became one.
//
// One holder in a partition: two parts of a cluster that are cut off from each other each register what they like, and
// resolve it when they meet. A lock is no fence: who has it does not learn at once that the others believe it dead. Package place has leases
// for that.
//
// A method that Erlang gave to a name of a process of ours cannot be called, but for OTP's own: RandomExit takes its place.
//
// # Costs
//
// Registering a name takes three rounds to all nodes, whatever their number, in which no other name is changed. A look-up is a read lock, and the encoding of the name ([Name] does that once).
package global
