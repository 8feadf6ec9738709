// SPDX-License-Identifier: Apache-2.0

// Package gate decides which caller may begin a handshake: so many at a time of one address, and none of an address that failed
// too often lately.
//
//	g := gate.New(gate.Limits{Pending: 32, Failures: 30, Per: time.Minute})
//	if err := g.Enter(addr, now); err != nil { close the connection }
//	...
//	g.Leave(addr, failed, now)
//
// Failures are a bucket of tokens: an address may fail Failures times in a row, and gets one of them back each Per/Failures.
//
// Concurrency: a Gate belongs to who holds its lock; it has none.
//
// Guarantees: at most MaxHosts addresses are remembered, each until its bucket is full again. Further ones share one entry, so
// a flood from many addresses makes the gate narrower for strangers, never larger in memory.
package gate
