// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/banyan-go/banyan"
)

// Config changes a manager; its New is the constructor.
type Config[E any] struct {
	// MaxHandlers is how many handlers there may be, 1000 by default.
	MaxHandlers int
	// Decode makes an event of a term that an Erlang process sent. Without it the term is taken as it is if E can hold it,
	// and else converted by the rules of the wire (banyan.Node.FromTerm).
	Decode func(term any) (E, error)
}

// Manager is the state of an event manager for events of type E.
type Manager[E any] struct {
	cfg      Config[E]
	handlers []*entry[E] // newest first, as in OTP; replaced, never changed in place, so that a loop may go on in the old one
}

// entry is one handler.
type entry[E any] struct {
	id    banyan.Atom
	h     Handler[E]
	adder banyan.PID // who is linked, zero for none
	gone  bool       // removed, while a loop over the handlers may still come to it
}

// New is the constructor of a manager:
//
//	supervisor.Worker("alarms", event.New[Alarm], supervisor.With(banyan.Name("alarms")))
func New[E any](ctx context.Context, self *banyan.Self) (*Manager[E], error) {
	return Config[E]{}.New(ctx, self)
}

// New is the constructor of a manager that is changed by c.
func (c Config[E]) New(_ context.Context, self *banyan.Self) (*Manager[E], error) {
	if c.MaxHandlers <= 0 {
		c.MaxHandlers = 1000
	}
	self.TrapExits(true)
	return &Manager[E]{cfg: c}, nil
}

// Start starts a manager, without a supervisor.
func Start[E any](by banyan.Spawner, opts ...banyan.SpawnOption) (banyan.Ref[*Manager[E]], error) {
	return banyan.Spawn(by, New[E], opts...)
}

func (m *Manager[E]) find(id banyan.Atom) *entry[E] {
	for _, e := range m.handlers {
		if e.id == id {
			return e
		}
	}
	return nil
}

// notify gives an event to all handlers, newest first.
func (m *Manager[E]) notify(self *banyan.Self, ev E) {
	for _, e := range m.handlers {
		if e.gone {
			continue
		}
		if err := e.event(self, ev); err != nil {
			m.outcome(self, e, fmt.Sprintf("%T", ev), err)
		}
	}
}

func (e *entry[E]) event(self *banyan.Self, ev E) (err error) {
	defer caught(&err)
	return e.h.Event(self, ev)
}

// outcome does what a handler has said by its error.
func (m *Manager[E]) outcome(self *banyan.Self, e *entry[E], what string, err error) {
	var sw *swap[E]
	switch {
	case errors.Is(err, Remove):
		m.remove(self, e, Remove, banyan.ErrNormal)
	case errors.As(err, &sw):
		if err := m.swap(self, e, sw.id, sw.start); err != nil {
			self.Node().Logger().Error("event handler could not be swapped", "pid", self.PID().String(), "handler", string(e.id),
				"for", string(sw.id), "reason", err.Error())
		}
	default:
		m.crash(self, e, what, err)
	}
}

// crash removes a handler that cannot go on.
func (m *Manager[E]) crash(self *banyan.Self, e *entry[E], what string, reason error) {
	stack := ""
	var pe *banyan.PanicError
	if errors.As(reason, &pe) {
		stack = pe.Stack
	}
	self.Node().Logger().Error("event handler crashed", "pid", self.PID().String(), "handler", string(e.id),
		"kind", fmt.Sprintf("%T", e.h), "reason", reason.Error(), "last_message", what, "outcome", "removed", "stack", stack)
	m.remove(self, e, reason, reason)
}

// remove takes a handler out. It hears why, and who added it what told says.
func (m *Manager[E]) remove(self *banyan.Self, e *entry[E], why, told error) {
	if e.gone {
		return
	}
	e.gone = true
	m.handlers = slices.DeleteFunc(slices.Clone(m.handlers), func(o *entry[E]) bool { return o == e })
	if t, ok := e.h.(banyan.Terminator); ok {
		if err := guard(func() error { t.Terminate(self, why); return nil }); err != nil {
			self.Node().Logger().Error("event handler crashed while it was removed", "pid", self.PID().String(),
				"handler", string(e.id), "reason", err.Error())
		}
	}
	if !e.adder.IsZero() {
		m.release(self, e.adder)
		// Who is not there any more needs no message.
		_ = banyan.Send(self, e.adder, Gone{self.PID(), e.id, told})
	}
}

// release unlinks a process of which no handler is left.
func (m *Manager[E]) release(self *banyan.Self, adder banyan.PID) {
	if !slices.ContainsFunc(m.handlers, func(e *entry[E]) bool { return e.adder == adder }) {
		self.Unlink(adder)
	}
}

// add puts a handler before all others.
func (m *Manager[E]) add(self *banyan.Self, id banyan.Atom, adder banyan.PID, start func() (Handler[E], error)) error {
	switch {
	case m.find(id) != nil:
		return fmt.Errorf("%w: %s", ErrHandlerExists, id)
	case len(m.handlers) >= m.cfg.MaxHandlers:
		return ErrTooManyHandlers
	}
	var h Handler[E]
	if err := guard(func() (err error) { h, err = start(); return err }); err != nil {
		return &HandlerError{id, err}
	}
	if !adder.IsZero() {
		if err := self.Link(adder); err != nil {
			return err
		}
	}
	m.handlers = append([]*entry[E]{{id: id, h: h, adder: adder}}, m.handlers...)
	return nil
}

// swap replaces a handler, which may be nil, by another. The link with who added the old one goes over.
func (m *Manager[E]) swap(self *banyan.Self, old *entry[E], id banyan.Atom, start Heir[E, Handler[E]]) error {
	var h Handler[E]
	var adder banyan.PID
	if old != nil {
		h, adder = old.h, old.adder
		m.remove(self, old, ErrSwapped, ErrSwapped)
	}
	err := m.add(self, id, adder, func() (Handler[E], error) { return start(self, self, h) })
	if err != nil && !adder.IsZero() {
		_ = banyan.Send(self, adder, Gone{self.PID(), id, err}) // as in remove
	}
	return err
}

// Info gets what Erlang processes send as plain messages, the ends of those that added handlers, and what is for Info of the
// handlers.
func (m *Manager[E]) Info(self *banyan.Self, v any) error {
	if m.foreign(self, v) {
		return nil
	}
	if x, ok := v.(banyan.Exit); ok {
		for _, e := range slices.Clone(m.handlers) {
			if e.adder == x.From {
				e.adder = banyan.PID{} // there is nobody to tell
				m.remove(self, e, x.Reason, nil)
			}
		}
	}
	for _, e := range m.handlers {
		if i, ok := e.h.(banyan.InfoHandler); ok && !e.gone {
			if err := guard(func() error { return i.Info(self, v) }); err != nil {
				m.outcome(self, e, fmt.Sprintf("%T", v), err)
			}
		}
	}
	return nil
}

// Terminate ends all handlers.
func (m *Manager[E]) Terminate(self *banyan.Self, reason error) {
	for _, e := range m.handlers {
		m.remove(self, e, reason, banyan.ErrShutdown)
	}
}

// guard makes a panic an error.
func guard(f func() error) (err error) {
	defer caught(&err)
	return f()
}

// caught, deferred, makes a panic an error.
func caught(err *error) {
	if v := recover(); v != nil {
		cause, _ := v.(error)
		*err = &banyan.PanicError{Value: fmt.Sprint(v), Stack: string(debug.Stack()), Err: cause}
	}
}
