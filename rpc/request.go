// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"

	"github.com/banyan-go/banyan"
)

// Request is what a registered function can know of its call, see From.
type Request struct {
	// Self is the process that runs the function, and nothing else. It is the function's context too.
	Self *banyan.Self
	// Caller is the process that called, perhaps on another node. For a goroutine that is no process it is a pid of its node.
	Caller banyan.PID
	// GroupLeader takes the output of the function, by Erlang's I/O protocol; zero if there is none.
	GroupLeader banyan.PID
	// Module and Function are the name under which the function was called.
	Module, Function banyan.Atom
	// Args are the arguments, as terms.
	Args []any
}

// From gives the call that a registered function serves; ok is false if ctx is not that of such a function.
func From(ctx context.Context) (r Request, ok bool) {
	c, ok := ctx.(*call)
	if !ok {
		if c, ok = ctx.Value(callKey{}).(*call); !ok {
			return Request{}, false
		}
	}
	return c.req, true
}

type callKey struct{}

// call is one running function, and its context.
type call struct {
	*banyan.Self
	req Request
	bad error // the first argument that does not fit
}

// Value finds the call in contexts that derive from it.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Self.Value(key)
}
