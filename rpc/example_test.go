// SPDX-License-Identifier: Apache-2.0

package rpc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/app"
	"github.com/banyan-go/banyan/rpc"
)

func Example() {
	node, err := banyan.Start("shop@localhost")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Stop(context.Background())
	_, err = rpc.Start(node,
		rpc.Func2("math", "add", func(_ context.Context, a, b int) (int, error) { return a + b, nil }))
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := node.Context(context.Background())
	sum, err := rpc.Call[int](ctx, "shop@localhost", "math", "add", 1, 2) // on an Erlang node: erpc:call('shop@localhost', math, add, [1, 2])
	fmt.Println(sum, err)
	_, err = rpc.Call[int](ctx, "shop@localhost", "math", "add", 1, "two")
	fmt.Println(err)
	var undefined *banyan.UndefinedError
	_, err = rpc.Call[int](ctx, "shop@localhost", "os", "cmd", "id")
	fmt.Println(errors.As(err, &undefined))
	// Output:
	// 3 <nil>
	// rpc call shop@localhost (math:add/2): error: badarg in math:add/2: argument 2: want int, got <<"two">>
	// true
}

// A server is an application, so that it starts and stops with the others.
func ExampleServer() {
	node, err := banyan.Start("shop@localhost")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Stop(context.Background())
	srv := rpc.New(rpc.MaxCalls(100))
	err = srv.Register(rpc.Func1("shop", "stock", func(_ context.Context, item string) (int, error) {
		if item == "" {
			return 0, rpc.BadArg(1, "no item")
		}
		return 7, nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	running, err := app.Start(context.Background(), node, srv)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := node.Context(context.Background())
	stock, err := rpc.Call[int](ctx, "", "shop", "stock", "tea")
	fmt.Println(stock, err)
	if err := running.Stop(ctx); err != nil {
		fmt.Println(err)
	}
	_, err = rpc.Call[int](ctx, "", "shop", "stock", "tea")
	fmt.Println(errors.Is(err, rpc.ErrNoServer))
	// Output:
	// 7 <nil>
	// true
}

func ExampleMultiCall() {
	node, err := banyan.Start("shop@localhost")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Stop(context.Background())
	if _, err = rpc.Start(node, rpc.Func0("shop", "stock", func(context.Context) (int, error) { return 7, nil })); err != nil {
		fmt.Println(err)
		return
	}
	nodes := []banyan.Atom{"gone@localhost", "shop@localhost"}
	for o := range rpc.MultiCall[int](node.Context(context.Background()), nodes, "shop", "stock") {
		if o.Err == nil {
			fmt.Println(o.Node, "has", o.Value)
		}
	}
	// Output: shop@localhost has 7
}

func ExampleAsync() {
	node, err := banyan.Start("shop@localhost")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Stop(context.Background())
	if _, err = rpc.Start(node, rpc.Func0("shop", "stock", func(context.Context) (int, error) { return 7, nil })); err != nil {
		fmt.Println(err)
		return
	}
	ctx := node.Context(context.Background())
	later := rpc.Async[int](ctx, "shop@localhost", "shop", "stock")
	stock, err := later.Await(ctx) // after other work
	fmt.Println(stock, err)
	// Output: 7 <nil>
}
