// SPDX-License-Identifier: Apache-2.0

// Package host runs the replicas of many raft groups on one node. The consensus is go.etcd.io/raft's; what is here is what
// every user of it must write: the order of persisting and sending, one stream of synced writes for all groups, the
// transport of messages and snapshots, who may campaign when, and the identity of replicas.
//
// # Core and lanes
//
// A [Core] is the host without goroutines, clock, disk and network: it takes inputs (Tick, Receive, Propose, Read, Change)
// and gives out [Work]: frames to send, a batch to make durable, entries to apply. Whoever runs it carries the work out in
// two lanes, appends and applies, each in order, and tells the core when a piece is done (Appended, Applied). A simulation
// does that in one goroutine under its own clock; [Start] does it with three goroutines and the real one, or with two
// for a log that is volatile, which the core's writes itself. The code that can lose data is the same in both.
//
// All methods of a Core belong to one goroutine. The functions handed to it are called on that goroutine, and must not
// block. Append.Run and Apply.Run may run on others, beside the core.
//
// # The rules
//
// R1: a message leaves only when the entries and the vote of the same turn are durable; the one exception is a leader's
// append, whose own copy counts only once it is durable too. How far the group has committed is not part of that: raft finds it out again. R2: see package state. R3: see package disk: the first failed write
// ends the core with an error. R4: see state.Machine.
//
// # Identity
//
// A replica's id is given by its group's own log and never again. A replica is addressed together with the store it lives
// in; a store that was lost comes back under another id and refuses what is meant for the old one. A log that is shorter
// than its replica has acknowledged is recognized at the start (the state is ahead of it) or by the leader's first
// heartbeat, and refused as well. The owner of the host hears of it ([Events].Lost) and replaces the replica.
//
// # Quiet groups
//
// A group in which nothing happens stops ticking: its leader says so to replicas that have everything. Who leads then is
// vouched for by the node's own beats, one small frame to each peer for all groups; when they stop, or come from another
// start of the node, the groups led from there wake up. Campaigns are admitted by a budget of the node.
package host
