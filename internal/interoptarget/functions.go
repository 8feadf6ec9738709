// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/erlio"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/global"
	"github.com/banyan-go/banyan/pg"
	"github.com/banyan-go/banyan/rpc"
)

// scope is where the target's processes are grouped.
const scope = pg.Scope("pg")

const workers = etf.Atom("workers")

// join puts the process into the group of workers.
func join(self *banyan.Self) error { return scope.Join(self, workers, self.PID()) }

// functions can be called by rpc: {module, function}.
//
//	math: add/2; slow/1 sleeps that many ms; crash/1 exits with its argument; raise/2 raises a class and reason
//	pg:   get_members/1 and /2
func functions() []rpc.Function {
	return []rpc.Function{
		rpc.Func2("math", "add", func(_ context.Context, a, b int) (int, error) { return a + b, nil }),
		rpc.Func1("math", "slow", func(ctx context.Context, ms int) (rpc.OK, error) {
			t := time.NewTimer(time.Duration(ms) * time.Millisecond)
			defer t.Stop()
			select {
			case <-t.C:
				return rpc.OK{}, nil
			case <-ctx.Done():
				return rpc.OK{}, ctx.Err()
			}
		}),
		rpc.Raw("math", "crash", 1, func(_ context.Context, a []any) (any, error) {
			return nil, rpc.Exit(dist.TermReason(a[0]))
		}),
		rpc.Raw("math", "raise", 2, func(_ context.Context, a []any) (any, error) {
			switch a[0] {
			case etf.Atom("throw"):
				return nil, rpc.Throw(a[1])
			case etf.Atom("exit"):
				return nil, rpc.Exit(dist.TermReason(a[1]))
			case etf.Atom("error"):
				return nil, &banyan.TermError{Term: a[1]}
			}
			return nil, rpc.BadArg(1, "want error, exit or throw, got "+etf.Format(a[0]))
		}),
		rpc.Func4("global", "resolve_it", global.ResolveIt), // Erlang asks by it who keeps a name
		rpc.Raw("pg", "get_members", 1, func(ctx context.Context, a []any) (any, error) { return scope.Members(ctx, a[0]) }),
		rpc.Raw("pg", "get_members", 2, func(ctx context.Context, a []any) (any, error) {
			s, ok := a[0].(etf.Atom)
			if !ok {
				return nil, rpc.BadArg(1, "want the name of a scope, got "+etf.Format(a[0]))
			}
			return pg.Scope(s).Members(ctx, a[1])
		}),
	}
}

// clients are what the driver does by packages rpc, pg, global and erlio.
var clients = map[banyan.Atom]command{
	"rpc":  {4, nil, callFunction},
	"erpc": {4, nil, callFunction},
	"put_chars": {2, nil, func(ctx context.Context, a []any) (any, error) {
		leader, err := arg[banyan.PID](a, 0)
		text, terr := arg[[]byte](a, 1)
		if err = errors.Join(err, terr); err != nil {
			return nil, err
		}
		return okAtom, erlio.PutChars(ctx, leader, string(text))
	}},
	"get_line": {2, nil, func(ctx context.Context, a []any) (any, error) {
		leader, err := arg[banyan.PID](a, 0)
		if err != nil {
			return nil, err
		}
		prompt, err := chars(a[1])
		if err != nil {
			return nil, err
		}
		line, err := erlio.GetLine(ctx, leader, prompt)
		return []byte(line), err
	}},
	"pg_members": {1, nil, func(ctx context.Context, a []any) (any, error) {
		return scope.Members(ctx, a[0])
	}},
	"pg_join": {1, func(_ *driver, self *banyan.Self, a []any) (any, error) {
		return okAtom, scope.Join(self, a[0], self.PID())
	}, nil},
	"pg_leave": {1, func(_ *driver, self *banyan.Self, a []any) (any, error) {
		return okAtom, scope.Leave(self, a[0], self.PID())
	}, nil},
	"global_register": {1, nil, func(ctx context.Context, a []any) (any, error) {
		pid, err := driverPID(ctx)
		if err != nil {
			return nil, err
		}
		err = global.Register(ctx, a[0], pid)
		if errors.Is(err, global.ErrTaken) {
			return etf.Atom("no"), nil
		}
		return etf.Atom("yes"), err
	}},
	"global_unregister": {1, nil, func(ctx context.Context, a []any) (any, error) {
		return okAtom, global.Unregister(ctx, a[0])
	}},
	"global_whereis": {1, nil, func(ctx context.Context, a []any) (any, error) {
		pid, err := global.Whereis(ctx, a[0])
		if errors.Is(err, global.ErrNoName) {
			return etf.Atom("undefined"), nil
		}
		return pid, err
	}},
}

// driverPID is the process in whose name the driver's helpers register.
func driverPID(ctx context.Context) (banyan.PID, error) {
	pid, ok := banyan.NodeOf(ctx).Whereis("driver")
	if !ok {
		return pid, banyan.ErrNoProcess
	}
	return pid, nil
}

// chars is a prompt: a binary, an atom or a string.
func chars(t any) (string, error) {
	switch t := t.(type) {
	case []byte:
		return string(t), nil
	case etf.Atom:
		return string(t), nil
	}
	var s string
	err := etf.FromTerm(t, &s, nil)
	return s, err
}

func callFunction(ctx context.Context, a []any) (any, error) {
	node, err := arg[etf.Atom](a, 0)
	module, merr := arg[etf.Atom](a, 1)
	function, ferr := arg[etf.Atom](a, 2)
	args, aerr := arg[etf.List](a, 3)
	if err = errors.Join(err, merr, ferr, aerr); err != nil {
		return nil, err
	}
	v, err := rpc.Call[any](ctx, node, module, function, args...)
	var failed *rpc.Error
	if errors.As(err, &failed) {
		return nil, &banyan.TermError{Term: etf.Tuple{etf.Atom(failed.Class), failed.Reason}}
	}
	return v, err
}

// services starts what stands beside the target's own processes.
func services(node *banyan.Node, out io.Writer) error {
	if _, err := pg.Start(node, scope); err != nil {
		return fmt.Errorf("pg: %w", err)
	}
	if _, err := global.Start(node); err != nil {
		return fmt.Errorf("global: %w", err)
	}
	srv, err := rpc.Start(node, functions()...)
	if err != nil {
		return fmt.Errorf("rpc: %w", err)
	}
	if err := rpc.RegisterErlang(srv); err != nil {
		return fmt.Errorf("rpc: %w", err)
	}
	banyan.RegisterSpawn("counter", newCounter)
	if _, err := banyan.Spawn(node, erlio.New(erlio.Config{Out: out}), banyan.Name("user")); err != nil {
		return fmt.Errorf("user: %w", err)
	}
	return nil
}
