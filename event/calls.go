// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
)

// Notify sends an event to all handlers and does not wait. nil means what it does for banyan.Cast. OTP: gen_event:notify.
func Notify[E any](ctx context.Context, to banyan.Dest[*Manager[E]], ev E) error {
	return banyan.Cast(ctx, to, notify[E]{ev})
}

// SyncNotify sends an event and waits until all handlers have handled it. OTP: sync_notify.
func SyncNotify[E any](ctx context.Context, to banyan.Dest[*Manager[E]], ev E, opts ...banyan.CallOption) error {
	_, err := banyan.Call(ctx, to, syncNotify[E]{ev}, opts...)
	return err
}

// Register lets events of type E come from other nodes: to Notify, SyncNotify and Which by Go nodes that have registered it,
// too. What Erlang's gen_event sends needs no registration. Call it at start-up.
func Register[E any]() {
	banyan.RegisterCast[notify[E]]("notify")
	banyan.RegisterCall[syncNotify[E]]("sync_notify")
	banyan.RegisterCall[which[E]]("which_handlers")
}

type notify[E any] struct{ Event E }

// Cast tells the handlers.
func (n notify[E]) Cast(m *Manager[E], self *banyan.Self) error {
	m.notify(self, n.Event)
	return nil
}

type syncNotify[E any] struct{ Event E }

// Call tells the handlers.
func (n syncNotify[E]) Call(m *Manager[E], self *banyan.Self) (banyan.Atom, error) {
	m.notify(self, n.Event)
	return "ok", nil
}

// Add adds a handler under a name, before the others. start makes it, in the manager's process; what it refers to belongs to
// the handler from then on. The manager must be on this node. ErrHandlerExists, ErrTooManyHandlers, or a *HandlerError with the
// error of start. OTP: add_handler.
func Add[E any, H Handler[E]](ctx context.Context, to banyan.Dest[*Manager[E]], id banyan.Atom, start Starter[H]) error {
	return add(ctx, to, id, start, false)
}

// AddSup is Add for a process that wants to be told when the handler leaves, by Gone. The two are linked: the end of the process
// removes the handler, with its exit reason; a manager that is killed is an exit signal to the process, one that is stopped is
// not. OTP: add_sup_handler.
func AddSup[E any, H Handler[E]](self *banyan.Self, to banyan.Dest[*Manager[E]], id banyan.Atom, start Starter[H]) error {
	return add(self, to, id, start, true)
}

func add[E any, H Handler[E]](ctx context.Context, to banyan.Dest[*Manager[E]], id banyan.Atom, start Starter[H], sup bool) error {
	_, err := banyan.Call(ctx, to, change[E]{func(m *Manager[E], self *banyan.Self) error {
		var adder banyan.PID
		if sup {
			if adder = self.Caller(); adder.IsZero() {
				return fmt.Errorf("add handler %s: %w: AddSup is for a process's own turn", id, banyan.ErrNoProcess)
			}
		}
		return m.add(self, id, adder, func() (Handler[E], error) {
			h, err := start(self, self)
			if err != nil {
				return nil, err
			}
			return h, nil
		})
	}})
	return err
}

// Delete removes a handler: its Terminate is called with banyan.ErrNormal. ErrNoHandler. OTP: delete_handler.
func Delete[E any](ctx context.Context, to banyan.Dest[*Manager[E]], id banyan.Atom) error {
	_, err := banyan.Call(ctx, to, change[E]{func(m *Manager[E], self *banyan.Self) error {
		e := m.find(id)
		if e == nil {
			return fmt.Errorf("%w: %s", ErrNoHandler, id)
		}
		m.remove(self, e, banyan.ErrNormal, banyan.ErrNormal)
		return nil
	}})
	return err
}

// Swap replaces the handler old by another, between two events. start gets the old one after its Terminate (with ErrSwapped),
// nil if there is none, and may take its state over. Who had added the old one by AddSup is told, and is linked with the
// new one. If start fails both are gone. OTP: swap_handler.
func Swap[E any, H Handler[E]](ctx context.Context, to banyan.Dest[*Manager[E]], old, id banyan.Atom, start Heir[E, H]) error {
	_, err := banyan.Call(ctx, to, change[E]{func(m *Manager[E], self *banyan.Self) error {
		return m.swap(self, m.find(old), id, heir[E](start))
	}})
	return err
}

// change is a call that changes the handlers. It carries a function, which belongs to the manager from then on.
type change[E any] struct {
	f func(m *Manager[E], self *banyan.Self) error
}

// Immutable lets it be sent, on one node.
func (change[E]) Immutable() {}

// Call does it.
func (c change[E]) Call(m *Manager[E], self *banyan.Self) (struct{}, error) {
	return struct{}{}, c.f(m, self)
}

// Which lists the handlers, newest first. OTP: which_handlers.
func Which[E any](ctx context.Context, to banyan.Dest[*Manager[E]]) ([]banyan.Atom, error) {
	return banyan.Call(ctx, to, which[E]{})
}

type which[E any] struct{}

// Call lists them.
func (which[E]) Call(m *Manager[E], _ *banyan.Self) ([]banyan.Atom, error) { return m.which(), nil }

func (m *Manager[E]) which() []banyan.Atom {
	ids := make([]banyan.Atom, len(m.handlers))
	for i, e := range m.handlers {
		ids[i] = e.id
	}
	return ids
}

// Call sends a query to one handler, whose type is the one that the query's Call takes, and waits for the reply. An error of
// the query is its answer; a panic in it removes the handler, and is a *HandlerError. ErrNoHandler: there is none of that
// name; banyan.ErrNotUnderstood: it is of another type. OTP: gen_event:call.
func Call[E, H, R any, Q banyan.Query[H, R]](ctx context.Context, to banyan.Dest[*Manager[E]], id banyan.Atom, q Q, opts ...banyan.CallOption) (R, error) {
	return banyan.Call[*Manager[E], R](ctx, to, ask[E, H, R, Q]{id, q}, opts...)
}

type ask[E, H, R any, Q banyan.Query[H, R]] struct {
	ID    banyan.Atom
	Query Q
}

// Call runs the query on the handler.
func (a ask[E, H, R, Q]) Call(m *Manager[E], self *banyan.Self) (r R, err error) {
	e := m.find(a.ID)
	if e == nil {
		return r, fmt.Errorf("%w: %s", ErrNoHandler, a.ID)
	}
	h, ok := any(e.h).(H)
	if !ok {
		return r, fmt.Errorf("%w: handler %s is a %T", banyan.ErrNotUnderstood, a.ID, e.h)
	}
	if crash := guard(func() error { r, err = a.Query.Call(h, self); return nil }); crash != nil {
		m.crash(self, e, fmt.Sprintf("%T", a.Query), crash)
		return r, &HandlerError{a.ID, crash}
	}
	return r, err
}
