// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"errors"
	"time"
)

// Via is a Dest that chooses a target for each message and hears how that went: a router. Call and Cast ask it for another
// target when the message surely reached nobody, and a call whose query is idempotent (see Idempotent) when it is not
// known. All tries of a call are under one deadline.
type Via[S any] interface {
	Dest[S]
	// Try chooses a target. An error ends the message: the last try's own error if there was one. It must not block
	// longer than ctx.
	Try(ctx context.Context, a Attempt) (Trial[S], error)
}

// Attempt is what a Via is told before each try.
type Attempt struct {
	Tried []PID // who had it before, in order; not to be kept
	Hedge bool  // the one before is still out: see Trial.Hedge
	Cast  bool  // nobody will answer: End comes as soon as the message is on its way
}

// Trial is one message on its way to one target.
type Trial[S any] interface {
	// Target is who gets it.
	Target() Ref[S]
	// Hedge is after what time without an answer another target is asked as well, 0 for never. It is asked of calls with
	// an idempotent query only; the first answer counts.
	Hedge() time.Duration
	// End is called once, last, with what the call or cast came to; nil is an answer. It is context.Canceled if the other
	// of two hedged tries was faster. load is what the target said of itself with the reply, if there was one and it did.
	End(err error, load Load)
}

// Idempotent is what a message may say of itself: handled twice it does no more than once. A Via may then send it again
// when it is not known whether the first target handled it.
type Idempotent interface{ Idempotent() bool }

func idempotent(m any) bool {
	i, ok := m.(Idempotent)
	return ok && i.Idempotent()
}

// unreached are the errors for which another target may do better. Others that are ErrNotDelivered are about the message,
// or the caller.
var unreached = []error{ErrNoProcess, ErrNoConnection, ErrMailboxFull, ErrNodeBusy, ErrNodeStopped, ErrLinkFull, ErrCallingSelf}

// Failed reports whether an error that a call or cast to r came to is about r itself (gone, full, silent, out of reach), and
// not an answer of its server: that may well be an error which the server in turn got from somebody else.
func (r Ref[S]) Failed(err error) bool {
	e, ok := err.(*OpError)
	return ok && r.h != nil && e.To == r.h.String()
}

// Unreached reports whether an error that a call or cast to r came to says that the message was not handled, for a reason
// that is r's: sent to another target it may well be handled, and not twice.
func (r Ref[S]) Unreached(err error) bool {
	if !r.Failed(err) || !errors.Is(err, ErrNotDelivered) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrNotUnderstood) {
		return false
	}
	var ended *ProcessError
	if errors.As(err, &ended) {
		return true
	}
	for _, e := range unreached {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// another reports whether a message that failed is to go to another target.
func another[S any](ctx context.Context, ref Ref[S], err error, m any) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	if from := callerOf(ctx); from.self != nil && from.self.dead.Load() {
		return false
	}
	return ref.Unreached(err) || (errors.Is(err, ErrDied) || errors.Is(err, ErrNoConnection)) && idempotent(m)
}

// callUntil is a CallOption: a deadline on the node's clock, which all tries share.
type callUntil int64

func (callUntil) callOption() {}

// callVia is Call through a Via.
func callVia[S, R any, Q Query[S, R]](ctx context.Context, via Via[S], q Q, opts []CallOption) (r R, last error) {
	var tried []PID
	var until int64
	for {
		t, err := via.Try(ctx, Attempt{Tried: tried})
		if err != nil {
			if last == nil {
				last = undeliveredOp("call", "", q, err)
			}
			return r, last
		}
		ref := t.Target()
		switch {
		case ref.h == nil:
		case until == 0:
			until = ref.h.node.deadlineOf(ctx, callerOf(ctx), opts)
		case len(tried) > 0:
			opts = []CallOption{callUntil(until)}
		}
		if d := hedgeAfter(t, q); d > 0 && ref.h != nil {
			var second PID
			if r, second, last = callHedged[S, R](ctx, via, t, q, tried, d, until); !second.IsZero() {
				tried = append(tried, second)
			}
		} else {
			var load Load
			r, last = callRef[S, R](ctx, ref.h, q, opts, &load)
			t.End(last, load)
		}
		if last == nil || !another(ctx, ref, last, q) { // not asked if all is well: that would put q on the heap
			return r, last
		}
		tried = append(tried, ref.PID())
	}
}

func hedgeAfter[S, Q any](t Trial[S], q Q) time.Duration {
	if d := t.Hedge(); d > 0 && idempotent(q) {
		return d
	}
	return 0
}

// castVia is Cast through a Via.
func castVia[S any, M Note[S]](ctx context.Context, via Via[S], m M) (last error) {
	var tried []PID
	for {
		t, err := via.Try(ctx, Attempt{Tried: tried, Cast: true})
		if err != nil {
			if last == nil {
				last = undeliveredOp("cast", "", m, err)
			}
			return last
		}
		ref := t.Target()
		last = Cast(ctx, ref, m)
		t.End(last, Load{})
		if last == nil || !another(ctx, ref, last, m) {
			return last
		}
		tried = append(tried, ref.PID())
	}
}

// callHedged is one call that goes to a second target if the first takes long. second is who that was.
func callHedged[S, R any, Q Query[S, R]](ctx context.Context, via Via[S], first Trial[S], q Q, tried []PID, after time.Duration, until int64) (r R, second PID, last error) {
	from := callerOf(ctx)
	rec := callRecord[S, R, Q]()
	g := &gathering{}
	var trials []Trial[S]
	var calls []*call
	var gens []uint32
	opts := []CallOption{callUntil(until)}
	start := func(t Trial[S]) error {
		c, gen, err := startCall(ctx, t.Target().h, rec, q, from, g, len(calls), opts, true)
		if err != nil {
			t.End(err, Load{})
			return err
		}
		trials, calls, gens = append(trials, t), append(calls, c), append(gens, gen)
		return nil
	}
	if err := start(first); err != nil {
		return r, second, err
	}
	const isTimer = -1
	timer := time.AfterFunc(after, func() { g.arrived(isTimer, nil) })
	defer timer.Stop()
	if !from.is(ctx) && ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { g.arrived(isTimer, nil) })
		defer stop()
	}
	giveUp := func(err error) {
		abandonAll(calls, gens, from)
		for i, c := range calls {
			if c != nil {
				trials[i].End(err, Load{})
			}
		}
	}
	for count(calls) > 0 {
		i, err := g.next(from)
		if err == nil && i == isTimer && !from.is(ctx) && ctx.Err() != nil {
			if err = ctx.Err(); err == context.DeadlineExceeded {
				err = ErrTimeout
			}
		}
		if err != nil {
			giveUp(context.Canceled)
			return r, second, callFailed(first.Target().h, rec, err)
		}
		if i == isTimer {
			t, err := via.Try(ctx, Attempt{Tried: append(tried[:len(tried):len(tried)], first.Target().PID()), Hedge: true})
			if err == nil {
				second = t.Target().PID()
				_ = start(t) // it was told its failure; the first is still out
			}
			continue
		}
		c, to := calls[i], trials[i].Target()
		last = c.outcome(ctx, from)
		load := c.told()
		if last == nil {
			r = takeReply[R](c)
		} else {
			last = callFailed(to.h, rec, last)
		}
		calls[i] = nil
		c.release(from)
		trials[i].End(last, load)
		if !another(ctx, to, last, q) {
			giveUp(context.Canceled)
			return r, second, last
		}
	}
	return r, second, last
}
