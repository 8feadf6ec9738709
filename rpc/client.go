// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// Call runs a function on a node and gives its result: erpc:call. R is the type of the result, any for the term as it is.
// The node may be an Erlang node, a Banyan node that serves rpc, or this one ("" too), where it is the same in all but speed.
//
// It waits until ctx is over; without an end it waits as long as the link to the node holds. Errors: *Error for an
// exception, banyan.ErrNoConnection, banyan.ErrTimeout or the context's error (the function may go on), ErrSystemLimit,
// ErrNoServer. args may be anything that can travel.
func Call[R any](ctx context.Context, node, module, function banyan.Atom, args ...any) (R, error) { //lint:any terms
	var r R
	n := banyan.NodeOf(ctx)
	if n == nil {
		return r, opError("call", node, key{module, function, len(args)}, banyan.ErrNoNode)
	}
	list, err := isolatedArgs(n, node, args)
	if err == nil {
		r, err = callWith[R](ctx, n, node, module, function, list)
	}
	if err != nil {
		return r, opError("call", node, key{module, function, len(args)}, err)
	}
	return r, nil
}

// callWith is Call with arguments that nobody changes.
func callWith[R any](ctx context.Context, n *banyan.Node, node, module, function banyan.Atom, args etf.List) (r R, err error) {
	res := newRes(n)
	reason, err := banyan.RunAt(ctx, node, erpcAtom, "execute_call", []any{res, module, function, args})
	if err != nil {
		if op, ok := err.(*banyan.OpError); ok {
			err = op.Err
		}
		return r, err
	}
	t, err := resultOf(res, reason)
	if err != nil {
		return r, err
	}
	if err := store(n, t, &r); err != nil {
		return r, fmt.Errorf("the result %s is no %v: %w", brief(t), reflect.TypeFor[R](), err)
	}
	return r, nil
}

// Cast runs a function on a node and does not wait, nor tell how it ends: rpc:cast. nil means that the request is in the
// buffer of the link. A node that serves no rpc says nothing.
func Cast(ctx context.Context, node, module, function banyan.Atom, args ...any) error { //lint:any terms
	n := banyan.NodeOf(ctx)
	if n == nil {
		return opError("cast", node, key{module, function, len(args)}, banyan.ErrNoNode)
	}
	list, err := isolatedArgs(n, node, args)
	if err == nil {
		request := etf.Tuple{etf.Atom("cast"), module, function, list, etf.Atom("user")}
		err = banyan.Cast(ctx, banyan.At[banyan.Foreign](rexName, node), banyan.Tell{Term: request})
	}
	if err != nil {
		if op, ok := err.(*banyan.OpError); ok {
			err = op.Err
		}
		return opError("cast", node, key{module, function, len(args)}, err)
	}
	return nil
}

// BlockCall is rpc:block_call: such calls are run by a node one after the other. An Erlang node runs nothing else for rex
// meanwhile. It waits 5 s at most if ctx says nothing, as banyan.Call does.
func BlockCall[R any](ctx context.Context, node, module, function banyan.Atom, args ...any) (r R, err error) { //lint:any terms
	k := key{module, function, len(args)}
	n := banyan.NodeOf(ctx)
	if n == nil {
		return r, opError("block call", node, k, banyan.ErrNoNode)
	}
	list, err := isolatedArgs(n, node, args)
	if err != nil {
		return r, opError("block call", node, k, err)
	}
	request := etf.Tuple{etf.Atom("block_call"), module, function, list, etf.Atom("user")}
	t, err := banyan.Call(ctx, banyan.At[banyan.Foreign](rexName, node), banyan.Ask[any]{Term: request})
	if op, ok := err.(*banyan.OpError); ok {
		err = op.Err
	}
	if err == nil {
		err = badRPC(t)
	}
	if err == nil {
		if err = store(n, t, &r); err != nil {
			err = fmt.Errorf("the result %s is no %v: %w", brief(t), reflect.TypeFor[R](), err)
		}
	}
	if err != nil {
		return r, opError("block call", node, k, err)
	}
	return r, nil
}

// badRPC tells {badrpc, Reason} from a result.
func badRPC(t any) error {
	q, ok := t.(etf.Tuple)
	if !ok || len(q) != 2 || q[0] != badrpcAtom {
		return nil
	}
	exit, ok := q[1].(etf.Tuple)
	if !ok || len(exit) != 2 || exit[0] != exitMark {
		return systemError(q[1])
	}
	if e, ok := exit[1].(etf.Tuple); ok && len(e) == 2 {
		if stack, ok := e[1].(etf.List); ok && len(stack) > 0 {
			if entry, ok := stack[0].(etf.Tuple); ok && len(entry) == 4 {
				return &Error{Class: ClassError, Reason: e[0], Stack: stack}
			}
		}
	}
	return &Error{Class: ClassExit, Reason: exit[1]}
}

// isolatedArgs makes the arguments ready to be sent. Another node gets copies by nature; this one must be given some.
func isolatedArgs(n *banyan.Node, node banyan.Atom, args []any) (etf.List, error) {
	if node != "" && node != n.Name() {
		return args, nil
	}
	return termsOf(args)
}

// termsOf copies arguments.
func termsOf(args []any) (etf.List, error) {
	list := make(etf.List, len(args))
	for i, a := range args {
		t, err := isolated(a)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		list[i] = t
	}
	return list, nil
}

func opError(op string, node banyan.Atom, k key, err error) error {
	return &banyan.OpError{Op: "rpc " + op, To: string(node), What: k.String(), Err: err}
}

var calls atomic.Uint64

// newRes is the reference by which an answer is known: of this node, and of this package alone.
func newRes(n *banyan.Node) banyan.Reference {
	v := calls.Add(1)
	return banyan.Reference{Node: n.Name(), Creation: n.Creation(), Len: 3, Words: [5]uint32{uint32(v) & (1<<18 - 1), uint32(v >> 18), 1 << 31}}
}
