// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"errors"

	"github.com/banyan-go/banyan"
)

// Handler gets the events of a manager. It runs in the manager's process, one event at a time. It may have Info, Terminate and
// TermCall methods as servers do (banyan.InfoHandler, banyan.Terminator, banyan.TermCaller); Terminate is called however it
// leaves, with ErrSwapped, Remove or banyan.ErrNormal where it was to leave.
//
// An error is why the handler cannot go on: it is removed, that is logged, and who added it by AddSup is told. Remove and
// SwapTo are for leaving in good order. A panic is an error too. An event is shared by all handlers: do not change it.
type Handler[E any] interface {
	Event(self *banyan.Self, ev E) error
}

// Starter makes a handler, in the manager's process. An error means that it is not added. It is the constructor of a server, so
// that a server's may be used.
type Starter[H any] func(ctx context.Context, self *banyan.Self) (H, error)

// Heir makes a handler in place of another, whose Terminate has been called: old is nil if there was none.
type Heir[E, H any] func(ctx context.Context, self *banyan.Self, old Handler[E]) (H, error)

var (
	// Remove is what a handler returns to be removed without that being an error. OTP: remove_handler.
	Remove = errors.New("remove the handler")
	// ErrSwapped is the reason with which a handler leaves for another.
	ErrSwapped = errors.New("swapped")
	// ErrNoHandler: the manager has no handler of that name.
	ErrNoHandler = errors.New("no such handler")
	// ErrHandlerExists: it has one.
	ErrHandlerExists = errors.New("a handler of that name exists")
	// ErrTooManyHandlers: it has as many as Config.MaxHandlers allows.
	ErrTooManyHandlers = errors.New("too many handlers")
)

// HandlerError is what a call gets whose handler crashed in it.
type HandlerError struct {
	ID     banyan.Atom
	Reason error
}

// Error tells which handler and why.
func (e *HandlerError) Error() string {
	return "event handler " + string(e.ID) + ": " + e.Reason.Error()
}

// Unwrap gives the reason.
func (e *HandlerError) Unwrap() error { return e.Reason }

// Gone is the plain message (to Info, or Receive) for a process whose handler, added by AddSup, has left. Reason is
// banyan.ErrNormal if it was removed, ErrSwapped, banyan.ErrShutdown if the manager ended, or why it crashed.
// OTP: {gen_event_EXIT, Handler, Reason}.
type Gone struct {
	Manager banyan.PID
	ID      banyan.Atom
	Reason  error
}

// Immutable marks it as safe to share.
func (Gone) Immutable() {}

// swap is the error that SwapTo gives.
type swap[E any] struct {
	id    banyan.Atom
	start Heir[E, Handler[E]]
}

func (*swap[E]) Error() string { return "swap the handler" }

// SwapTo is what a handler returns to be replaced by another, which may take its state over. OTP: swap_handler.
func SwapTo[E any, H Handler[E]](id banyan.Atom, start Heir[E, H]) error {
	return &swap[E]{id, heir[E](start)}
}

func heir[E any, H Handler[E]](start Heir[E, H]) Heir[E, Handler[E]] {
	return func(ctx context.Context, self *banyan.Self, old Handler[E]) (Handler[E], error) {
		h, err := start(ctx, self, old)
		if err != nil {
			return nil, err
		}
		return h, nil
	}
}

// On makes a handler of a function, for the events that are a T: for managers whose events are of several types.
func On[E, T any](f func(self *banyan.Self, ev T) error) Starter[Handler[E]] {
	return func(context.Context, *banyan.Self) (Handler[E], error) { return handlerFunc[E, T](f), nil }
}

type handlerFunc[E, T any] func(*banyan.Self, T) error

// Event calls the function, if the event is for it.
func (f handlerFunc[E, T]) Event(self *banyan.Self, ev E) error {
	if v, ok := any(ev).(T); ok {
		return f(self, v)
	}
	return nil
}
