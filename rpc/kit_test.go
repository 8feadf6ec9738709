// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// order is a registered struct: {order, Item, Count} on the wire.
type order struct {
	Item  string
	Count int
}

var errSoldOut = errors.New("sold out")

func init() {
	banyan.RegisterType[order]("order")
	banyan.RegisterError("rpctest.sold_out", errSoldOut)
}

// functions are what the tests call.
func functions() []Function {
	return []Function{
		Func0("t", "hello", func(context.Context) (string, error) { return "hello", nil }),
		Func0("t", "ok", func(context.Context) (OK, error) { return OK{}, nil }),
		Func1("t", "upper", func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil }),
		Func1("t", "echo", func(_ context.Context, v any) (any, error) { return v, nil }),
		Func2("t", "add", func(_ context.Context, a, b int) (int, error) { return a + b, nil }),
		Func2("t", "buy", func(_ context.Context, o order, urgent bool) (order, error) {
			if o.Count > 10 {
				return order{}, errSoldOut
			}
			if o.Count < 1 {
				return order{}, BadArg(1, "count must be positive")
			}
			o.Count *= 2
			return o, nil
		}),
		Func3("t", "join", func(_ context.Context, a []string, sep string, n int8) (string, error) {
			return strings.Repeat(strings.Join(a, sep), int(n)), nil
		}),
		Func4("t", "four", func(_ context.Context, a, b, c, d int) ([]int, error) { return []int{d, c, b, a}, nil }),
		Func5("t", "five", func(_ context.Context, a int, b string, c bool, d float64, e map[string]int) (int, error) {
			return a + len(b) + int(d) + len(e), nil
		}),
		Raw("t", "raw", 2, func(_ context.Context, args []any) (any, error) { return etf.List(args), nil }),
		Func1("t", "throw", func(_ context.Context, v any) (OK, error) { return OK{}, Throw(v) }),
		Func1("t", "exit", func(_ context.Context, v any) (OK, error) { return OK{}, Exit(&banyan.TermError{Term: v}) }),
		Func1("t", "error", func(_ context.Context, v any) (OK, error) { return OK{}, &banyan.TermError{Term: v} }),
		Func0("t", "goerror", func(context.Context) (OK, error) { return OK{}, errors.New("plain") }),
		Func0("t", "soldout", func(context.Context) (OK, error) { return OK{}, errSoldOut }),
		Func1("t", "panic", func(_ context.Context, s string) (OK, error) { panic(s) }),
		Func0("t", "chan", func(context.Context) (any, error) { return make(chan int), nil }),
		Func0("t", "undef", func(context.Context) (OK, error) {
			return OK{}, &banyan.UndefinedError{Module: "x", Function: "y", Args: []any{1}}
		}),
		Func1("t", "sleep", func(ctx context.Context, ms int) (OK, error) {
			select {
			case <-time.After(time.Duration(ms) * time.Millisecond):
				return OK{}, nil
			case <-ctx.Done():
				return OK{}, ctx.Err()
			}
		}),
		Func0("t", "whoami", func(ctx context.Context) (banyan.PID, error) {
			r, _ := From(ctx)
			return r.Caller, nil
		}),
		Func0("t", "leader", func(ctx context.Context) (banyan.PID, error) {
			r, _ := From(context.WithoutCancel(ctx))
			return r.GroupLeader, nil
		}),
		Func0("t", "process", func(ctx context.Context) (banyan.PID, error) {
			r, _ := From(ctx)
			return r.Self.PID(), nil
		}),
		Func2("t", "notify", func(ctx context.Context, to banyan.PID, m any) (OK, error) { return OK{}, banyan.Send(ctx, to, m) }),
		Func1("t", "die", func(ctx context.Context, why etf.Atom) (OK, error) {
			r, _ := From(ctx)
			reason := error(&banyan.TermError{Term: why})
			if why == "kill" {
				reason = banyan.ErrKill
			}
			return OK{}, banyan.SendExit(ctx, r.Self.PID(), reason)
		}),
		Func4("t", "relay", func(ctx context.Context, node, m, f etf.Atom, args etf.List) (any, error) {
			return Call[any](ctx, node, m, f, args...)
		}),
	}
}

func start(t testing.TB, n *banyan.Node, fs ...Function) *Server {
	t.Helper()
	s, err := Start(n, append(functions(), fs...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func a(s string) etf.Atom { return etf.Atom(s) }
