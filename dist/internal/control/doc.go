// SPDX-License-Identifier: Apache-2.0

// Package control turns control messages, the first term of every message between nodes, into signals and back.
// It is pure: terms in, signals out.
//
//	var m control.Message
//	err := control.Decode(dec, control.Ends{Local: "a@h", Peer: "b@h"}, &m) // m.Signal, m.Payload says what follows
//	payload, err := control.Encode(enc, self, &signal)                     // then the payload, if one is due
//
// Received are all operations of OTP 25 to 28 in all their forms, with the trace token of the _TT forms dropped. Sent
// is one form of each.
//
// Concurrency: nothing is shared; a Message may be reused.
//
// Guarantees: no input makes this package panic. A control message that OTP would cut the connection for is an error,
// and so are signals in the name of a process that is not the peer's.
package control
