// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"

	"github.com/banyan-go/banyan"
)

// Future is the result of a call that goes on meanwhile, see Async. It may be used from any goroutine or process, and kept.
type Future[R any] struct {
	done   banyan.Latch
	cancel context.CancelFunc
	value  R     // written before done opens
	err    error // likewise
}

// Async starts a call and returns at once: rpc:async_call, erpc:send_request. The arguments are copied first. The call is
// given up when ctx is over; with a process's own context that is when the process ends, not with its handler. On the
// other node the caller is this node, not the process.
func Async[R any](ctx context.Context, node, module, function banyan.Atom, args ...any) *Future[R] { //lint:any terms
	f := &Future[R]{}
	k := key{module, function, len(args)}
	n := banyan.NodeOf(ctx)
	list, err := termsOf(args)
	if n == nil {
		err = banyan.ErrNoNode
	}
	if err != nil {
		f.cancel = func() {}
		f.err = opError("call", node, k, err)
		f.done.Open()
		return f
	}
	if self, ok := ctx.(*banyan.Self); ok {
		ctx = self.Context()
	}
	var out context.Context
	out, f.cancel = outside(ctx, n)
	go func() { // ends with its call, which ends with ctx, the link or the node
		defer f.done.Open()
		defer f.cancel()
		if f.value, f.err = callWith[R](out, n, node, module, function, list); f.err != nil {
			f.err = opError("call", node, k, f.err)
		}
	}()
	return f
}

// outside is ctx for calls that a goroutine makes for a process, or for any caller. It must be called by the caller itself.
func outside(ctx context.Context, n *banyan.Node) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(ctx)
	if d, ok := ctx.Deadline(); ok { // of banyan.Within too, which begins now and not at the call
		var stop context.CancelFunc
		out, stop = context.WithDeadline(out, d)
		return n.Context(out), func() { stop(); cancel() }
	}
	return n.Context(out), cancel
}

// Await waits for the result until ctx is over: rpc:yield, erpc:receive_response. It may be asked again, also after that.
func (f *Future[R]) Await(ctx context.Context) (R, error) {
	if err := f.done.Wait(ctx); err != nil {
		var zero R
		return zero, err
	}
	return f.value, f.err
}

// Poll gives the result if it is there: rpc:nb_yield.
func (f *Future[R]) Poll() (r R, err error, ok bool) {
	if !f.done.IsOpen() {
		return r, nil, false
	}
	return f.value, f.err, true
}

// Cancel gives the call up; Await then gives context.Canceled, unless the result was there. The function may go on.
func (f *Future[R]) Cancel() { f.cancel() }
