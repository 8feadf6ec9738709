// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/banyan-go/banyan/internal/sched"
)

// Reply is one answer to CallAll.
type Reply[R any] struct {
	From  PID
	Value R
	Err   error
}

// gathering is one caller that waits for several calls.
type gathering struct {
	mu    sync.Mutex
	ready []int
	w     *waiter
}

func (g *gathering) arrived(i int, co *sched.Coro) {
	g.mu.Lock()
	g.ready = append(g.ready, i)
	w := g.w
	g.w = nil
	g.mu.Unlock()
	if w != nil {
		w.wake(co)
	}
}

// next waits for a call to end and gives its index.
func (g *gathering) next(from caller) (int, error) {
	for {
		g.mu.Lock()
		if len(g.ready) > 0 {
			i := g.ready[0]
			g.ready = g.ready[1:]
			g.mu.Unlock()
			return i, nil
		}
		w := newWaiter(from)
		g.w = w
		g.mu.Unlock()
		if err := w.waitInterruptibly(from); err != nil {
			return 0, err
		}
	}
}

// CallAll sends a query to all and yields their replies as they arrive, each one once, under one deadline. Who does not
// answer in time is an error in its place. When the loop is left early the calls still in flight are given up.
func CallAll[S, R any, Q Query[S, R]](ctx context.Context, to Many[S], q Q, opts ...CallOption) iter.Seq[Reply[R]] {
	return func(yield func(Reply[R]) bool) {
		refs, err := to.ResolveAll(ctx)
		if err != nil {
			yield(Reply[R]{Err: undeliveredOp("call", "", q, err)})
			return
		}
		from := callerOf(ctx)
		rec := callRecord[S, R, Q]()
		g := &gathering{}
		calls := make([]*call, len(refs))
		gens := make([]uint32, len(refs))
		for i, ref := range refs {
			calls[i], gens[i], err = startCall(ctx, ref.h, rec, q, from, g, i, opts, false)
			if err == nil {
				continue
			}
			if !yield(Reply[R]{From: ref.PID(), Err: err}) {
				abandonAll(calls, gens, from)
				return
			}
		}
		if !from.is(ctx) && ctx.Done() != nil {
			all := slices.Clone(calls)
			stop := context.AfterFunc(ctx, func() {
				for i, c := range all {
					if c != nil {
						c.end(gens[i], callGone|callBroken, nil)
					}
				}
			})
			defer stop()
		}
		for waiting := count(calls); waiting > 0; waiting-- {
			i, err := g.next(from)
			if err != nil { // this process is to end: say so for each one left, or the result would pass for a whole
				abandonAll(calls, gens, from)
				for j, c := range calls {
					if c != nil && !yield(Reply[R]{From: refs[j].PID(), Err: err}) {
						return
					}
				}
				return
			}
			r := Reply[R]{From: refs[i].PID()}
			c := calls[i]
			if r.Err = c.outcome(ctx, from); r.Err == nil {
				r.Value = takeReply[R](c)
			} else {
				r.Err = callFailed(refs[i].h, rec, r.Err)
			}
			calls[i] = nil
			c.release(from)
			if !yield(r) {
				abandonAll(calls, gens, from)
				return
			}
		}
	}
}

// startCall sends one call of several; nil if it could not be sent. With asks the callee is to tell its load.
func startCall[Q any](ctx context.Context, h *handle, rec *record, q Q, from caller, g *gathering, i int, opts []CallOption, asks bool) (*call, uint32, error) {
	if h == nil {
		return nil, 0, undeliveredOp("call", "zero Ref", q, ErrNoProcess)
	}
	if rec.err != nil {
		return nil, 0, undeliveredOp("call", h.String(), q, rec.err)
	}
	if rec.nilable && isNil(q) {
		return nil, 0, undeliveredOp("call", h.String(), q, errNilMessage)
	}
	if err := from.over(ctx); err != nil {
		return nil, 0, undeliveredOp("call", h.String(), q, err)
	}
	c := h.node.calls.get(h.node)
	c.by, c.gather, c.index = from.self, g, i
	gen := c.begin(rec, h.node.deadlineOf(ctx, from, opts))
	c.asks, c.load = asks, Load{}
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
		return nil, 0, undeliveredOp("call", h.String(), q, err)
	}
	if !c.CommitPark() {
		g.arrived(i, nil)
	}
	return c, gen, nil
}

func abandonAll(calls []*call, gens []uint32, from caller) {
	for i, c := range calls {
		if c == nil {
			continue
		}
		if c.end(gens[i], callGone|callBroken, nil) {
			c.release(from)
		} else {
			c.orphan.Store(true) // who ended it may not have told us yet
		}
	}
}

func count(calls []*call) (n int) {
	for _, c := range calls {
		if c != nil {
			n++
		}
	}
	return n
}
