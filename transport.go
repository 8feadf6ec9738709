// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"reflect"
)

// Transport is all that the runtime knows of a network. Package dist is the one that speaks Erlang's protocol; a node
// without a transport is whole, but alone. The runtime owns the semantics (who is linked, monitored, waiting); a
// transport owns connections and bytes.
type Transport interface {
	// Open is called once, by Start, before the node runs processes. The transport keeps port for what it receives.
	Open(ctx context.Context, port *Port) error
	// Peer returns the live link to a node, and connects when there is none, for as long as ctx allows.
	Peer(ctx context.Context, node Atom) (Peer, error)
	// Close ends all links and listeners and waits for its goroutines, at most until ctx ends.
	Close(ctx context.Context) error
}

// Peer is one live link to one incarnation of another node. All methods may be called from any goroutine.
type Peer interface {
	// Node is the peer's full name, Creation its incarnation.
	Node() Atom
	Creation() uint32
	// Hidden reports whether one of the two nodes is a hidden one: such a link is nobody else's business.
	Hidden() bool
	// Send puts a signal into the link's buffer, in the order of the calls, and never blocks. ErrLinkFull: nothing was
	// taken, wait by OnRoom. ErrNoConnection: the link is gone. Any other error: the signal cannot be encoded.
	// The signal and all that it refers to may be changed once Send has returned.
	Send(s *Signal) error
	// OnRoom calls wake once, on any goroutine, when the buffer has room again or the link is gone; at once if it has.
	OnRoom(wake func())
	// Disconnect ends the link. The transport then calls Port.Down as for any other loss.
	Disconnect(reason error)
}

// Flusher is what a Peer may have that keeps signals with Soon set.
type Flusher interface {
	// Flush sends what is kept. It never blocks.
	Flush()
}

// Friend is what a Peer may have that does more with another Banyan node than Erlang's protocol knows of.
type Friend interface {
	// Agreed: the node at the other end has said that it is a Banyan node, of this version of docs/protocol.md.
	Agreed(version int)
}

// Op says what a Signal does. They are the control messages of Erlang's distribution, without their many spellings.
type Op uint8

// The operations, with the fields of Signal that each one uses besides Op.
const (
	OpSend        Op = iota + 1 // From, To, Body: a message to a pid
	OpSendName                  // From, Name, Body: a message to a registered name
	OpSendAlias                 // From, Ref, Body: a message to an alias
	OpLink                      // From, To
	OpUnlink                    // From, To, ID
	OpUnlinkAck                 // From, To, ID
	OpExit                      // From, To, Reason: a link broke
	OpExit2                     // From, To, Reason: exit/2
	OpMonitor                   // From, To or Name, Ref
	OpDemonitor                 // From, To or Name, Ref
	OpDown                      // From or Name (who was watched), To, Ref, Reason
	OpSpawn                     // From, Ref, Spawn
	OpSpawnReply                // Ref, To, Linked, Monitored, From (the new process) or Err (atom)
	OpGroupLeader               // From (the new leader), To
)

// Signal is one thing that travels from a process of one node to a process of another.
type Signal struct {
	Op        Op
	From, To  PID
	Name      Atom // in place of To (OpSendName, OpMonitor, OpDemonitor) or of From (OpDown)
	Ref       Reference
	ID        uint64
	Reason    error // an exit reason; nil is normal
	Body      Body
	Spawn     *SpawnRequest
	Linked    bool
	Monitored bool
	Err       Atom
	// Soon, of an outgoing signal, says that Flush follows if the Peer is a Flusher: it may be kept until then. It must not be
	// kept longer than what is sent behind it.
	Soon bool
}

// BodyKind says how a message is wrapped on the wire.
type BodyKind uint8

// The kinds of Body.
const (
	BodyTerm   BodyKind = iota // Value as it is
	BodyCall                   // {'$gen_call', {From, [alias|Tag]}, Value}; if Asks is set '$banyan_call' in place of '$gen_call'
	BodyCast                   // {'$gen_cast', Value}
	BodyReply                  // {Tag, Value}, or {Tag, {error, Err}} if Err is set; two elements more if Load is known
	BodySystem                 // {system, {From, [alias|Tag]}, Value}; incoming: to a server, and Value is a *SystemRequest
)

// Body is the message of a send.
type Body struct {
	Kind BodyKind
	// Value is the message. Outgoing: any value, or Typed is set and Value is a pointer to the message. Incoming: the
	// generic term, or with Type the pointer that Type.New gave, filled.
	Value any
	Typed bool
	// Type is the message type that an incoming call or cast was decoded for, nil if there was none.
	Type *MessageType
	// Tag is the reference of a call, which the reply carries back. TagTerm, if not nil, is the tag of a foreign caller,
	// to be echoed unread; From is who asks.
	Tag     Reference
	TagTerm any
	From    PID
	Err     error
	// Asks, of a call, wants Load in the reply. It is set towards Banyan nodes that have said that they know it.
	Asks bool
	Load Load
}

// SpawnRequest asks for a process on another node: a registered constructor, known to Erlang as {Module, Function, Args}.
type SpawnRequest struct {
	GroupLeader      PID
	Module, Function Atom
	Args             []any
	// Incoming, for a constructor that takes arguments (see Port.SpawnArgs): a pointer to its argument, or why they do not fit.
	Value         any
	Bad           error
	Link, Monitor bool
}

// ReplyType tells the transport how to decode the reply of a pending call.
type ReplyType struct {
	// Type is the Go type of the reply.
	Type reflect.Type
	// Raw: the reply is a foreign server's, and wanted as the term that it is; {error, Reason} is one too.
	Raw bool
	// Load is what came with the reply, for Complete.
	Load Load
	rec  *record
	c    *call
	gen  uint32
	ref  Reference
}
