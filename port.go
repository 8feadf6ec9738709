// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"log/slog"
	"reflect"
	"unsafe"

	"github.com/banyan-go/banyan/internal/sched"
)

// Port is the node as its transport sees it. All methods may be called from any goroutine; Deliver of one link in the
// order of arrival, by one goroutine, and it does not block.
type Port struct{ n *Node }

func (n *Node) openTransport() error {
	if _, err := Spawn(n, newKernel, Name(kernelName)); err != nil {
		return err
	}
	return n.cfg.transport.Open(n.Context(context.Background()), &Port{n})
}

// Name is the node's full name.
func (p *Port) Name() Atom { return p.n.name }

// Creation is the node's incarnation.
func (p *Port) Creation() uint32 { return p.n.creation }

// Node is the node itself, the environment for decoding Refs.
func (p *Port) Node() *Node { return p.n }

// Logger is where the node logs.
func (p *Port) Logger() *slog.Logger { return p.n.logger }

// Go starts a goroutine that the node waits for when it stops; false if it has stopped.
func (p *Port) Go(f func()) bool { return p.n.goroutines.start(f) }

// Up tells of a new link, after the handshake and before the first Deliver.
func (p *Port) Up(peer Peer) { p.n.remotes.up(p.n, peer) }

// Down tells that a link is gone, once, after the last Deliver: links, monitors and calls across it end now.
func (p *Port) Down(peer Peer, reason error) { p.n.remotes.down(p.n, peer) }

// MessageType is a registered message type of a server.
type MessageType struct{ r *record }

// New makes a message to decode into: a pointer.
func (m *MessageType) New() any { return m.r.newMsg() }

// Type is the message's Go type.
func (m *MessageType) Type() reflect.Type { return m.r.msg.typ }

// Target is a server that a message is addressed to.
type Target struct{ server reflect.Type }

// Target finds out who is addressed; nil if that is no server here.
func (p *Port) Target(s *Signal) *Target {
	q := p.n.addressee(s)
	if q == nil || q.kind.server == nil {
		return nil
	}
	return &q.kind.target
}

// Lookup finds the message type for a tag and a number of fields; nil if the server has none.
func (t *Target) Lookup(call bool, tag Atom, arity int) *MessageType {
	if names := wire.names.Load(); names != nil {
		if r := names.tagged[tagKey{t.server, kindOf(call), tag, arity}]; r != nil {
			return &r.asType
		}
	}
	return nil
}

// LookupStruct finds the message type for the __struct__ of a map.
func (t *Target) LookupStruct(call bool, name string) *MessageType {
	if names := wire.names.Load(); names != nil {
		if r := names.struc[structKey{t.server, kindOf(call), name}]; r != nil {
			return &r.asType
		}
	}
	return nil
}

func kindOf(call bool) recordKind {
	if call {
		return kindCall
	}
	return kindCast
}

// PendingReply tells how to decode the reply with that reference, if a call waits for it.
func (p *Port) PendingReply(ref Reference) (ReplyType, bool) { return p.n.remotes.pendingReply(ref) }

// Complete ends a call with its reply: value is what ReplyType.Type names, by pointer, or err is set.
func (p *Port) Complete(rt ReplyType, value any, err error) { p.complete(rt, value, err, nil) }

func (p *Port) complete(rt ReplyType, value any, err error, co *sched.Coro) {
	c := rt.c
	if !p.n.remotes.take(rt) || !c.claim(rt.gen) {
		p.n.late.Add(1)
		return
	}
	if err == nil {
		c.reply.ptr = rt.rec.replyPtr(value)
	}
	c.err = err
	if c.asks {
		c.load = rt.Load
	}
	c.finish(rt.gen, co)
}

// addressee finds the process that a signal is for.
func (n *Node) addressee(s *Signal) *Self {
	switch {
	case s.Op == OpSendAlias:
		return n.aliases.get(s.Ref)
	case s.Name != "":
		return n.names.get(s.Name)
	}
	return n.procs.get(s.To)
}

// Deliver brings a signal to its process. It takes what Body.Value and Spawn point to, but not s.
func (p *Port) Deliver(peer Peer, s *Signal) { p.deliver(p.n.remotes.of(peer), s, nil, nil) }

