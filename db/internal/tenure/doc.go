// SPDX-License-Identifier: Apache-2.0

// Package tenure keeps this node's lease, and its vote on those of others: lease.Core with a clock, a file, and goroutines that bring it to the [Book],
// which is the meta group.
//
//	k, err := tenure.New(tenure.Config{Node: 3, Name: "shop@host", Book: book, Dir: dir, Send: send})
//	k.Start()
//	term, life, err := k.Wait(ctx) // until the node holds a lease
//	...
//	if k.Valid(term) { ... }       // and it has held it ever since
//	k.Stop()
//
// A [Keeper] has three goroutines: one keeps time, one reads the book, one has the node admitted, again when its life was declared over. They end with Stop.
// All methods can be called at any time by anybody.
//
// What is promised is package lease's: when a life is written to be over, its holder's Valid is false, and stays so.
package tenure
