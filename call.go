// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/banyan-go/banyan/internal/sched"
)

// call is the meeting place of one caller and one callee. Calls are used again, so each use has a generation; whoever
// wants something of a call names it and does it by compare-and-swap on state.
//
// The life of a generation: open (sent), then claimed (the callee has begun, and owns the query), then done (the callee
// wrote the reply) or gone (the caller gave up). A gone call that was claimed may still be written to by its callee, so
// it is never used again; every other ended call is.
type call struct {
	state    atomic.Uint64 // gen<<8 | flags
	deadline atomic.Int64  // on the node's clock; 0 none. Set before the call can be seen open
	node     *Node
	rec      *record

	// The query: written by the caller before it opens the call, read by the callee after it has claimed it.
	query envelope
	// The reply: written by the callee before done, read by the caller after.
	reply envelope
	err   error

	by      *Self         // the process that calls, and waits: a server on its coroutine, or a plain process; nil: ch
	ch      chan struct{} // of an outside goroutine
	gather  *gathering    // of CallAll: told instead of waiter and ch
	index   int           // in gather
	remote  *remoteCaller // the caller is on another node; there is no waiter
	pending *pendingReply // the callee is on another node
	ref     Reference     // of pending
	orphan  atomic.Bool   // never to be used again: the sweeper forgets it
	asks    bool          // the callee is to tell its load: written by the caller before it sends
	load    Load          // what it told: written by the callee before done, read by the caller after

	watch   atomic.Pointer[ctxWatch] // of the context of late uses
	seen    uintptr                  // that context's address; caller only, as what follows
	uses    uint8                    // under it, in a row
	watched bool                     // this use relies on watch
}

const (
	callOpen    = 1 << iota // in flight
	callClaimed             // the callee has begun
	callDone                // the reply is there
	callGone                // the caller gave up, why is told by the next three
	callParked              // the caller waits to be woken
	callLate                // gone: deadline
	callBroken              // gone: interrupted by an exit signal, or its context was cancelled
	callKilled              // gone: the callee was killed in it
	callWatched             // parked, and the end of the watched context ends it
	callGen     = iota      // the generation is above the flags
)

// begin opens a new generation.
func (c *call) begin(rec *record, deadline int64) (gen uint32) {
	gen = uint32(c.state.Load()>>callGen) + 1
	c.rec, c.watched, c.asks = rec, false, false
	c.deadline.Store(deadline)
	c.state.Store(uint64(gen)<<callGen | callOpen)
	if deadline != 0 && deadline < c.node.sweeper.next.Load() {
		c.node.sweeper.hurry(deadline)
	}
	return gen
}

// claim takes the query for the callee. False: the caller has given up, drop it unread.
func (c *call) claim(gen uint32) bool {
	for {
		s := c.state.Load()
		if uint32(s>>callGen) != gen || s&callOpen == 0 || s&callClaimed != 0 {
			return false
		}
		if c.state.CompareAndSwap(s, s|callClaimed) {
			return true
		}
	}
}

// finish ends the generation, for one who has claimed it, with the reply written. False: too late, the reply is dropped.
func (c *call) finish(gen uint32, co *sched.Coro) bool { return c.end(gen, callDone, co) }

// end moves an open call to its final flags and wakes the caller.
func (c *call) end(gen uint32, final uint64, co *sched.Coro) bool {
	for {
		s := c.state.Load()
		if uint32(s>>callGen) != gen || s&callOpen == 0 {
			return false
		}
		if c.state.CompareAndSwap(s, s&^(callOpen|callParked)|final) {
			if s&callParked != 0 {
				c.wake(co)
			}
			return true
		}
	}
}

func (c *call) wake(co *sched.Coro) {
	switch {
	case c.gather != nil:
		c.gather.arrived(c.index, co)
	case c.by != nil && c.by.plain != nil:
		c.by.plain.Wake()
	case c.by != nil:
		c.node.sched.Ready(&c.by.Task, co)
	default:
		c.ch <- struct{}{}
	}
}

// CommitPark is the scheduler's question whether the caller is really to wait.
func (c *call) CommitPark() bool {
	for {
		s := c.state.Load()
		if s&callOpen == 0 {
			return false
		}
		if !c.watched {
			if c.state.CompareAndSwap(s, s|callParked) {
				return true
			}
		} else if c.state.CompareAndSwap(s, s|callParked|callWatched) {
			if w := c.watch.Load(); w == nil || w.fired.Load() { // it fired before it could know that we wait
				c.end(uint32(s>>callGen), callGone|callBroken, nil)
			}
			return true
		}
	}
}

