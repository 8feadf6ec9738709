// SPDX-License-Identifier: Apache-2.0

// Package gossip is hashicorp/memberlist behind an interface of our own: who is there, what each says of itself, and reports
// that everybody hears. It knows nothing of states, names that are used twice, or events: that is package cluster's.
//
// # What it adds to memberlist
//
//   - A transport over any Network, so that it runs on the simulated one in virtual time.
//   - A handshake before each stream: both sides name their cluster, node and instance, and prove that they know the secret. Who
//     does not is refused, and both logs say who it was. Packets are encrypted with a key from the same secret and the
//     cluster's name, so those of others are dropped unread.
//   - Who: is the instance that had this address still alive?
//   - The log: memberlist's lines go to slog, at most so many at a time.
//
// # Concurrency
//
// The methods of Gossip may be called from any goroutine. Those of Handler are called by memberlist with a lock held: they must
// return soon, and not call back.
//
// # Not reproducible
//
// memberlist draws its random choices (whom to probe, to gossip with, when to begin) from the generator of package math/rand, which
// it seeds itself. So a seed of the simulated network decides latencies and losses, not who talks to whom.
package gossip
