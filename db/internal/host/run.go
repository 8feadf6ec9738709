// SPDX-License-Identifier: Apache-2.0

package host

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// Transport carries frames to other nodes.
type Transport interface {
	// Send sends a frame, or drops it. It must not block. The frame belongs to the transport.
	Send(f *Frame)
}

// Host is a Core with goroutines: one runs it, one writes its log, one applies. Its methods may be called from anywhere.
type Host struct {
	core      *Core
	transport Transport

	mu      sync.Mutex
	inbox   []func(*Core)
	pieces  []*Apply
	stopped bool

	wake    chan struct{} // the core has something to do
	apply   chan struct{} // pieces has something
	appends chan *Append
	done    chan struct{}
	lanes   sync.WaitGroup
	err     error // why it stopped; set before done is closed
}

// Start runs a core that New gave, with ticks of the given length. transport may be nil: then the node is alone.
// Stop it, and close its stores afterwards.
func Start(core *Core, tick time.Duration, transport Transport) *Host {
	h := &Host{core: core, transport: transport, wake: make(chan struct{}, 1), apply: make(chan struct{}, 1),
		appends: make(chan *Append, 1), done: make(chan struct{})}
	h.lanes.Add(2)
	go h.write()
	go h.applier()
	go h.run(tick)
	return h
}

// Do runs f on the core's goroutine, soon. After the host has stopped, f does not run and Do returns false.
func (h *Host) Do(f func(*Core)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return false
	}
	h.inbox = append(h.inbox, f)
	nudge(h.wake)
	return true
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Done is closed when the host has stopped, by Stop or because a store has died.
func (h *Host) Done() <-chan struct{} { return h.done }

// Err says why the host stopped; valid once Done is closed.
func (h *Host) Err() error { return h.err }

// Stop stops the host and waits for its goroutines. Proposals under way end with ErrUnknown. If a store has died, one of its goroutines may be
// stuck in it, and is left.
func (h *Host) Stop() {
	h.Do(func(c *Core) { c.Close() })
	<-h.done
}

// run is the core's goroutine.
func (h *Host) run(tick time.Duration) {
	t := time.NewTicker(tick)
	defer t.Stop()
	c := h.core
	for c.Err() == nil {
		select {
		case <-h.wake:
		case <-t.C:
			c.Tick()
		case <-c.cfg.Log.Dead():
			c.Fail(c.cfg.Log.Err())
		case <-c.cfg.State.Dead():
			c.Fail(c.cfg.State.Err())
		}
		h.mu.Lock()
		in := h.inbox
		h.inbox = nil
		h.mu.Unlock()
		for _, f := range in {
			f(c)
		}
		for h.carry(c.Work()) {
		}
	}
	h.end()
}

// carry hands out work. True: it has carried some of it out itself, and there may be more.
func (h *Host) carry(w Work) bool {
	if h.transport != nil {
		for _, f := range w.Frames {
			h.transport.Send(f)
		}
	}
	if len(w.Apply) > 0 {
		h.mu.Lock()
		h.pieces = append(h.pieces, w.Apply...)
		h.mu.Unlock()
		nudge(h.apply)
	}
	switch {
	case w.Append == nil:
		return false
	case h.core.cfg.Log.Volatile(): // another goroutine would cost more than the write
		w.Append.Run()
		h.core.Appended(w.Append)
		return true
	}
	h.appends <- w.Append // there is never more than one
	return false
}

// end answers everything that still comes in, and ends the lanes.
func (h *Host) end() {
	h.mu.Lock()
	h.stopped = true
	in := h.inbox
	h.inbox = nil
	h.mu.Unlock()
	for _, f := range in {
		f(h.core) // they find a core that has failed, which answers at once
	}
	close(h.appends)
	close(h.apply)
	if h.core.cfg.Log.Err() == nil && h.core.cfg.State.Err() == nil {
		h.lanes.Wait()
	}
	h.err = h.core.Err()
	close(h.done)
}

func (h *Host) write() {
	defer h.lanes.Done()
	for a := range h.appends {
		a.Run()
		h.Do(func(c *Core) { c.Appended(a) })
	}
}

func (h *Host) applier() {
	defer h.lanes.Done()
	for range h.apply {
		h.mu.Lock()
		pieces := h.pieces
		h.pieces = nil
		h.mu.Unlock()
		for _, a := range pieces {
			a.Run()
			h.Do(func(c *Core) { c.Applied(a) })
		}
	}
}

// answered waits for what f, on the core's goroutine, is to hand to done, once. late says what it means that ctx ends first.
func answered[T any](ctx context.Context, h *Host, late error, f func(c *Core, done func(T))) (v T, err error) {
	ch := make(chan T, 1)
	if !h.Do(func(c *Core) { f(c, func(v T) { ch <- v }) }) {
		return v, ErrStopped
	}
	select {
	case v = <-ch:
		return v, nil
	case <-ctx.Done():
		return v, errors.Join(late, ctx.Err())
	}
}

// Propose is Core.Propose from any goroutine. When ctx ends first, the outcome is unknown: the error is ErrUnknown and ctx's.
func (h *Host) Propose(ctx context.Context, group uint64, data []byte) (Result, error) {
	r, err := answered(ctx, h, ErrUnknown, func(c *Core, done func(Result)) { c.Propose(group, data, done) })
	return r, cmp.Or(err, r.Err)
}

// Change is Core.Change from any goroutine. When ctx ends first, the outcome is unknown.
func (h *Host) Change(ctx context.Context, group uint64, ch Change) error {
	r, err := answered(ctx, h, ErrUnknown, func(c *Core, done func(Result)) { c.Change(group, ch, done) })
	return cmp.Or(err, r.Err)
}

// Read is Core.Read from any goroutine.
func (h *Host) Read(ctx context.Context, group uint64) error {
	failed, err := answered(ctx, h, nil, func(c *Core, done func(error)) { c.Read(group, done) })
	return cmp.Or(err, failed)
}

// Await is Core.Await from any goroutine.
func (h *Host) Await(ctx context.Context, group, index uint64) error {
	failed, err := answered(ctx, h, nil, func(c *Core, done func(error)) { c.Await(group, index, done) })
	return cmp.Or(err, failed)
}

// Status is Core.Status from any goroutine.
func (h *Host) Status(group uint64) (st Status, ok bool) {
	ch := make(chan struct{})
	if !h.Do(func(c *Core) { st, ok = c.Status(group); close(ch) }) {
		return Status{}, false
	}
	<-ch
	return st, ok
}
