// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// ErlangOption changes what RegisterErlang registers.
type ErlangOption interface{ erlang(*erlang) }

type erlangOption func(*erlang)

func (o erlangOption) erlang(e *erlang) { o(e) }

// PrintTo sends what io:format and io:put_chars print elsewhere than to the caller's group leader.
func PrintTo(p Printer) ErlangOption { return erlangOption(func(e *erlang) { e.printer = p }) }

// RegisterErlang adds the functions of Erlang's own modules that operators and tools ask a node for. They read; none of
// them changes anything, and those that would (halt, spawn, os:cmd, code loading) are not there.
//
//	erlang: node/0, nodes/0,1, whereis/1, registered/0, processes/0, is_process_alive/1, process_info/1,2,
//	  system_info/1, memory/0,1, statistics/1, function_exported/3, byte_size/1, system_time/0,1, monotonic_time/0,1,
//	  apply/3 (of what is registered)
//	io: format/1,2, put_chars/1, nl/0 (at the caller's group leader)
//
// Figures of Erlang's that mean nothing here (atoms, stacks and heaps of one process, dictionaries) are 0 or empty. What is
// not known is badarg, as on a real node.
func RegisterErlang(s *Server, opts ...ErlangOption) error {
	e := &erlang{s: s, printer: leaderPrinter{}, began: time.Now()}
	for _, o := range opts {
		o.erlang(e)
	}
	return s.Register(slices.Concat(e.nodeFunctions(), e.processFunctions(), e.systemFunctions(), e.ioFunctions())...)
}

// erlang is what these functions stand on.
type erlang struct {
	s       *Server
	printer Printer
	began   time.Time

	mu   sync.Mutex
	last map[etf.Atom]int64 // the previous readings of statistics
}

func nodeOf(ctx context.Context) *banyan.Node { return banyan.NodeOf(ctx) }

func (e *erlang) nodeFunctions() []Function {
	return []Function{
		Func0("erlang", "node", func(ctx context.Context) (banyan.Atom, error) { return nodeOf(ctx).Name(), nil }),
		Func0("erlang", "nodes", func(ctx context.Context) ([]banyan.Atom, error) { return nodeOf(ctx).VisibleNodes(), nil }),
		Func1("erlang", "nodes", nodesOf),
		Func1("erlang", "whereis", func(ctx context.Context, name banyan.Atom) (any, error) {
			if pid, ok := nodeOf(ctx).Whereis(name); ok {
				return pid, nil
			}
			return undefined_, nil
		}),
		Func0("erlang", "registered", func(ctx context.Context) ([]banyan.Atom, error) { return nodeOf(ctx).Registered(), nil }),
		Func3("erlang", "function_exported", func(_ context.Context, m, f banyan.Atom, arity int) (bool, error) {
			_, ok := e.s.find(key{m, f, arity})
			return ok, nil
		}),
		Raw("erlang", "byte_size", 1, func(_ context.Context, args []any) (any, error) {
			switch b := args[0].(type) {
			case []byte:
				return len(b), nil
			case etf.Bitstring:
				return len(b.Bytes), nil
			}
			return nil, BadArg(1, "not a binary")
		}),
		Raw("erlang", "apply", 3, func(ctx context.Context, args []any) (any, error) {
			c, _ := ctx.(*call)
			req, ok := requestOf(c.Self, args)
			if !ok {
				return nil, BadArg(1, "want a module, a function and a list of arguments")
			}
			f, ok := e.s.find(req.key())
			if !ok {
				return nil, &banyan.UndefinedError{Module: req.Module, Function: req.Function, Args: req.Args}
			}
			req.Caller, req.GroupLeader = c.req.Caller, c.req.GroupLeader
			v, err := f.invoke(&call{Self: c.Self, req: req})
			if err != nil {
				o := failed(f.key, req.Args, err)
				stack, _ := o.stack.(etf.List)
				return nil, &Error{Class: o.class, Reason: o.value, Stack: stack}
			}
			return v, nil
		}),
	}
}

// undefined_ is the atom, for what is not there.
const undefined_ etf.Atom = "undefined"

// nodesOf is erlang:nodes(Kind or Kinds).
func nodesOf(ctx context.Context, arg any) ([]banyan.Atom, error) {
	kinds, ok := arg.(etf.List)
	if !ok {
		kinds = etf.List{arg}
	}
	n := nodeOf(ctx)
	var list []banyan.Atom
	add := func(nodes ...banyan.Atom) {
		for _, x := range nodes {
			if !slices.Contains(list, x) {
				list = append(list, x)
			}
		}
	}
	visible := n.VisibleNodes()
	for _, k := range kinds {
		switch k {
		case etf.Atom("this"):
			add(n.Name())
		case etf.Atom("visible"):
			add(visible...)
		case etf.Atom("connected"):
			add(n.Nodes()...)
		case etf.Atom("known"):
			add(n.Name())
			add(n.Nodes()...)
		case etf.Atom("hidden"):
			add(slices.DeleteFunc(n.Nodes(), func(x banyan.Atom) bool { return slices.Contains(visible, x) })...)
		default:
			return nil, BadArg(1, fmt.Sprintf("%s is none of this, visible, hidden, connected and known", brief(k)))
		}
	}
	return list, nil
}