// interrupt is called with the mu of the waiting process held; the reason is in its exit field.
func (c *call) interrupt(error) {
	c.end(uint32(c.state.Load()>>callGen), callGone|callBroken, nil)
}

// wait blocks until the call has ended, and returns nil if there is a reply.
func (c *call) wait(ctx context.Context, from caller, gen uint32) error {
	var cancelled <-chan struct{}
	if !from.is(ctx) {
		if cancelled = ctx.Done(); cancelled != nil && c.watches(ctx) {
			cancelled, c.watched = nil, true
		}
	}
	switch {
	case from.co != nil:
		var stop func() bool
		if cancelled != nil {
			stop = context.AfterFunc(ctx, func() { c.end(gen, callGone|callBroken, nil) })
		}
		if c.state.Load()&callOpen != 0 {
			if err := from.self.block(c); err != nil {
				c.end(gen, callGone|callBroken, nil)
			} else {
				from.co.Park(c)
				from.self.unblock()
			}
		}
		if stop != nil {
			stop()
		}
	case from.self != nil:
		if err := from.self.block(c); err != nil {
			c.end(gen, callGone|callBroken, nil)
			break
		}
		from.self.plain.pause()
		if !c.await(from.self.plain.Woken(), cancelled, gen) {
			from.self.plain.resume()
		}
		from.self.unblock()
	default:
		c.await(c.ch, cancelled, gen)
	}
	return c.outcome(ctx, from)
}

// await is wait for a goroutine. False: it need not wait, and was not woken.
func (c *call) await(woken <-chan struct{}, cancelled <-chan struct{}, gen uint32) bool {
	if !c.CommitPark() {
		return false
	}
	if cancelled == nil {
		<-woken
		return true
	}
	select {
	case <-woken:
	case <-cancelled:
		c.end(gen, callGone|callBroken, nil) // wakes us too, unless a reply was faster and does
		<-woken
	}
	return true
}

// outcome tells how an ended call ended.
func (c *call) outcome(ctx context.Context, from caller) error {
	s := c.state.Load()
	if s&callDone != 0 {
		return c.err
	}
	err := from.over(ctx)
	switch {
	case s&callLate != 0:
		err = ErrTimeout
	case s&callKilled != 0:
		return &ProcessError{Reason: ErrKilled, Delivered: true}
	case err != nil:
	case from.self != nil:
		err = from.self.exitReason()
	default:
		err = ErrNodeStopped
	}
	if s&callClaimed == 0 && c.pending == nil {
		return undelivered(err)
	}
	return err
}

// release gives the call back for another use, unless its callee may still write to it.
func (c *call) release(from caller) {
	s := c.state.Load()
	if c.pending != nil && s&callGone != 0 { // the reply is not expected any more
		c.node.remotes.takeRef(c.ref)
	}
	if s&callGone != 0 && s&callClaimed != 0 { // its callee still reads and writes it
		c.orphan.Store(true)
		c.unwatch()
		return
	}
	c.query, c.reply, c.err, c.pending = envelope{}, envelope{}, nil, nil
	c.rec, c.by = nil, nil
	if from.self != nil && from.self.own == nil && c.gather == nil {
		from.self.own = c
		return
	}
	c.node.calls.put(c)
}

// getCall gives a call that nobody uses.
func (n *Node) getCall(from caller) *call {
	var c *call
	if from.self != nil && from.self.own != nil {
		c = from.self.own
		from.self.own = nil
	} else {
		c = n.calls.get(n)
	}
	c.by = from.self
	if from.self == nil && c.ch == nil {
		c.ch = make(chan struct{}, 1)
	}
	return c
}

// runCall serves a call: on the callee's turn.
func runCall[S, R any, Q Query[S, R]](p *Self, e *envelope) {
	c := (*call)(e.ptr)
	if !c.claim(e.gen) && !p.reclaim(c, e) {
		p.node.expired.Add(1)
		return
	}
	p.curGen = e.gen
	p.cur.Store(c)
	var q Q
	if c.query.ptr == nil {
		q = *(*Q)(unsafe.Pointer(&c.query.word))
	} else {
		q = *(*Q)(c.query.ptr)
	}
	began := int64(-1)
	if c.asks {
		began = p.measure()
	}
	r, err := q.Call(stateOf[S](p), p)
	co := p.co.Load()
	if err == nil && p.cur.Load() == nil {
		return // deferred
	}
	var reply envelope
	if err == nil {
		err = putMessage(&reply, &e.rec.reply, r) // before cur is cleared: a Clone method may panic
	}
	if p.cur.CompareAndSwap(c, nil) || p.takeTicket(c, e.gen) { // else it is answered: by a ticket, or because of a kill
		if began >= 0 {
			c.load = p.told(began)
		}
		c.answer(e.gen, reply, err, co)
	}
}

