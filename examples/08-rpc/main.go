// SPDX-License-Identifier: Apache-2.0

// Chapter 8: functions for everybody.
//
// A server has messages of its own types. Often that is more than is needed: somebody on another node, most likely an
// Erlang one, wants to call a function. Package rpc gives Go functions Erlang names, and calls functions anywhere:
//
//	go run ./examples/08-rpc
//
// runs a till and a customer. With -serve the till stays until Ctrl-C, and any Erlang node on this machine can call it:
//
//	go run ./examples/08-rpc -serve &
//	erl -name er@127.0.0.1 -setcookie rpc-example
//	1> rpc:call('till@127.0.0.1', till, price, [<<"tea">>, 3]).
//	{ok,750}
//	2> erpc:call('till@127.0.0.1', till, price, [<<"tea">>, three]).
//	** exception error: {exception,badarg,
//	                        [{till,price, ...
//	                              cause => <<"argument 2: want int, got three">>}}]}]}
//	3> rpc:call('till@127.0.0.1', os, cmd, ["id"]).
//	{badrpc,{'EXIT',{undef,[{os,cmd,["id"],[]}]}}}
//
// The last one is the point: the cookie buys what is registered, and nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/rpc"
)

// ErrNotSold is an error that keeps its identity across nodes. For Erlang it is the atom till_not_sold.
var ErrNotSold = errors.New("we do not sell that")

func init() { banyan.RegisterError("till_not_sold", ErrNotSold) }

// price is {ok, Cents}, as an Erlang function would say it.
func price(_ context.Context, item string, count int) (etf.Tuple, error) {
	if count < 1 {
		return nil, rpc.BadArg(2, "must be positive")
	}
	cents, ok := map[string]int{"tea": 250, "cake": 400}[item]
	if !ok {
		return nil, ErrNotSold
	}
	return etf.Tuple{etf.Atom("ok"), cents * count}, nil
}

// serve makes a node answer.
func serve(n *banyan.Node) error {
	srv, err := rpc.Start(n,
		rpc.Func2("till", "price", price),
		rpc.Func0("till", "name", func(ctx context.Context) (string, error) {
			r, _ := rpc.From(ctx)
			return fmt.Sprintf("%s, at your service", r.Self.Node().Name()), nil
		}),
	)
	if err != nil {
		return err
	}
	return rpc.RegisterErlang(srv) // what operators ask: erlang:memory(), erlang:processes(), ...
}

// shop calls the till, and then everybody.
func shop(ctx context.Context, w io.Writer, n *banyan.Node, till banyan.Atom) error {
	ctx = n.Context(ctx)
	answer, err := rpc.Call[etf.Tuple](ctx, till, "till", "price", "tea", 3)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, etf.Format(answer))

	_, err = rpc.Call[etf.Tuple](ctx, till, "till", "price", "coffee", 1)
	fmt.Fprintln(w, "coffee:", errors.Is(err, ErrNotSold))
	_, err = rpc.Call[etf.Tuple](ctx, till, "till", "price", "tea", "three")
	fmt.Fprintln(w, "three:", err)
	_, err = rpc.Call[string](ctx, till, "os", "cmd", "id")
	fmt.Fprintln(w, "os:cmd:", err)

	later := rpc.Async[int](ctx, till, "erlang", "system_info", etf.Atom("wordsize")) // goes on while we ask the others
	var said []string
	for o := range rpc.MultiCall[string](ctx, []banyan.Atom{till, n.Name()}, "till", "name") {
		if o.Err != nil {
			said = append(said, fmt.Sprint(o.Node, ": ", o.Err))
			continue
		}
		said = append(said, o.Value)
	}
	slices.Sort(said) // they come as they answer
	fmt.Fprintln(w, strings.Join(said, "\n"))
	size, err := later.Await(ctx)
	fmt.Fprintln(w, "a word there has", size, "bytes;", err)
	return nil
}

// start starts a node of this program's cluster.
func start(name string) (*banyan.Node, error) {
	return banyan.Start(name, banyan.WithTransport(dist.New(dist.Config{Cookie: "rpc-example"})),
		banyan.WithLogger(slog.New(slog.DiscardHandler)))
}

func run() error {
	only := flag.Bool("serve", false, "be the till until Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	till, err := start("till@127.0.0.1")
	if err != nil {
		return err
	}
	defer till.Stop(context.Background())
	if err := serve(till); err != nil {
		return err
	}
	if *only {
		<-ctx.Done()
		return nil
	}
	customer, err := start("customer@127.0.0.1")
	if err != nil {
		return err
	}
	defer customer.Stop(context.Background())
	return shop(ctx, os.Stdout, customer, till.Name())
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
