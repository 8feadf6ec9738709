// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"errors"
	"fmt"
)

// Exit reasons. A process that ends with nil or ErrNormal, ErrShutdown or Shutdown(...) ended as it should; any other
// reason is a crash. They are Erlang's and keep their meaning on the wire.
var (
	ErrNormal       = errors.New("normal")
	ErrShutdown     = errors.New("shutdown")
	ErrKill         = errors.New("kill")          // given to SendExit: cannot be trapped
	ErrKilled       = errors.New("killed")        // what links and monitors hear of a process that got ErrKill
	ErrNoProcess    = errors.New("no process")    // there is no such process, or no longer
	ErrNoConnection = errors.New("no connection") // the node cannot be reached, or the link to it broke
)

// Outcomes of a call or send, besides the server's own errors. What happened to the message is told by two more that
// these wrap: errors.Is(err, ErrNotDelivered) means that it surely was not handled and may be sent again.
var (
	// ErrNotDelivered: no handler has seen the message, nor will.
	ErrNotDelivered = errors.New("not delivered")
	// ErrDied: the server ended while it handled the call, which may have had effects.
	ErrDied = errors.New("process died in the call")
	// ErrTimeout: the deadline passed. The message may have been handled, or may yet be, unless ErrNotDelivered too.
	// It is context.DeadlineExceeded as well.
	ErrTimeout error = timeoutError{}
	// ErrMailboxFull: the receiver has as many messages, or bytes, queued as it may. Slow down, or drop.
	ErrMailboxFull = errors.New("mailbox full")
	// ErrNodeBusy: the node's byte budget for queued messages is used up.
	ErrNodeBusy = errors.New("byte budget of the node for queued messages is used up")
	// ErrNotUnderstood: the receiver has no handler for this type of message.
	ErrNotUnderstood = errors.New("message not understood")
	// ErrCallingSelf: a process called itself, which could only time out.
	ErrCallingSelf = errors.New("a process cannot call itself")
	// ErrNoNode: neither the context nor the target says which node is calling. Use node.Context(ctx).
	ErrNoNode = errors.New("the context carries no node: use node.Context(ctx), or self inside a handler")
	// ErrNameTaken: another process has the name.
	ErrNameTaken = errors.New("name is taken")
	// ErrNotRegistered: the message type has no wire name, so it cannot go to another node. Use RegisterCall and the like.
	ErrNotRegistered = errors.New("type is not registered for the wire")
	// ErrLinkFull: a link's buffer has no room (a transport's answer; callers wait instead of seeing it).
	ErrLinkFull = errors.New("link buffer full")
	// ErrNodeStopped: the node has stopped, or is stopping.
	ErrNodeStopped = errors.New("node stopped")
	// ErrTooManyProcesses: the node has as many processes as MaxProcesses allows.
	ErrTooManyProcesses = errors.New("too many processes")
	// ErrStuck: a handler did not return after its process was killed.
	ErrStuck = errors.New("handlers did not return")
	// ErrGoexit: runtime.Goexit was called in a handler.
	ErrGoexit = errors.New("runtime.Goexit was called in a handler")
	// ErrWrongTicket: Defer was asked for a ticket of another type than the call's reply, or outside of a call.
	ErrWrongTicket = errors.New("deferred reply of the wrong type")
	// ErrBadArgument: an argument is not what the function takes. It is Erlang's badarg.
	ErrBadArgument = errors.New("bad argument")
)

type timeoutError struct{}

func (timeoutError) Error() string        { return "timeout" }
func (timeoutError) Timeout() bool        { return true }
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// OpError says what was tried with whom. errors.Is and errors.As see through it.
type OpError struct {
	Op   string // call, cast, send, spawn...
	To   string // the target: a pid, or name@node
	What string // the type of the message, may be empty
	Err  error
}

// Error is "op to (what): cause".
func (e *OpError) Error() string {
	s := e.Op
	if e.To != "" {
		s += " " + e.To
	}
	if e.What != "" {
		s += " (" + e.What + ")"
	}
	return s + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *OpError) Unwrap() error { return e.Err }

// ProcessError is what a caller gets when the process it called ended before it answered.
type ProcessError struct {
	PID       PID
	Reason    error // why it ended; nil is normal
	Delivered bool  // the handler had begun: it may have had effects
}

// Error tells whether the handler had begun.
func (e *ProcessError) Error() string {
	if e.Delivered {
		return fmt.Sprintf("process died in the call: %v", reasonOrNormal(e.Reason))
	}
	return fmt.Sprintf("process died before the call: %v", reasonOrNormal(e.Reason))
}

// Unwrap gives the exit reason, and ErrDied or ErrNotDelivered.
func (e *ProcessError) Unwrap() []error {
	if e.Delivered {
		return []error{reasonOrNormal(e.Reason), ErrDied}
	}
	return []error{reasonOrNormal(e.Reason), ErrNotDelivered}
}

func reasonOrNormal(err error) error {
	if err == nil {
		return ErrNormal
	}
	return err
}

// PanicError is the exit reason of a process that panicked.
type PanicError struct {
	Value string // what was panicked with, printed
	Stack string // where
	Err   error  // the value, if it was an error
}

// Error is the panic's value; the stack is in Stack.
func (e *PanicError) Error() string { return "panic: " + e.Value }

// Unwrap gives the error that was panicked with, if it was one.
func (e *PanicError) Unwrap() error { return e.Err }

// TermError is an exit reason or error that came as an Erlang term without a Go meaning. It goes back as the same term.
type TermError struct{ Term any }

// Error prints the term.
func (e *TermError) Error() string { return fmt.Sprintf("%v", e.Term) }

// RemoteError is an error of another Go node whose type is not registered: only its text crossed the wire.
type RemoteError struct{ Text string }

// Error is the text.
func (e *RemoteError) Error() string { return e.Text }

type shutdownError struct{ reason error }

// Shutdown is the exit reason {shutdown, Reason}: an orderly end that says more. errors.Is(it, ErrShutdown) holds.
func Shutdown(reason error) error { return &shutdownError{reasonOrNormal(reason)} }

func (e *shutdownError) Error() string        { return "shutdown: " + e.reason.Error() }
func (e *shutdownError) Is(target error) bool { return target == ErrShutdown }
func (e *shutdownError) Unwrap() error        { return e.reason }

// ShutdownReason gives what was wrapped by Shutdown.
func ShutdownReason(err error) (reason error, ok bool) {
	s, ok := err.(*shutdownError)
	if !ok {
		return nil, false
	}
	return s.reason, true
}

// Abnormal reports whether an exit reason is a crash: anything but normal, shutdown and {shutdown, _}.
func Abnormal(reason error) bool {
	if reason == nil || reason == ErrNormal || reason == ErrShutdown {
		return false
	}
	_, ok := reason.(*shutdownError)
	return !ok
}

// notDelivered marks an error as safe to send again.
type notDelivered struct{ err error }

func (e *notDelivered) Error() string   { return e.err.Error() }
func (e *notDelivered) Unwrap() []error { return []error{e.err, ErrNotDelivered} }

func undelivered(err error) error {
	for _, u := range undeliveredErrors {
		if err == u.err {
			return u
		}
	}
	return &notDelivered{err}
}

// undeliveredErrors are the usual ones: made once, and known on the wire.
var undeliveredErrors = []*notDelivered{{ErrNoProcess}, {ErrMailboxFull}, {ErrNodeBusy}, {ErrNotUnderstood}, {ErrNodeStopped}}
