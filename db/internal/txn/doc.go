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
// # Keys
//
//	0x10 slot(2) table(4) 'r' key        a row: format(1) version(8) value. The version is the index of the entry that wrote it
//	0x11 group(8) session(16) 0x00       low(8): numbers below it are done with
//	0x11 group(8) session(16) 0x01 n(8)  the outcome of number n: kind(1) version(8)
//
// A row's slot comes first, so that a group, which has slots, is a few ranges. The letter leaves room for index rows beside the rows of their
// table and slot; the format byte for versions of the past.
package txn
