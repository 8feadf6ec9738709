// SPDX-License-Identifier: Apache-2.0

// Package simnet is a network in memory, for tests: hosts that listen and dial, streams and packets with latency, and faults.
//
//	net := simnet.New(7)
//	a, b := net.Host("a"), net.Host("b")
//	l, err := b.Listen(":0")
//	c, err := a.Dial(ctx, l.Addr().String()) // one round trip later
//	net.Partition("a", "b")                  // nothing arrives, nobody is told
//	net.Heal("a", "b")                       // what was held arrives
//
// # Time
//
// The package starts no goroutines. A byte that is written gets a time of arrival, and a reader sleeps until then, on a
// channel or a timer of package time. So all waiting is durable in the sense of testing/synctest: in a bubble the time is
// virtual, and a minute of partition costs nothing. A Network belongs to the bubble it was made in.
//
// Packets ([Host.ListenPacket]) are carried by timers, for as long as they are on their way.
//
// # What it is faithful to
//
// Streams behave as TCP does as far as a program can see: order is kept, nothing is lost or doubled while the stream lives,
// a full buffer makes the writer wait, Close lets what was written arrive, a reset is ECONNRESET at both ends once it has
// travelled, connecting to where nobody listens is ECONNREFUSED, and through a partition a stream just stalls. Resets and
// ends of stream travel on the same way as bytes: through a partition they do not arrive before it heals.
//
// Packets are lost on a way that is cut or lossy ([Network.SetLoss]), and overtake each other as their latencies say; to nobody
// there they are lost too.
//
// Not modelled: loss and retransmission by packet (they show as latency), congestion between streams, half-closed
// connections, a machine that is gone (a killed host answers with resets, as a machine whose program died).
//
// # Determinism
//
// Each direction of each stream draws its latencies from a generator of its own, seeded by the network's seed, the two
// hosts and the number of the connection. One seed gives one network; in which order runnable goroutines run stays with Go.
//
// # Concurrency
//
// Everything may be used from any goroutine. Lock order: a socket for packets, Network, then one end's stream.
package simnet
