// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
)

// ErrSystemLimit says that the other node runs as many calls as it may, or cannot start a process. The function did not run.
var ErrSystemLimit = errors.New("system limit")

// ErrNoServer says that the other node is a Banyan node which answers no rpc: call Start there. The function did not run.
var ErrNoServer = errors.New("the node serves no rpc: call rpc.Start there")

func init() {
	banyan.RegisterError("rpc.system_limit", ErrSystemLimit)
	banyan.RegisterError("rpc.no_server", ErrNoServer)
}

// Class is the class of an exception.
type Class banyan.Atom

// Erlang's classes.
const (
	ClassThrow Class = "throw"
	ClassExit  Class = "exit"
	ClassError Class = "error"
)

// Error is an exception of a function that was called: it ran, or at least began. errors.As and errors.Is see through it to
// what the reason means in Go: *banyan.UndefinedError for undef, *banyan.PanicError for a panic, an error that was
// registered by banyan.RegisterError, and so on.
type Error struct {
	// Class is throw, exit or error.
	Class Class
	// Reason is the term that was thrown, or the reason.
	Reason any
	// Stack is the stack of an error: a list of {Module, Function, ArityOrArgs, Location}.
	Stack etf.List
	// Signal says that the process which ran the function was ended by an exit signal, with this reason.
	Signal bool
}

// Error gives class and reason, and the first line of the stack with its explanation, if there is one.
func (e *Error) Error() string {
	if e.Signal {
		return "ended by an exit signal: " + brief(e.Reason)
	}
	s := string(e.Class) + ": " + brief(e.Reason)
	if len(e.Stack) == 0 {
		return s
	}
	entry, ok := e.Stack[0].(etf.Tuple)
	if !ok || len(entry) != 4 {
		return s
	}
	arity, ok := entry[2].(int)
	if args, isList := entry[2].(etf.List); isList {
		arity, ok = len(args), true
	}
	if ok {
		s += fmt.Sprintf(" in %s:%s/%d", brief(entry[0]), brief(entry[1]), arity)
	}
	if cause := causeOf(entry[3]); cause != "" {
		s += ": " + cause
	}
	return s
}

// causeOf finds the text of {error_info, #{cause => Text}}.
func causeOf(location any) string {
	list, _ := location.(etf.List)
	for _, x := range list {
		if p, ok := x.(etf.Tuple); ok && len(p) == 2 && p[0] == errorInfo {
			if m, ok := p[1].(etf.Map); ok {
				v, _ := m.Get(causeAtom)
				if text, ok := v.([]byte); ok {
					return string(text)
				}
			}
		}
	}
	return ""
}

// Unwrap gives the meaning of the reason in Go.
func (e *Error) Unwrap() error {
	if e.Class == ClassThrow {
		return nil
	}
	if e.Class == ClassError && e.Reason == undefAtom && len(e.Stack) > 0 {
		if u := undefinedAt(e.Stack[0]); u != nil {
			return u
		}
	}
	return dist.TermReason(e.Reason)
}

// undefinedAt reads {M, F, Args, _}.
func undefinedAt(entry any) *banyan.UndefinedError {
	t, ok := entry.(etf.Tuple)
	if !ok || len(t) != 4 {
		return nil
	}
	m, ok1 := t[0].(etf.Atom)
	f, ok2 := t[1].(etf.Atom)
	args, ok3 := t[2].(etf.List)
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	return &banyan.UndefinedError{Module: m, Function: f, Args: args}
}

func (e *Error) stackTerm() any {
	if e.Stack == nil {
		return etf.List{}
	}
	return e.Stack
}

// resultOf reads the exit reason with which an erpc process answers.
func resultOf(res banyan.Reference, reason error) (any, error) {
	if u := (*banyan.UndefinedError)(nil); errors.As(reason, &u) && u.Module == erpcAtom {
		return nil, ErrNoServer
	}
	var term *banyan.TermError
	if !errors.As(reason, &term) {
		return nil, &Error{Class: ClassExit, Reason: dist.ReasonTerm(reason), Signal: true}
	}
	t, ok := term.Term.(etf.Tuple)
	if !ok || len(t) < 3 || t[0] != res {
		if ofErpc(t) {
			return nil, ErrNoServer
		}
		return nil, &Error{Class: ClassExit, Reason: term.Term, Signal: true}
	}
	switch {
	case t[1] == returnAtom:
		return t[2], nil
	case t[1] == errorAtom && len(t) == 4:
		stack, _ := t[3].(etf.List)
		return nil, &Error{Class: ClassError, Reason: t[2], Stack: stack}
	case t[1] == errorAtom:
		return nil, systemError(t[2])
	case t[1] == etf.Atom(ClassThrow), t[1] == etf.Atom(ClassExit):
		class, _ := t[1].(etf.Atom)
		return nil, &Error{Class: Class(class), Reason: t[2]}
	}
	return nil, &Error{Class: ClassExit, Reason: term.Term, Signal: true}
}

// ofErpc reports whether a reason is {undef, [{erpc, ...}|_]}: the node has no erpc.
func ofErpc(t etf.Tuple) bool {
	if len(t) != 2 || t[0] != undefAtom {
		return false
	}
	stack, _ := t[1].(etf.List)
	if len(stack) == 0 {
		return false
	}
	u := undefinedAt(stack[0])
	return u != nil && u.Module == erpcAtom
}

// systemError is what {erpc, Reason} means.
func systemError(t any) error {
	if q, ok := t.(etf.Tuple); ok && len(q) == 2 && q[0] == erpcAtom {
		t = q[1]
	}
	switch t {
	case limitAtom:
		return ErrSystemLimit
	case etf.Atom("noconnection"):
		return banyan.ErrNoConnection
	case etf.Atom("timeout"):
		return banyan.ErrTimeout
	}
	return &Error{Class: ClassError, Reason: etf.Tuple{erpcAtom, t}}
}