// answer writes the reply and ends the call. Only for the one who has taken it out of cur, or of the tickets.
func (c *call) answer(gen uint32, reply envelope, err error, co *sched.Coro) {
	if c.remote != nil {
		var v any
		if err == nil {
			box := new(envelope) // not &reply: that would put every local reply on the heap
			*box = reply
			v = c.rec.replyAny(box)
		}
		c.remote.answer(c, gen, v, err)
		return
	}
	c.reply, c.err = reply, err
	if !c.finish(gen, co) {
		c.node.late.Add(1)
	}
}

// fail ends a call that the callee will not answer. With delivered false it must not have been claimed yet.
func (c *call) fail(gen uint32, err error, claimed bool, co *sched.Coro) {
	if !claimed && !c.claim(gen) {
		return
	}
	if c.remote != nil {
		c.remote.answer(c, gen, nil, err)
		return
	}
	c.err = err
	c.finish(gen, co)
}

// stateOf gives the state as the handlers want it: S is the type it was spawned as, or an interface it has.
func stateOf[S any](p *Self) S { return p.state.(S) }

// Call sends a query to a server and waits for its reply, at most until the deadline of ctx or else the node's default
// (5 s). Inside a handler pass self as ctx: the worker does other things meanwhile. The query is copied if somebody could
// still change it; so is the reply.
//
// It ends with: the reply; the server's own error; an error that is ErrNotDelivered (no such process, it died before it
// began, ErrMailboxFull, ErrNotUnderstood...: safe to send again); *ProcessError, the server died in the call; ErrTimeout
// or the error of ctx: it may have been handled. Late replies are dropped. Under a ctx that has ended already nothing is sent: its
// error is ErrNotDelivered too.
func Call[S, R any, Q Query[S, R]](ctx context.Context, to Dest[S], q Q, opts ...CallOption) (R, error) {
	var zero R
	ref, ok := to.(Ref[S])
	if !ok {
		if via, ok := to.(Via[S]); ok {
			return callVia[S, R](ctx, via, q, opts)
		}
		var err error
		if ref, err = resolve(ctx, to); err != nil {
			return zero, undeliveredOp("call", "", q, err)
		}
	}
	return callRef[S, R](ctx, ref.h, q, opts, nil)
}

// callRef is Call to one server. If load is not nil the server is asked for it, and what it told is there afterwards.
func callRef[S, R any, Q Query[S, R]](ctx context.Context, h *handle, q Q, opts []CallOption, load *Load) (R, error) {
	var zero R
	if h == nil {
		return zero, undeliveredOp("call", "zero Ref", q, ErrNoProcess)
	}
	from := callerOf(ctx)
	rec := callRecord[S, R, Q]()
	if rec.err != nil {
		return zero, undeliveredOp("call", h.String(), q, rec.err)
	}
	if rec.nilable && isNil(q) {
		return zero, undeliveredOp("call", h.String(), q, errNilMessage)
	}
	if err := from.over(ctx); err != nil {
		return zero, undeliveredOp("call", h.String(), q, err)
	}
	node := h.node
	c := node.getCall(from)
	gen := c.begin(rec, node.deadlineOf(ctx, from, opts))
	if load != nil {
		c.asks, c.load = true, Load{}
	}
	err := putMessage(&c.query, &rec.msg, q)
	if err == nil {
		if h.proc != nil {
			err = c.sendLocal(h.proc, from, gen)
		} else {
			err = c.sendRemote(ctx, h, from, gen)
		}
	}
	if err != nil {
		c.end(gen, callGone, nil)
		c.release(from)
		return zero, undeliveredOp("call", h.String(), q, err)
	}
	err = c.wait(ctx, from, gen)
	if load != nil {
		*load = c.told()
	}
	if err != nil {
		c.release(from)
		return zero, callFailed(h, rec, err)
	}
	r := takeReply[R](c)
	c.release(from)
	return r, nil
}

