// SPDX-License-Identifier: Apache-2.0

package global

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// Method decides who keeps a name that two processes have, when the parts of a cluster in which they have it are joined. It
// travels with the name, as a fun; the node of one of the two processes calls it. Methods that Erlang nodes give to their names
// are kept as they came.
type Method struct{ fun etf.Export }

// The methods of OTP.
var (
	// RandomExit kills the process on the node whose name is the greater one. It is the default.
	RandomExit = Method{etf.Export{Module: "global", Function: "random_exit_name", Arity: 3}}
	// RandomNotify sends {global_name_conflict, Name} to that process, which loses the name.
	RandomNotify = Method{etf.Export{Module: "global", Function: "random_notify_name", Arity: 3}}
	// NotifyAll sends {global_name_conflict, Name, OtherPid} to both; both lose the name.
	NotifyAll = Method{etf.Export{Module: "global", Function: "notify_all_name", Arity: 3}}
)

// methods are those of this program, besides OTP's. They only grow, by what the program registers.
var methods sync.Map // etf.Export to func

// NewMethod makes a method of a function: it gets the name as a term and the two processes, and returns the one that keeps
// the name, or the zero PID if none does. All nodes must register it under the same name, at start-up; Erlang nodes know it as
// the fun banyan:Name/3, and call it only if they have a module of that name, for processes of their own. It panics if the name is taken.
func NewMethod(name string, f func(ctx context.Context, name any, a, b banyan.PID) banyan.PID) Method { //lint:any the name is any term, as in Erlang
	m := Method{etf.Export{Module: "banyan", Function: atom(name), Arity: 3}}
	if _, had := methods.LoadOrStore(m.fun, f); had {
		panic("global: NewMethod: " + name + " is registered already")
	}
	return m
}

var errUnknownMethod = errors.New("the method is not known here")

// ResolveIt is what Erlang calls as global:resolve_it/4, by rpc, when a process of this node is one of the two that have a name.
// The answer is the pid that keeps it, or none. Start makes it known to rpc calls; beside package rpc, register it there:
// a function global:resolve_it with four arguments.
func ResolveIt(ctx context.Context, method, name any, a, b banyan.PID) (any, error) { //lint:any terms
	fun, ok := method.(etf.Export)
	if local, isLocal := method.(etf.Fun); isLocal && local.Module == "global" {
		fun, ok = RandomExit.fun, true // a fun of module global itself, by its number: in all versions the default is the one in use
	}
	if !ok {
		return nil, errUnknownMethod
	}
	small, great := a, b
	if a.Node >= b.Node {
		small, great = b, a
	}
	switch fun {
	case RandomExit.fun:
		return small, banyan.SendExit(ctx, great, banyan.ErrKill)
	case RandomNotify.fun:
		return small, banyan.Send(ctx, great, etf.Tuple{atom("global_name_conflict"), name})
	case NotifyAll.fun:
		return atom("none"), errors.Join(banyan.Send(ctx, a, etf.Tuple{atom("global_name_conflict"), name, b}),
			banyan.Send(ctx, b, etf.Tuple{atom("global_name_conflict"), name, a}))
	}
	if f, ok := methods.Load(fun); ok {
		return callMethod(ctx, f.(func(context.Context, any, banyan.PID, banyan.PID) banyan.PID), name, a, b), nil
	}
	return nil, errUnknownMethod
}

// callMethod calls a method of this program's. One that panics has chosen nobody, as in OTP.
func callMethod(ctx context.Context, f func(context.Context, any, banyan.PID, banyan.PID) banyan.PID, name any, a, b banyan.PID) (keeps any) {
	keeps = atom("none")
	defer func() {
		if v := recover(); v != nil {
			banyan.NodeOf(ctx).Logger().Error("global: a method panics, nobody keeps the name", "name", etf.Format(name), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	if pid := f(ctx, name, a, b); !pid.IsZero() {
		keeps = pid
	}
	return keeps
}

// clash is a name that both sides of a session have given to different processes.
type clash struct {
	mine, his named
	keep      keep
}

// keep says who has the name in the end.
type keep uint8

const (
	keepNone keep = iota
	keepMine
	keepHis
)

// resolveAll resolves the clashes of a session, and tells the server. It runs in a process of its own, as it calls others.
func resolveAll(self *banyan.Self, e effect) error {
	for i := range e.clashes {
		c := &e.clashes[i]
		answer, err := resolveOne(self, c)
		switch {
		case errors.Is(err, errUnknownMethod):
			answer, err = ResolveIt(self, RandomExit.fun, c.mine.name, c.his.pid, c.mine.pid)
		}
		pid, _ := answer.(banyan.PID)
		switch {
		case err != nil && pid.IsZero(): // his node was asked and cannot say: as in OTP the other has it
			c.keep = keepHis
		case pid == c.mine.pid:
			c.keep = keepMine
		case pid == c.his.pid:
			c.keep = keepHis
		}
		self.Node().Logger().Info("global: a name that two processes had", "name", etf.Format(c.mine.name), "pid", c.mine.pid.String(), "other", c.his.pid.String(),
			"keeps", pid.String(), "error", err)
	}
	return banyan.Cast(self, server1, resolvedNote{e.node, e.tag, e.clashes})
}

// resolveOne calls the method of the name as we have it, on the node of the process that has it.
func resolveOne(self *banyan.Self, c *clash) (any, error) {
	if c.mine.pid.Node == self.Node().Name() {
		return ResolveIt(self, c.mine.method, c.mine.name, c.his.pid, c.mine.pid)
	}
	ref := self.Alias()
	defer self.Unalias(ref)
	args := etf.List{c.mine.method, c.mine.name, c.his.pid, c.mine.pid}
	reason, err := banyan.RunAt(banyan.Within(self, answerWithin), c.mine.pid.Node, "erpc", "execute_call",
		[]any{ref, atom("global"), atom("resolve_it"), args})
	if err != nil {
		return nil, err
	}
	var t *banyan.TermError
	if errors.As(reason, &t) {
		if r, ok := t.Term.(etf.Tuple); ok && len(r) == 3 && r[0] == any(ref) && r[1] == any(atom("return")) {
			return r[2], nil
		}
	}
	return nil, reason
}

// exportResolve makes ResolveIt known to the rpc calls of Erlang nodes, unless somebody serves these already.
func exportResolve(n *banyan.Node) {
	if n.Exported("erpc", "execute_call", 4) {
		return
	}
	n.Export("erpc", "execute_call", 4, func(self *banyan.Self, args []any) error {
		if list, ok := args[3].(etf.List); ok && len(list) == 4 && args[1] == any(atom("global")) && args[2] == any(atom("resolve_it")) {
			a, ok1 := list[2].(banyan.PID)
			b, ok2 := list[3].(banyan.PID)
			if v, err := ResolveIt(self, list[0], list[1], a, b); ok1 && ok2 && err == nil {
				return &banyan.TermError{Term: etf.Tuple{args[0], atom("return"), v}}
			}
		}
		undef := etf.Tuple{args[0], atom("error"), atom("undef"), etf.List{etf.Tuple{args[1], args[2], args[3], etf.List{}}}}
		return &banyan.TermError{Term: undef}
	})
}
