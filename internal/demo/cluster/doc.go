// SPDX-License-Identifier: Apache-2.0

// Package cluster is the demo's job as processes on Banyan nodes. Every node runs the same tree:
//
//	demo            one after the other; if one dies, those behind it start anew
//	  host          runs the shards of this node, and tells them which pieces count
//	  shards        a shard for each part of the index that is placed here
//	  readers       read files
//	  workers       count the words of a piece, with the readers of their node
//	  coordination  the coordinator, on one node at a time
//	  keeper        starts the coordinator when there is none and this is the lowest living name
//	  reporter      says each moment what goes on here, for people
//
// Nodes find each other by the addresses that they leave in a directory, and are members of a cluster of package cluster, which links them.
// Nobody has a list of them: one that is started while the job runs is asked to take part like all others. Before its tree each opens its part
// of the database, which those that are started together create, and those that come later join.
//
// # The tables
//
//	job       one row: the last coordinator's term, which plan, whether the index is written
//	plan      the files and their cut into pieces, in parts
//	pieces    a row for each piece that counts: who did it, what became of its files
//	segments  what each piece says of each shard's words
//	counts    what each node has counted: pieces, bytes, words
//
// All that must not be lost is there, and nowhere else. Rows of one piece are in one lane, and so in one group of the database: see tables.
//
// # How a piece travels
//
// The coordinator casts work to the worker with the least to do. The worker has the piece counted, in one transaction: its row, its segments,
// and what it adds to its node's counts; if it has a row already, nothing. Then it tells the coordinator, which tells the hosts, which tell
// their shards, which read their segments from the table. So a shard can be built on any node. When all pieces count a collector process
// merges the shards' lines into the index file.
//
// # What kill -9 does
//
// A worker's or a node's loss gives its pieces back. If one had been counted and the word of it was lost with the node, whoever does it again
// finds the row. Shards of the lost node are placed on others. If the coordinator was there, the next one reads what counts, takes the next
// term, and goes on. Two coordinators at once, for a moment, only waste time: of two the one with the higher term stays, and the other cannot
// end the job. With a majority of the nodes gone the others wait for them; with all of them gone the job goes on when they are back, for the
// tables are on the disk. Of two nodes only one has a vote: while that one is away, nothing counts.
//
// A node that drains hands the coordinator over, and gets no more work.
//
// # Concurrency
//
// Run may be called once per process of the operating system. All state is in Banyan processes, and in the database.
package cluster