// told is what the callee of an ended call said of its load. One who is late may still write it, so it is not looked at then.
func (c *call) told() Load {
	if c.state.Load()&callDone == 0 {
		return Load{}
	}
	return c.load
}

// is reports whether ctx is the calling process itself: its end then comes by an interrupt, and needs no channel.
func (c caller) is(ctx context.Context) bool { return c.self != nil && ctx == context.Context(c.self) }

// over is why nothing is sent under a context that has ended; nil if it has not.
func (c caller) over(ctx context.Context) error {
	if c.is(ctx) {
		return nil // an ended process cannot send either: see sendLocal
	}
	err := ctx.Err()
	if err == context.DeadlineExceeded {
		return ErrTimeout
	}
	return err
}

// takeReply reads the reply of a call that is done.
func takeReply[R any](c *call) R {
	if c.reply.ptr == nil {
		return *(*R)(unsafe.Pointer(&c.reply.word))
	}
	return *(*R)(c.reply.ptr)
}

// queryPtr is where the query is, inside or boxed.
func (c *call) queryPtr() unsafe.Pointer {
	if c.query.ptr == nil {
		return unsafe.Pointer(&c.query.word)
	}
	return c.query.ptr
}

// sendLocal puts the call into the callee's mailbox.
func (c *call) sendLocal(p *Self, from caller, gen uint32) error {
	if from.self != nil {
		if from.self == p {
			return ErrCallingSelf
		}
		if from.self.dead.Load() {
			return ErrKilled
		}
		from.self.sent++
	}
	e := envelope{rec: c.rec, ptr: unsafe.Pointer(c), gen: gen, size: c.query.size}
	_, err := p.enqueue(&e, from.co, false)
	return err
}

// callFailed adds who was called to what is not the server's own error.
func callFailed(h *handle, rec *record, err error) error {
	switch e := err.(type) {
	case *ProcessError:
		if e.PID.IsZero() {
			e.PID = h.pid
		}
		return &OpError{Op: "call", To: h.String(), What: rec.name, Err: e}
	case timeoutError, *notDelivered:
		return &OpError{Op: "call", To: h.String(), What: rec.name, Err: err}
	}
	return err
}

func undeliveredOp(op, to string, what any, err error) error {
	return &OpError{Op: op, To: to, What: typeString(what), Err: undelivered(err)}
}

// deadlineOf is when a call ends, on the node's clock.
func (n *Node) deadlineOf(ctx context.Context, from caller, opts []CallOption) int64 {
	for _, o := range opts {
		switch o := o.(type) {
		case callTimeout:
			return max(n.sched.Now()+int64(o), 1) // 0 means none
		case callUntil:
			return int64(o)
		}
	}
	if w, ok := ctx.(*withinCtx); ok {
		return max(min(n.sched.Now()+int64(w.d), n.parentDeadline(w.Context, from)), 1)
	}
	if d := n.parentDeadline(ctx, from); d != math.MaxInt64 {
		return d
	}
	return n.sched.Now() + int64(n.cfg.callTimeout)
}

func (n *Node) parentDeadline(ctx context.Context, from caller) int64 {
	if p, ok := ctx.(*Self); ok { // the deadline of the call that is being served, without turning it into a time.Time
		if p != from.self {
			return math.MaxInt64 // a stray goroutine is not part of that call
		}
		if d := p.deadline(); d != 0 {
			return d
		}
		return math.MaxInt64
	}
	if t, ok := ctx.Deadline(); ok {
		return max(n.sched.At(t), 1)
	}
	return math.MaxInt64
}

// CallOption changes one call.
type CallOption interface{ callOption() }

type callTimeout time.Duration

func (callTimeout) callOption() {}

// Timeout bounds one call in place of the context's deadline and the node's default.
func Timeout(d time.Duration) CallOption { return callTimeout(d) }

// withinCtx carries a duration, which becomes a deadline at the call.
type withinCtx struct {
	context.Context
	d time.Duration
}

// Deadline is d from now, or the parent's if that is sooner.
func (w *withinCtx) Deadline() (time.Time, bool) {
	t := time.Now().Add(w.d)
	if p, ok := w.Context.Deadline(); ok && p.Before(t) {
		t = p
	}
	return t, true
}

// Within is a context whose calls must each be answered within d. Unlike context.WithTimeout it holds no timer and has
// nothing to cancel; its Done does not close by itself. Use it for Call and Cast only.
func Within(ctx context.Context, d time.Duration) context.Context { return &withinCtx{ctx, d} }
