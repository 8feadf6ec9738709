// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"unsafe"
)

// SystemOp is what a system message asks for.
type SystemOp uint8

// The operations that servers know.
const (
	SystemGetState SystemOp = iota + 1
	SystemGetStatus
	SystemSuspend
	SystemResume
	SystemTerminate
)

// atom is its name in Erlang's module sys.
func (o SystemOp) atom() Atom {
	return [...]Atom{"", "get_state", "get_status", "suspend", "resume", "terminate"}[o]
}

// SystemRequest is a system message to a server, as Erlang's module sys sends them: the runtime serves it on the server's
// turn, in order with its other messages.
type SystemRequest struct {
	Op SystemOp
	// Reason is why the server is to end, for SystemTerminate.
	Reason error
	// Answer makes the reply to SystemGetState and SystemGetStatus. It runs on the server's turn.
	Answer func(ServerStatus) any //lint:any a term
}

// ServerStatus is what a server's runtime knows of it.
type ServerStatus struct {
	PID, Parent PID
	Name        Atom   // registered name, if any
	Kind        string // the type of the state
	Suspended   bool
	Trapping    bool
	State       any //lint:any see Inspect
}

// Inspector is what a server's state may have to say what Inspect, and sys:get_state of Erlang, show of it. It runs on the
// server's turn, and gives a value that can be sent.
type Inspector interface {
	Inspect() any //lint:any whatever the server likes to show
}

// Inspect shows the state of a server, of this node or another, an Erlang one too: sys:get_state. What it shows is what
// the state's Inspect method gives. Without one it is a rendering of the fields, bounded in size: structs and maps as maps,
// slices as lists. What lies behind a pointer, or beside a lock, may be in use by others: only its type is named.
func Inspect(ctx context.Context, pid PID) (any, error) { //lint:any a state
	return systemCall(ctx, pid, SystemRequest{Op: SystemGetState})
}

// Suspend makes a server stop at its next message: until Resume it serves system messages only. The others wait, within
// its mailbox's bounds; exit signals count as ever.
func Suspend(ctx context.Context, pid PID) error {
	_, err := systemCall(ctx, pid, SystemRequest{Op: SystemSuspend})
	return err
}

// Resume lets a suspended server go on.
func Resume(ctx context.Context, pid PID) error {
	_, err := systemCall(ctx, pid, SystemRequest{Op: SystemResume})
	return err
}

// systemQuery is a SystemRequest as a call. Invariant: nobody writes to it.
type systemQuery struct{ req *SystemRequest }

// Immutable marks it as safe to share.
func (systemQuery) Immutable() {}

// MarshalTerm is for those that Inspect, Suspend and Resume send.
func (q systemQuery) MarshalTerm() (any, error) { return q.req.Op.atom(), nil }

// systemRecord is the record of system messages: a call with a count.
var systemRecord = sync.OnceValue(func() *record {
	r := callRecord[Foreign, any, systemQuery]()
	r.run = func(p *Self, e *envelope) {
		p.mu.Lock()
		if p.ext != nil {
			p.ext.systems--
		}
		p.mu.Unlock()
		runCall[Foreign, any, systemQuery](p, e)
	}
	return r
})

// maxSystems is how many system messages may wait for one server. They pass its mailbox's bounds, so that a full or
// suspended one can be looked at.
const maxSystems = 100

const okAtom Atom = "ok"

// Call serves it.
func (q systemQuery) Call(_ Foreign, self *Self) (any, error) {
	switch q.req.Op {
	case SystemSuspend:
		if self.suspended() {
			return okAtom, nil
		}
		if err := Defer[any](self).Reply(okAtom); err != nil && err != ErrTimeout {
			return nil, err
		}
		self.serveSystem()
		return nil, nil
	case SystemResume:
		self.mu.Lock()
		if self.ext != nil {
			self.ext.suspended = nil
		}
		self.mu.Unlock()
		return okAtom, nil
	case SystemTerminate:
		self.Stop(q.req.Reason)
		return okAtom, nil
	}
	st, err := self.status()
	if err != nil || q.req.Answer == nil {
		return st.State, err
	}
	return q.req.Answer(st), nil
}

// status is for the server's own turn.
func (p *Self) status() (st ServerStatus, err error) {
	st = ServerStatus{PID: p.pid, Kind: p.kind.name, Suspended: p.suspended()}
	p.mu.Lock()
	st.Trapping = p.trap
	if r := p.ext; r != nil {
		st.Parent = r.parent
		if len(r.names) > 0 {
			st.Name = r.names[0]
		}
	}
	p.mu.Unlock()
	defer func() { // a panic in the server's Inspect must not end it
		if v := recover(); v != nil {
			err = fmt.Errorf("inspect %s: %w", p.kind.name, panicReason(v))
		}
	}()
	if i, ok := p.state.(Inspector); ok {
		st.State = i.Inspect()
	} else {
		st.State = renderState(p.state)
	}
	return st, nil
}

func (p *Self) suspended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ext != nil && p.ext.suspended != nil
}

