// SPDX-License-Identifier: Apache-2.0

// Package job decides who does which piece of work: the coordinator of the demo without its process. It is a state machine: what happened
// goes in by the methods of Core, what is to be done comes out of Next. It knows no clock, no network and no text.
//
// # The life of a piece
//
//	pending --Next--> given --Count--> counted
//	   ^                |
//	   +----------------+ its worker or node is lost
//
// A piece counts when its row stands in the database, which is for others to see to. What is counted stays so, whoever is lost; a
// piece that is done twice has one row all the same. So a Core needs no memory of its own: a new one is told what counts already.
//
// # Placing
//
// Shards live on members. Any member can build any shard, from the database. Place keeps as many shards where they are as an even spread allows.
//
// # Concurrency
//
// A Core belongs to one goroutine.
package job
