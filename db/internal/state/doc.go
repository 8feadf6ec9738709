// SPDX-License-Identifier: Apache-2.0

// Package state keeps the state that the groups of one node replicate, in one pebble store that writes no log of its own:
// what a crash takes away is built again from the raft logs.
//
// The rule that makes this right: the index up to which a group's entries have been applied is in the same batch as what
// the entry changed, so a crash leaves both or neither, and a log is cut only below the index that is known to be durable
// ([Store.Flush] and [Store.Import] make it so). Besides the index a group has its [Conf] here: who its members are, as of
// that index.
//
// A [Machine] says what the entries do. Its keys begin with a byte of at least 0x10; those below are the store's own:
//
//	0x00                 the id of the log store that belongs to this one
//	0x01 group(8) 'a'    applied index, and the term of that entry
//	0x01 group(8) 'c'    the configuration, as of that index
//
// A snapshot leaves as rows ([Store.Export]) and comes in as one sorted table that replaces a group's state in one step
// ([Store.Import]).
//
// Apply, Flush, Import and Remove belong to one goroutine; everything that reads may run beside it.
package state
