// SPDX-License-Identifier: Apache-2.0

// Package ets has tables that the processes of a node share: Erlang's ets, with types.
//
//	prices, err := ets.NewOrderedSet[string, Price](self, "prices") // belongs to this process
//	err = prices.Insert("tea", Price{250})
//	p, ok := prices.Lookup("tea")
//	for sku, p := range prices.Range(ets.Between("t", "u")) { ... }
//
//	r, err := ets.ReadOrderedSet[string, Price](other, "prices")    // another process reads it
//
// There are four kinds: [Set] and [OrderedSet] with one row per key, [Bag] and [DuplicateBag] with several values per key. A table
// belongs to a process, and ends with it unless it has an [Heir], or to a node. What a process may do with it is decided when
// it gets its handle, see [Access]; a handle that it got may be sent on and used by anybody, from any goroutine.
//
// # Concurrency
//
// Everything may be called from any goroutine. A table consists of blocks of some hundred rows with a lock each; a read or
// write takes the lock of one block, for as long as it takes to find the row. There is no lock of the whole table, but
// DeleteAll and Drop wait for all blocks. Functions that are given to Compute, Update, DeleteWhere and DeleteValues run with a
// block locked: they must be short and must not use the table. The bodies of loops, and what Select and Count are given, run
// with nothing locked.
//
// # Guarantees
//
//   - One operation on one key is atomic, and everybody who begins afterwards sees it: Insert, InsertNew, Take, Compute, Add.
//   - A row that is handed out, or was handed in, is nobody else's: it is copied by the rules of messages, unless nothing in
//     it can be written. Types that declare themselves immutable are shared; Checked finds the writer who does not keep to it.
//   - All, Range and their kind give rows that are there all the time exactly once, in order if there is one, whatever
//     happens meanwhile. Each row is as it was at some moment of the loop.
//   - A Snapshot is the whole table at one moment: it has every write that had returned, and none without those before it.
//     Taking and reading it never makes a writer wait for longer than it takes to look at one block.
//   - A table whose owner ends goes to its heir, with a Transfer message, or ends. Its name is free at once: who asks for the
//     name of a table after its owner ended never finds it.
//   - Cap is exact. Rows that expire are not seen from their time on.
//   - A file that Save wrote is whole, or Load refuses it and changes nothing.
//
// # Not guaranteed
//
// Changes of several keys at one moment (use package db, or one server that owns the table and is asked to). That a handle is
// void in the very moment in which its owner ends: until the node has heard of it, some microseconds, it can be used. An order
// among the rows of a Set. That a row given up by Evict is the one used least.
//
// # Costs
//
// A look-up or an insert in a million rows of integers takes 0.1 to 0.2 us, in an ordered table 0.3 to 0.7, without allocation: most
// of it is waiting for memory. A scan of 100 rows takes 2 to 4 us. Beside Erlang's in bench/results/ets-*.txt. Values that are
// not flat cost a copy each way. A row of two integers takes about 35 bytes in a Set, 24
// in an ordered one, and nothing in it is looked at by the garbage collector unless it holds pointers. A snapshot takes 30 ns
// for each block; afterwards the first write to a block copies it, in about a microsecond. Reads from another node are calls,
// see [Remote].
package ets
