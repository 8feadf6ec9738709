// SPDX-License-Identifier: Apache-2.0

// Package cluster is the demo's job as processes on Banyan nodes. Every node runs the same tree:
//
//	demo            one after the other; if one dies, those behind it start anew
//	  store         copies of the plan and of all finished pieces; it feeds the shards of this node
//	  shards        a shard for each part of the index that is placed here
//	  readers       read files
//	  workers       count the words of a piece, with the readers of their node
//	  coordination  the coordinator, on one node at a time
//	  keeper        starts the coordinator when there is none and this is the lowest living name
//	  reporter      says each moment what goes on here, for people
//
// Nodes find each other by the addresses that they leave in a directory, and are members of a cluster of package cluster,
// which links them. Nobody has a list of them: one that is started while the job runs is asked to take part like all others.
//
// # How a piece travels
//
// The coordinator casts Work to the worker with the least to do. The worker casts the result back. The coordinator sends
// it to every store (Keep) and counts it when all have answered (Kept). A store that keeps a piece hands the shards of its
// node their segments, so a shard, wherever it is started, is built from the copies of its own node. When all pieces count
// a collector process merges the shards' lines into the index file.
//
// # What kill -9 does
//
// A worker's loss gives its pieces back. A node's loss is the loss of its store: its workers' pieces are pending again, its
// shards are placed on others, who have all copies. If the coordinator was there, the next one asks the stores what they
// have. All messages that have effects carry the piece's number, and doing one twice is doing it once; so even two
// coordinators (for a moment, when nodes meet) only waste time. Of two the one with the higher term stays, of one term the
// lower name.
//
// Network partitions are not handled: each side would do the whole job. See package job for the seam.
//
// # Concurrency
//
// Run may be called once per process of the operating system. All state is in Banyan processes.
package cluster
