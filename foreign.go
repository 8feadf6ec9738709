// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"fmt"
	"reflect"
)

// Foreign is the state of servers whose Go type nobody here knows: Erlang's gen_servers, and servers that take terms
// (TermCaller, TermCaster). At[Foreign]("counter", "shop@host") and RefOf[Foreign](node, pid) are such targets; Ask and Tell
// are the messages for them.
type Foreign interface{}

// Ask is a call with any term, gen_server:call(Dest, Term). The reply is decoded into R by the rules of the wire; with R
// any it is the term as it came, {error, Reason} too. With any other R a reply {error, Reason} is an error.
type Ask[R any] struct {
	// Term is the request: any value that can be sent.
	Term any
}

// Call serves an Ask on this node, for a server that has TermCall.
func (a Ask[R]) Call(s Foreign, self *Self) (R, error) {
	var zero R
	h, ok := s.(TermCaller)
	if !ok {
		return zero, undelivered(ErrNotUnderstood)
	}
	v, err := h.TermCall(self, a.Term)
	if err != nil || v == nil {
		return zero, err
	}
	r, ok := v.(R)
	if !ok {
		return zero, fmt.Errorf("%w: the reply is a %T, the caller wants a %v", ErrNotUnderstood, v, reflect.TypeFor[R]())
	}
	return r, nil
}

// MarshalTerm makes it the bare term on the wire.
func (a Ask[R]) MarshalTerm() (any, error) { return a.Term, nil } //lint:any it may be any term

// Tell is a cast of any term, gen_server:cast(Dest, Term).
type Tell struct {
	// Term is the message: any value that can be sent.
	Term any
}

// Cast hands it to TermCast of a server of this node.
func (t Tell) Cast(s Foreign, self *Self) error {
	h, ok := s.(TermCaster)
	if !ok {
		self.node.unhandled.Add(1)
		self.node.logger.Warn("cast not understood", "pid", self.pid.String(), "kind", self.kind.name)
		return nil
	}
	return h.TermCast(self, t.Term)
}

// MarshalTerm makes it the bare term on the wire.
func (t Tell) MarshalTerm() (any, error) { return t.Term, nil } //lint:any it may be any term

// TermCaller is what a server's state may have to serve calls that no registered type of message takes, as Erlang's come:
// '$gen_call' with any request. What it returns is the reply; an error is the reply {error, Reason} and does not end the
// server; Defer[any] answers later. Self.Caller tells who asks. Without it such a call ends with ErrNotUnderstood.
type TermCaller interface {
	TermCall(self *Self, request any) (any, error)
}

// TermCaster is what a server's state may have to get casts that no registered type of message takes: '$gen_cast' with any
// term. An error ends the server with that reason. Without it they are logged, counted and dropped.
type TermCaster interface {
	TermCast(self *Self, note any) error
}

var foreignType = reflect.TypeFor[Foreign]()

// CallAny is Call of a process known by its pid only, with any term: gen_server:call(Pid, Term).
func CallAny(ctx context.Context, to PID, request any, opts ...CallOption) (any, error) { //lint:any terms
	n := nodeOf(ctx)
	if n == nil {
		return nil, undeliveredOp("call", to.String(), request, ErrNoNode)
	}
	ref, err := RefOf[Foreign](n, to)
	if err != nil {
		return nil, undeliveredOp("call", to.String(), request, err)
	}
	return Call(ctx, ref, Ask[any]{request}, opts...)
}

// Caller is the process whose call is being served: zero if that is none, or an outside goroutine of this node.
func (p *Self) Caller() PID {
	c := p.cur.Load()
	switch {
	case c == nil:
		return PID{}
	case c.remote != nil:
		return c.remote.from
	case c.by != nil:
		return c.by.pid
	}
	return PID{}
}