// serveSystem is a suspended server: it stays in its turn, parked, and takes system messages past the others.
func (p *Self) serveSystem() {
	from := caller{p.node, p, p.co.Load()}
	for first := true; !p.stopped; first = false {
		w := newWaiter(from)
		p.mu.Lock()
		if p.dead.Load() || !first && p.ext.suspended == nil {
			p.mu.Unlock()
			return
		}
		p.related().suspended = w // from here on a message wakes us
		e, ok := p.takeSystem()
		p.mu.Unlock()
		switch {
		case ok:
			e.rec.run(p, &e)
		case w.waitInterruptibly(from) != nil:
			p.rejectBatch()
			return
		}
	}
}

// takeSystem takes the first system message out of the mailbox, wherever it is. With mu held, on the turn.
func (p *Self) takeSystem() (e envelope, ok bool) {
	sys := systemRecord()
	if b := p.inner; b != nil {
		for i := b.pos; i < len(b.env); i++ {
			if b.env[i].rec == sys {
				e, b.env[i] = b.env[i], envelope{}
				return e, true
			}
		}
	}
	if p.firstState == firstFull && p.first.rec == sys {
		e, p.first = p.first, envelope{}
		p.bytes -= int64(e.size)
		return e, true
	}
	if b := p.outer; b != nil {
		for i := range b.env {
			if b.env[i].rec == sys {
				e = b.env[i]
				b.env = slices.Delete(b.env, i, i+1)
				p.bytes -= int64(e.size)
				return e, true
			}
		}
	}
	return envelope{}, false
}

// rejectBatch refuses what the runner has taken, when an exit signal has ended the suspension: no message is handled
// after that.
func (p *Self) rejectBatch() {
	b := p.inner
	if b == nil {
		return
	}
	reason := p.exitReason()
	for i := b.pos; i < len(b.env); i++ {
		p.reject(&b.env[i], reason)
		b.env[i] = envelope{}
	}
}

// enqueueSystem queues a system message, past the mailbox's bounds but not without one.
func (p *Self) enqueueSystem(e *envelope, from caller) error {
	if p.plain != nil {
		return ErrNotUnderstood
	}
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return ErrNoProcess
	}
	r := p.related()
	if r.systems >= maxSystems {
		p.mu.Unlock()
		return ErrMailboxFull
	}
	r.systems++
	p.mu.Unlock()
	if _, err := p.enqueue(e, from.co, true); err != nil {
		return err
	}
	p.mu.Lock()
	var w *waiter
	if p.ext != nil {
		w = p.ext.suspended
	}
	p.mu.Unlock()
	if w != nil {
		w.wake(from.co)
	}
	return nil
}

// systemCall sends a system message and waits for the answer.
func systemCall(ctx context.Context, pid PID, req SystemRequest) (any, error) {
	op := func(err error) error {
		return &OpError{Op: string(req.Op.atom()), To: pid.String(), Err: err}
	}
	n := nodeOf(ctx)
	if n == nil {
		return nil, op(undelivered(ErrNoNode))
	}
	from := callerOf(ctx)
	c := n.getCall(from)
	gen := c.begin(systemRecord(), n.deadlineOf(ctx, from, nil))
	c.query.ptr = unsafe.Pointer(&systemQuery{&req})
	err := c.sendSystem(ctx, pid, from, gen)
	if err != nil {
		c.end(gen, callGone, nil)
		c.release(from)
		return nil, op(undelivered(err))
	}
	if err = c.wait(ctx, from, gen); err != nil {
		c.release(from)
		return nil, op(err)
	}
	r := takeReply[any](c)
	c.release(from)
	return r, nil
}

func (c *call) sendSystem(ctx context.Context, pid PID, from caller, gen uint32) error {
	if pid.Node != c.node.name {
		return c.sendRemote(ctx, &handle{pid: pid, node: c.node}, from, gen)
	}
	p := c.node.procs.get(pid)
	switch {
	case p == nil:
		return ErrNoProcess
	case p == from.self:
		return ErrCallingSelf
	}
	return p.enqueueSystem(&envelope{rec: c.rec, ptr: unsafe.Pointer(c), gen: gen}, from)
}

// deliverSystem queues a system message that came from another node, to a server.
func (n *Node) deliverSystem(l *remoteNode, s *Signal, q *Self) {
	b := &s.Body
	req, ok := b.Value.(*SystemRequest)
	if q == nil || !ok {
		return // the asker's monitor tells
	}
	c := &call{node: n, remote: &remoteCaller{l: l, callee: q.pid, from: b.From, tag: b.Tag, term: b.TagTerm}}
	c.query.ptr = unsafe.Pointer(&systemQuery{req})
	gen := c.begin(systemRecord(), 0)
	if err := q.enqueueSystem(&envelope{rec: c.rec, ptr: unsafe.Pointer(c), gen: gen}, caller{}); err != nil {
		l.control(replySignal(b.From, b.Tag, b.TagTerm, nil, undelivered(err)))
	}
}
