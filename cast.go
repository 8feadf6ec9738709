// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/banyan-go/banyan/internal/clone"
)

// Cast sends a note to a server and does not wait for it to be handled. nil means: it is in the mailbox, or in the
// buffer of the link to its node. ctx bounds the wait for room in that buffer; a sender of far more than the receiver
// handles is held back for moments. The note is copied if somebody could still change it.
func Cast[S any, M Note[S]](ctx context.Context, to Dest[S], m M) error {
	ref, ok := to.(Ref[S])
	if !ok {
		if via, ok := to.(Via[S]); ok {
			return castVia(ctx, via, m)
		}
		var err error
		if ref, err = resolve(ctx, to); err != nil {
			return undeliveredOp("cast", "", m, err)
		}
	}
	h := ref.h
	if h == nil {
		return undeliveredOp("cast", "zero Ref", m, ErrNoProcess)
	}
	rec := castRecord[S, M]()
	if rec.err != nil {
		return undeliveredOp("cast", h.String(), m, rec.err)
	}
	if rec.nilable && isNil(m) {
		return undeliveredOp("cast", h.String(), m, errNilMessage)
	}
	if h.proc == nil {
		box := new(M) // not &m: that would put every local message on the heap
		*box = m
		if err := castRemote(ctx, h, rec, box); err != nil {
			return undeliveredOp("cast", h.String(), m, err)
		}
		return nil
	}
	e := envelope{rec: rec}
	if err := putMessage(&e, &rec.msg, m); err != nil {
		return undeliveredOp("cast", h.String(), m, err)
	}
	if err := h.proc.deliver(callerOf(ctx), &e); err != nil {
		return undeliveredOp("cast", h.String(), m, err)
	}
	return nil
}

// deliver queues a local message and holds a fast sender back.
func (p *Self) deliver(from caller, e *envelope) error {
	if from.self != nil {
		if from.self.dead.Load() {
			return ErrKilled
		}
		from.self.sent++
	}
	crowded, err := p.enqueue(e, from.co, false)
	if crowded {
		p.waitRoom(from)
	}
	return err
}

// runCast handles a note, on the server's turn.
func runCast[S any, M Note[S]](p *Self, e *envelope) {
	var m M
	if e.ptr == nil {
		m = *(*M)(unsafe.Pointer(&e.word))
	} else {
		m = *(*M)(e.ptr)
	}
	if err := m.Cast(stateOf[S](p), p); err != nil {
		p.stopped, p.stopWhy = true, err
	}
}

// infoRecord is the record of messages that are just values: for Info and Receive.
var infoRecord = &record{kind: kindInfo, run: runInfo, name: "info"}

// InfoHandler is what a server's state may have to get messages that are not its own: Down and Exit, timers, and terms
// from Erlang. Without it they are counted and dropped. An error ends the server with that reason.
type InfoHandler interface {
	Info(self *Self, m any) error
}

func runInfo(p *Self, e *envelope) {
	h, ok := p.state.(InfoHandler)
	if !ok {
		p.node.unhandled.Add(1)
		return
	}
	if err := h.Info(p, e.info()); err != nil {
		p.stopped, p.stopWhy = true, err
	}
}

// infoEnvelope wraps a value that nobody else holds. The two words of the interface ride inside: its value in ptr, and its
// type in word, where the garbage collector does not look; types are never collected.
func infoEnvelope(v any) envelope {
	e := envelope{rec: infoRecord}
	words := (*[2]unsafe.Pointer)(unsafe.Pointer(&v))
	*(*uintptr)(unsafe.Pointer(&e.word)) = uintptr(words[0])
	e.ptr = words[1]
	return e
}

// info is the value that infoEnvelope has wrapped.
func (e *envelope) info() (v any) {
	*(*uintptr)(unsafe.Pointer(&v)) = *(*uintptr)(unsafe.Pointer(&e.word))
	(*[2]unsafe.Pointer)(unsafe.Pointer(&v))[1] = e.ptr
	return v
}

