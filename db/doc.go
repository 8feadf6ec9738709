// SPDX-License-Identifier: Apache-2.0

// Package db has tables that survive: typed rows in transactions that are all or nothing, in one order that everybody agrees on, and on the
// disk before anybody hears that they are done. It stands in Mnesia's place.
//
// One process without any configuration has a database of one, with Open; several nodes have one together, with Start. Both go by the same code path
// (replicated logs, group commit, state machine), and the API says nothing of how many there are.
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
// The function given to [DB.Update] reads the tables, and its own writes. When it returns nil, the writes become one entry
// of the log, with all that was read, in which version, and with the ranges it went through. If any of that has changed by then, nothing is
// written, and the function runs again: it may run several times, so it must not do anything but read and write tables; what shall happen once, after it is
// done, goes into [Tx.OnCommit]. Transactions are strictly serializable: they have an order, and a transaction that began after another was done comes behind
// it. Nothing waits for a lock, so nothing deadlocks.
//
// [DB.View] reads, and never writes: also the newest state, also of one moment.
//
// A table lies in one slot of one group, unless it is [Partitioned]. A transaction in one group takes one round; over several groups it takes two, and is prepared in all of
// them before it is decided in one. Then its function may see rows of different moments: it never commits on that, and its errors count only if what it read was there at one moment,
// but it must not loop or panic over it. The same goes for a View. If whoever runs such a transaction dies, others settle it when they meet it, after a second at most.
//
// [Add] counts without reading, so that those who count do not conflict.
//
// # Storage
//
// [Stored] says where a table is kept, [Replicas] on how many nodes. The rows of RAM tables are there as long as no majority of the nodes that have them ends at once, in one process as long
// as that: see [DB.OnLost]. [Table.Dirty] reads what the replica here has, with no transaction: from memory for RAM and DiskRAM tables, in less than a microsecond. Transactions
// read RAM and DiskRAM tables as they read all others.
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
// # Several nodes
//
//	d, err := db.Start(ctx, node, db.Options{Dir: "/var/lib/shop", Expect: []banyan.Atom{"a@host1", "b@host2", "c@host3"}})
//
// The nodes must be linked, which package cluster sees to. Nobody has to say who is first: the nodes of Expect create the database together, when all of them are there and
// none has one; any other node joins when it is started. A folder that Open has filled can be the beginning, too. Two databases are never merged: a node with the folder of
// another one is refused.
//
// Rows are replicated by groups: one for what the database knows of itself, and eight which share the rows of tables. With three nodes each has three voters, and
// one node may be lost without anything else being lost or stopping for longer than an election; with five the first group has five. Two nodes have
// one voter and a learner, because two voters would stop when either of them does: if the voter is lost for good, so is what the learner had not got yet, and people must decide
// (not built yet). Replicas are added, moved and replaced by the leaders of the groups, one at a time, throttled; leaders are spread over the nodes. A node may be stopped
// and started at any time; DB.Leave takes one out.
//
// Every node can read and write every table. Who has a replica of a group reads it there, after asking its leader how new it must be; who has none reads by way of the leader.
//
// A side without a majority of a group's voters refuses with ErrNoQuorum, within two seconds, and comes back by itself when it hears the others again. After the death of a leader
// others are elected: in about 0.3 s if the end of its link tells, in one or two if only its silence does.
//
// # Keys and values
//
// A key is a string, a number, a bool, an array of bytes, or a struct of these; rows are ordered by it, field by field. A value is whatever
// package etf writes: structs need banyan.RegisterType, as messages do.
//
// All methods may be called from any goroutine, those of a [Tx] only by the function it was given to. Processes that wait in them hold up their worker as any
// blocking call does: see banyan.Self.Go.
package db
