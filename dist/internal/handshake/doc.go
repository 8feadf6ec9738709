// SPDX-License-Identifier: Apache-2.0

// Package handshake is both sides of the handshake of Erlang's distribution, protocol version 6, as state machines
// without I/O: messages in, messages out. The length in front of each message is the caller's (2 bytes on TCP, 4 in TLS).
//
//	d := handshake.NewDialler(me, "b@127.0.0.1")
//	out := d.Start()                         // write it
//	out, event, err := d.Receive(message)    // for every message read, until event is Done
//
// Who dials:                                   Who accepts:
//
//	Start ----------- send_name ----------->  Receive: Named, then Decide
//	Receive <-------- send_status ----------
//	  Alive: Answer - status reply -------->  Receive (only after Decide(StatusAlive))
//	Receive <-------- send_challenge -------
//	        --------- challenge_reply ----->  Receive: Proven, then Ack
//	Receive: Done <-- challenge_ack --------
//
// Concurrency: a machine belongs to one goroutine. Nothing is shared.
//
// Guarantees: no input makes a machine panic; after an error or Done it takes nothing more. The digest of the other
// side is compared in constant time, and a challenge equal to our own is refused: it would let a peer have us compute
// the very answer that it needs. An acceptor shows its own digest only to a peer that proved to know the cookie.
//
// Not guaranteed: secrecy and integrity. The protocol is one MD5 over cookie and challenge; use loopback or TLS.
package handshake
