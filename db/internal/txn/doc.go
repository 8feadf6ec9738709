// SPDX-License-Identifier: Apache-2.0

// Package txn is what the groups of db replicate: rows with versions, and transactions that were prepared against them.
//
// A transaction reads a state of one moment, collects its writes, and becomes one entry of its group's log: what it read
// and in which version, which ranges it went through and how many rows they had, and what it writes. [Machine] carries the entry out:
// if everything that was read is still as it was, the writes are made, all in one moment; if not, nothing is. Since entries are
// carried out one after the other, and each sees the one before, transactions are strictly serializable.
//
// Exactly once: each entry names a session and a number within it; what became of it is part of the state. The same number again has the
// outcome of the first time. A number that was closed before it came ([Entry] of kind Close) can no longer commit.
//
// # Over several groups
//
// One of the groups of a transaction over several has its record. In all others it is prepared: an entry of kind Prepare is checked as a commit is, and locks what it read
// and what it shall write. When all of those are prepared, a Decide carries out the part where the record is, as a commit of one group, and that commits the transaction; a Resolve
// writes what is prepared elsewhere. Who meets a lock asks the record, and may end the transaction by a Close there, as long as it is not decided: the first of the two in
// that group's log wins. An entry that meets a lock never waits for it; it is Blocked, which is a kind of conflict.
//
// The record is nothing but what the group knows of the transaction's number. It is kept until its session says, by Low, that all is resolved; or expires, for which
// everything of it must be resolved first, in all groups.
//
// # Keys
//
//	0x10 slot(2) table(4) 'r' key           a row: format(1) version(8) value. The version is the index of the entry that wrote it
//	0x10 slot(2) table(4) 'd'               index(8) of the last entry that deleted a row of the table in this slot
//	0x11 slot(2) table(4) 'r' key           the lock of a row: mode(1) count(8)
//	0x12 group(8) 'l' table(4)              the lock of a mark
//	0x12 group(8) 'm' table(4)              a mark, in the form of a row: the table is there
//	0x12 group(8) 'o'                       how many transactions are prepared(8), and how many of them went through ranges(8)
//	0x12 group(8) 'p' session(16) n(8)      a prepared transaction: its entry
//	0x12 group(8) 'r' session(16) n(8) i(4) a range that it went through
//	0x12 group(8) 's' session(16) 0x00      low(8): numbers below it are done with
//	0x12 group(8) 's' session(16) 0x01 n(8) the outcome of number n: kind(1) version(8)
//
// A row's slot comes first, so that a group, which has slots, is a few ranges. The letter leaves room for index rows beside the rows of their
// table and slot; the format byte for versions of the past.
package txn