// copyInfo copies a value that its sender could still change.
func copyInfo(v any) (envelope, error) {
	if v == nil {
		return infoEnvelope(nil), nil
	}
	p, err := infoPayload(reflect.TypeOf(v))
	if err != nil {
		return envelope{}, err
	}
	if !p.flat {
		c, err := clone.Any(v)
		if err != nil {
			return envelope{}, err
		}
		e := infoEnvelope(c)
		e.size = uint32(min(anyPayload().plan.Size(unsafe.Pointer(&c)), 1<<31))
		return e, nil
	} else {
		e := infoEnvelope(v)
		e.size = uint32(p.size)
		if p.refers && !p.direct {
			e.size = uint32(min(p.plan.Size(e.ptr), 1<<31))
		}
		return e, nil
	}
}

// infoPayload is what is known of a type that is sent as a plain value.
func infoPayload(t reflect.Type) (*payload, error) {
	id := uintptr((*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1]) // the address of what describes the type
	recent := &recentPayloads[id>>5%uintptr(len(recentPayloads))]
	if p := recent.Load(); p != nil && p.typ == t {
		return p, nil
	}
	pl, ok := infoPayloads.Load(t)
	if !ok {
		p, err := payloadOf(t)
		if err != nil {
			return nil, err
		}
		pl, _ = infoPayloads.LoadOrStore(t, &p)
	}
	recent.Store(pl.(*payload))
	return pl.(*payload), nil
}

// infoPayloads holds what is known of the types that were sent as plain values, *payload by reflect.Type; recentPayloads
// finds most of them without hashing.
var (
	infoPayloads   sync.Map
	recentPayloads [64]atomic.Pointer[payload]
)

// anyPayload measures values whose type is known at run time only.
var anyPayload = sync.OnceValue(func() *payload {
	p, err := payloadOf(reflect.TypeFor[any]())
	if err != nil {
		panic("banyan: any cannot be copied: " + err.Error()) // a plan for any always exists
	}
	return &p
})

// Send sends a value to a process: to Info of a server, to Receive of a plain process, to an Erlang process as a term.
// nil means that it is on its way; a process that is not there swallows it, as in Erlang.
func Send(ctx context.Context, to PID, m any) error {
	from := callerOf(ctx)
	n := nodeOf(ctx)
	if n == nil {
		return undeliveredOp("send", to.String(), m, ErrNoNode)
	}
	if to.Node != n.name {
		return n.sendValue(ctx, from, OpSend, to, "", m)
	}
	if err := sendLocal(from, n.procs.get(to), m); err != nil {
		return undeliveredOp("send", to.String(), m, err)
	}
	return nil
}

// SendName is Send to a registered name; node "" is the sender's own.
func SendName(ctx context.Context, name, node Atom, m any) error {
	from := callerOf(ctx)
	n := nodeOf(ctx)
	if n == nil {
		return undeliveredOp("send", string(name), m, ErrNoNode)
	}
	if node != "" && node != n.name {
		return n.sendValue(ctx, from, OpSendName, PID{Node: node}, name, m)
	}
	p := n.names.get(name)
	if p == nil {
		return undeliveredOp("send", string(name), m, ErrNoProcess)
	}
	if err := sendLocal(from, p, m); err != nil {
		return undeliveredOp("send", string(name), m, err)
	}
	return nil
}

// SendAlias is Send to an alias, see Self.Alias. A message to an alias that is gone is dropped.
func SendAlias(ctx context.Context, alias Reference, m any) error {
	from := callerOf(ctx)
	n := nodeOf(ctx)
	if n == nil {
		return undeliveredOp("send", alias.String(), m, ErrNoNode)
	}
	if alias.Node != n.name {
		return n.sendTerm(ctx, from, &Signal{Op: OpSendAlias, To: PID{Node: alias.Node}, Ref: alias, Body: Body{Value: m}})
	}
	if err := sendLocal(from, n.aliases.get(alias), m); err != nil {
		return undeliveredOp("send", alias.String(), m, err)
	}
	return nil
}

func sendLocal(from caller, p *Self, m any) error {
	if p == nil {
		return nil
	}
	e, err := copyInfo(m)
	if err != nil {
		return err
	}
	if err := p.deliver(from, &e); err != nil && err != ErrNoProcess {
		return err
	}
	return nil
}
