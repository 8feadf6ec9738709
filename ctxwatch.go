// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"sync/atomic"
	"unsafe"
)

// ctxWatch ends the calls that wait under one context, one after another, when that context is done. A call keeps it from use
// to use, for who calls often mostly has one context for all: a look at the state then does for a channel to select on, or
// for a context.AfterFunc each time.
type ctxWatch struct {
	ctx   context.Context
	fired atomic.Bool // set before the call is ended, so that whoever waits later sees it
	stop  func() bool
}

const watchAfter = 4 // uses of a call under the same context in a row after which it is watched

// sameContext compares without looking at the values, which need not be comparable.
func sameContext(a, b context.Context) bool {
	return *(*[2]unsafe.Pointer)(unsafe.Pointer(&a)) == *(*[2]unsafe.Pointer)(unsafe.Pointer(&b))
}

// watches reports whether the end of ctx ends the call by itself, from CommitPark on. Caller only, before CommitPark.
func (c *call) watches(ctx context.Context) bool {
	w := c.watch.Load()
	if w != nil && sameContext(w.ctx, ctx) {
		return true
	}
	if id := (*[2]uintptr)(unsafe.Pointer(&ctx))[1]; c.seen != id { // a number, for it may be the last that holds ctx
		c.seen, c.uses = id, 1
		return false
	}
	if c.uses++; c.uses < watchAfter {
		return false
	}
	c.unwatch()
	w = &ctxWatch{ctx: ctx}
	w.stop = context.AfterFunc(ctx, func() { c.contextDone(w) })
	c.watch.Store(w) // if it has fired by now, CommitPark sees that
	return true
}

// contextDone ends the call if it waits under that watch.
func (c *call) contextDone(w *ctxWatch) {
	w.fired.Store(true)
	for {
		s := c.state.Load()
		if s&(callOpen|callWatched) != callOpen|callWatched || c.watch.Load() != w {
			break
		}
		if c.end(uint32(s>>callGen), callGone|callBroken, nil) {
			break
		}
	}
	c.watch.CompareAndSwap(w, nil) // or it would keep the context alive
}

// unwatch lets go of the context. Caller only, or when nobody uses the call any more.
func (c *call) unwatch() {
	if w := c.watch.Swap(nil); w != nil {
		w.stop()
	}
	c.seen, c.uses = 0, 0
}
