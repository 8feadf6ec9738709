// SPDX-License-Identifier: Apache-2.0

// Package raftlog keeps the raft logs, votes and identities of all groups of one node, in one pebble store with one
// stream of synced writes.
//
// A [Store] is the file side: it opens, loads groups, and commits a [Batch], which holds what any number of groups want to
// be durable, with a single sync. A [Log] is what one group's raft reads: it implements the log part of raft.Storage.
//
// Who may call what: Store.Commit belongs to one writer at a time and may run beside everything else; the methods of a Log
// belong to the goroutine that runs its group. What has been committed becomes visible to a Log by [Log.Done], which that
// goroutine calls for each write when Commit has returned without error.
//
// # What is stored
//
//	0x00                             the store: its id, how often it was opened
//	0x00 'c'                         the cluster that the store belongs to, and which of its nodes it is
//	0x01 group(8) 'h'                term, vote, commit, and the leader last heard of (a hint)
//	0x01 group(8) 'i'                the replica's identity: which of the group's replicas this store holds
//	0x01 group(8) 'm'                a snapshot is being installed: index, term
//	0x01 group(8) 't'                where the log begins: index and term of what was cut off last
//	0x01 group(8) 'x'                the highest replica that was destroyed here: it and all before never come back
//	0x01 group(8) 'e' index(8)       an entry: term(8) type(1) data
//
// All numbers are big-endian. A store that was lost has another id when it is created again: whoever addresses the old
// one is refused (see package host).
package raftlog
