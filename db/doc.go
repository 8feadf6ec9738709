// SPDX-License-Identifier: Apache-2.0

// Package db has tables that survive: typed rows in transactions that are all or nothing, in one order that everybody agrees on, and on the
// disk before anybody hears that they are done. It stands in Mnesia's place.
//
// What is there so far is a database of one process: one data group of one replica, by the same code path (replicated log, group commit, state
// machine) that more nodes will use. Its API says nothing of one node.
//
//	d, err := db.Open("/var/lib/shop")
//	accounts, err := db.NewTable[string, int64](ctx, d, "accounts")
//	err = d.Update(ctx, func(tx *db.Tx) error {
//		a, err := accounts.Get(tx, "alice")
//		if err != nil {
//			return err
//		}
//		if a < 5 {
//			return errPoor
//		}
//		b, err := accounts.Get(tx, "bob")
//		...
//		return errors.Join(accounts.Put(tx, "alice", a-5), accounts.Put(tx, "bob", b+5))
//	})
//
// # Transactions
//
// The function given to [DB.Update] reads a state of one moment, and its own writes. When it returns nil, the writes become one entry
// of the log, with all that was read, in which version, and with the ranges it went through. If any of that has changed by then, nothing is
// written, and the function runs again: it may run several times, so it must not do anything but read and write tables; what shall happen once, after it is
// done, goes into [Tx.OnCommit]. Transactions are strictly serializable: they have an order, and a transaction that began after another was done comes behind
// it. Nothing waits for a lock, so nothing deadlocks.
//
// [DB.View] reads, and never writes: also the newest state, also of one moment.
//
// # How a commit can end
//
//	nil            done, and on the disk
//	ErrConflict    surely not done: what it read kept changing until ctx ended. Try again later, or touch fewer rows
//	ErrNoQuorum    surely not done: nobody could decide until ctx ended. Try again
//	ErrUnknown     done or not: see UnknownError and DB.Outcome
//	ErrDead        the disk failed. The process should end, and start again on what the disk really holds
//	others         the function's own errors, and mistakes in the use of tables: nothing is done
//
// # Keys and values
//
// A key is a string, a number, a bool, an array of bytes, or a struct of these; rows are ordered by it, field by field. A value is whatever
// package etf writes: structs need banyan.RegisterType, as messages do.
//
// All methods may be called from any goroutine, those of a [Tx] only by the function it was given to. Processes that wait in them hold up their worker as any
// blocking call does: see banyan.Self.Go.
package db
