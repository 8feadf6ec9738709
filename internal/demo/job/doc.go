// SPDX-License-Identifier: Apache-2.0

// Package job decides who does which piece of work, and when a piece counts: the coordinator of the demo without its
// process. It is a state machine: what happened goes in by the methods of Core, what is to be done comes out as Effects. It
// knows no clock, no network and no text.
//
// # The life of a piece
//
//	pending --Give--> given --Arrived--> held --all members have a copy--> counted
//	   ^                |                  |                                  |
//	   +-- its worker or node is lost -----+-- the last copy is lost ---------+
//
// A member is a node that keeps copies of results. A piece counts when every member has a copy of its result, so that any
// of them can go on alone. What a piece's result is depends on the piece only, and who keeps or uses a result does so once
// for each piece: that is why doing a piece twice harms nothing but the clock.
//
// # Taking over
//
// A new Core knows nothing. As the members join they tell which pieces they have; a piece that any member has is held, and
// counts as soon as all have it. So the state of a lost coordinator is rebuilt from the copies.
//
// # Placing
//
// Shards live on members that have all counted pieces: such a member can build any shard from its own copies. Place keeps
// as many shards where they are as an even spread allows.
//
// # The seam
//
// This package, and the coordinator and the store of package cluster, are what a replicated table and placed entities are to
// replace. Workers, readers, shards and the launcher know of them only the messages.
//
// # Concurrency
//
// A Core belongs to one goroutine.
package job