func (p *Port) deliver(l *remoteNode, s *Signal, co *sched.Coro, t *Turns) {
	n := p.n
	if l == nil {
		return // down already
	}
	switch s.Op {
	case OpSend, OpSendName, OpSendAlias:
		n.deliverBody(l, s, co)
	case OpLink:
		n.linkFrom(l, s)
	case OpUnlink:
		n.unlinkFrom(l, s)
	case OpUnlinkAck:
		n.unlinkAck(l, s)
	case OpExit:
		l.forgetLink(s.To, s.From)
		if q := n.procs.get(s.To); q != nil {
			q.receiveExit(s.From, reasonOrNormal(s.Reason), exitLink)
		}
	case OpExit2:
		if q := n.procs.get(s.To); q != nil {
			q.receiveExit(s.From, reasonOrNormal(s.Reason), exitSignal)
		}
	case OpMonitor:
		n.monitorFrom(l, s)
	case OpDemonitor:
		if q := l.takeWatched(s.Ref); q != nil {
			q.unwatchedBy(s.Ref)
		}
	case OpDown:
		n.downFrom(l, s)
	case OpSpawn:
		n.spawnFrom(l, s, t)
	case OpSpawnReply:
		n.remotes.spawned(l, s)
	case OpGroupLeader:
		n.procs.get(s.To).led(s.From)
	}
}

// Request is a call in Erlang's form that came to a plain process: answer it by Reply. Servers get such calls by TermCall.
type Request struct {
	From  PID
	Value any
	tag   any
	ref   Reference
}

// Immutable marks it as safe to share.
func (Request) Immutable() {}

// Reply answers the request.
func (r Request) Reply(ctx context.Context, v any) error {
	n := nodeOf(ctx)
	if n == nil {
		return ErrNoNode
	}
	return n.sendTerm(ctx, callerOf(ctx), replySignal(r.From, r.ref, r.tag, v, nil))
}

// deliverBody queues a message that came from another node.
func (n *Node) deliverBody(l *remoteNode, s *Signal, co *sched.Coro) {
	b := &s.Body
	if l.greeted(s) {
		return
	}
	q := n.addressee(s)
	if b.Kind == BodyCall {
		n.deliverCall(l, s, q, co)
		return
	}
	if b.Kind == BodySystem {
		n.deliverSystem(l, s, q)
		return
	}
	if q == nil {
		return // as Erlang has it
	}
	var e envelope
	switch {
	case b.Kind == BodyCast && b.Type != nil:
		e = envelope{rec: b.Type.r, ptr: b.Type.r.msgPtr(b.Value)}
		if e.ptr == nil {
			n.deadLetters.Add(1)
			return
		}
	case b.Kind == BodyCast && q.kind.server != nil:
		rec := castRecord[Foreign, Tell]()
		e = envelope{rec: rec, ptr: unsafe.Pointer(&Tell{b.Value})}
	default:
		e = infoEnvelope(b.Value)
	}
	if e.rec == infoRecord { // whose value does not lie at ptr
		e.size = uint32(min(anyPayload().plan.Size(unsafe.Pointer(&b.Value)), 1<<31))
	} else {
		e.size = uint32(min(e.rec.msg.plan.Size(e.ptr), 1<<31))
	}
	if _, err := q.enqueue(&e, co, false); err != nil && err != ErrNoProcess {
		n.deadLetters.Add(1)
		l.tellFull(q.pid)
	}
}

// deliverCall queues a call that came from another node.
func (n *Node) deliverCall(l *remoteNode, s *Signal, q *Self, co *sched.Coro) {
	b := &s.Body
	if q == nil {
		// Erlang's callers learn it by their monitor; Banyan's by this.
		if l.banyan.Load() {
			l.control(replySignal(b.From, b.Tag, b.TagTerm, nil, undelivered(ErrNoProcess)))
		}
		return
	}
	if b.Type == nil {
		if q.plain != nil {
			e := infoEnvelope(Request{b.From, b.Value, b.TagTerm, b.Tag})
			if _, err := q.enqueue(&e, co, false); err == nil {
				return
			}
		}
	}
	c := &call{node: n, remote: &remoteCaller{l: l, callee: q.pid, from: b.From, tag: b.Tag, term: b.TagTerm}}
	rec := callRecord[Foreign, any, Ask[any]]()
	if b.Type != nil {
		rec = b.Type.r
		c.query.ptr = rec.msgPtr(b.Value)
	} else {
		c.query.ptr = unsafe.Pointer(&Ask[any]{b.Value})
	}
	gen := c.begin(rec, 0)
	c.asks = b.Asks
	e := envelope{rec: rec, ptr: unsafe.Pointer(c), gen: gen, size: uint32(min(rec.msg.plan.Size(c.query.ptr), 1<<31))}
	if _, err := q.enqueue(&e, co, false); err != nil {
		if err != ErrNoProcess {
			l.tellFull(q.pid)
		}
		l.control(replySignal(b.From, b.Tag, b.TagTerm, nil, undelivered(err)))
	}
}
