// SPDX-License-Identifier: Apache-2.0

// Package dist is Erlang's distribution protocol: it links a Banyan node with Erlang/OTP 25 to 28 and with other Banyan
// nodes. To them it is a hidden node like any other.
//
//	node, err := banyan.Start("shop@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{Cookie: "secret"})))
//
// # Concurrency
//
// All methods of Transport and of the links it hands out may be called from any goroutine. A link has three goroutines
// of its own: a writer, a reader and a clock; the transport has one that accepts, one per handshake, and one or two that
// keep the name registered with epmd. All end with Close, which waits for them. The runtime (*banyan.Port) is called by the
// reader of a link, so what one link brings is delivered in order.
//
// # Guarantees
//
// Signals of one sender to one link leave, and arrive, in the order in which they were sent. A message larger than 64 KiB
// is cut, and its pieces take turns with the messages of other senders. A sender that is ahead of the network gets
// ErrLinkFull; signals of the runtime's own (exits, downs) are always taken, and a peer that lets megabytes of them
// pile up is given up.
// The loss of a link is reported once, after the last signal from it. A call for a link that is down makes a new one.
// Nothing that a peer sends, with or without the cookie, makes this package panic, and what it can make us hold is
// bounded: see Config. Who does not know the cookie cannot end a link that exists.
// A peer is given up after five quarters of the tick time without a byte; what it sends is answered within half a second if
// we say nothing else, so that one with a shorter tick time keeps us. A peer that does not read holds up nobody but its senders.
// With Config.TLS, nothing leaves in clear, and a link is up only when both have shown a certificate for their hosts and the
// cookie. A link that is kept (Transport.Keep) comes back by itself.
//
// Between Banyan nodes a link can show life far more often than the tick time asks for (Transport.Beat), and two of them that cannot
// reach each other can have a link through a third (Transport.PeerVia). docs/protocol.md has the words for it; Erlang nodes get none of them.
//
// # Not guaranteed
//
// Delivery: what was in the buffers when a link broke is lost, as in Erlang. Secrecy and integrity without Config.TLS. A peer
// that knows the cookie may send a message to any process here.
//
// # Costs
//
// A link holds two goroutine stacks of some kilobytes, the atom caches (64 KiB) and 128 KiB to read into. Sending
// allocates nothing for small messages of flat types. TLS costs its encryption and up to 128 KiB of buffer while a link is busy;
// its files are looked at once per handshake.
// While a program has links, its garbage collector lets 16 MB more garbage wait than it would otherwise (not with a memory
// limit below 256 MB): a small heap would be collected hundreds of times a second.
package dist
