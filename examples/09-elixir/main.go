// SPDX-License-Identifier: Apache-2.0

// Chapter 9: Go and Elixir.
//
// A Banyan node is a node of an Erlang cluster. So an Elixir GenServer and a Go server call each other as two GenServers
// would, and neither sees what the other is written in:
//
//	go run ./examples/09-elixir
//
// starts a Go node, and an Elixir node as a child of it. First Elixir is the client: tour.exs calls, casts to and monitors the
// Go server of stock.go. Then Go is: till.go calls the GenServer Shop.Till of shop.ex. With -serve the Go node stays until
// Ctrl-C, for an iex of yours:
//
//	go run ./examples/09-elixir -serve &
//	iex --name me@127.0.0.1 --cookie elixir-example -r examples/09-elixir/shop.ex
//	iex> stock = {:stock, :"go@127.0.0.1"}
//	iex> GenServer.call(stock, {:take, "tea", 2})
//	8
//	iex> GenServer.call(stock, %Shop.Order{item: "tea", count: 3, at: DateTime.utc_now()})
//	%Shop.Receipt{item: "tea", cents: 750, due: ~U[...], status: :open}
//	iex> GenServer.call(stock, {:take, "tea", :two})
//	{:error, {:"banyan.not_understood", "message not understood: etf: main.Take.Count: want integer, got atom two"}}
//
// # What is what
//
//	Elixir                                   Go
//	{:take, "tea", 2}                        Take{"tea", 2}, registered as "take"
//	:left                                    Left{}, registered as "left"
//	%Shop.Order{item: "tea", count: 3}       Order{Item: "tea", Count: 3}, registered as "%Shop.Order"
//	[ribbon: :red, hurry: true]              a field Notes Notes `etf:",keyword"`
//	~U[2024-02-29 12:30:00Z]                 time.Time; nil is the zero Time, or a nil *time.Time
//	{:ok, 7} and {:error, :sold_out}         7 or Amount{7}, and an error, registered as "sold_out"
//	%{"tea" => 8}                            map[string]int
//	:eur                                     etf.Atom("eur"), or a string tagged `etf:",atom"`
//
// All of it is in docs/wire.md. Elixir is at https://elixir-lang.org/install.html or in your system's packages (apt install
// elixir, brew install elixir).
package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

const (
	goNode     = "go@127.0.0.1"
	elixirNode = "till@127.0.0.1"
	cookie     = "elixir-example" // a real program leaves it out: then it is ~/.erlang.cookie
)

//go:embed shop.ex
var shopEx []byte

//go:embed tour.exs
var tourExs []byte

// start starts the Go node. It finds others through epmd, Erlang's port mapper: the one that runs on this machine, or else
// it is one itself. Its port is 4369, if nothing else is said.
func start(epmdPort int) (*banyan.Node, error) {
	n, err := banyan.Start(goNode, banyan.WithLogger(slog.New(slog.DiscardHandler)),
		banyan.WithTransport(dist.New(dist.Config{Cookie: cookie, Names: &dist.EPMD{Port: epmdPort}})))
	if err != nil {
		return nil, err
	}
	if err := serve(n); err != nil {
		return nil, errors.Join(err, n.Stop(context.Background()))
	}
	return n, nil
}

// startElixir starts the Elixir node as a child; its lines come out of the scanner. It ends when the Go node does.
func startElixir(ctx context.Context, dir string, epmdPort int) (*exec.Cmd, *bufio.Scanner, error) {
	elixir, err := exec.LookPath("elixir")
	if err != nil {
		return nil, nil, fmt.Errorf("this chapter needs Elixir 1.14 or newer: apt install elixir, brew install elixir, "+
			"or https://elixir-lang.org/install.html (with -serve the Go half runs alone): %w", err)
	}
	shop, tour := filepath.Join(dir, "shop.ex"), filepath.Join(dir, "tour.exs")
	if err := errors.Join(os.WriteFile(shop, shopEx, 0o600), os.WriteFile(tour, tourExs, 0o600)); err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, elixir, "--name", elixirNode, "--cookie", cookie,
		"--erl", "-kernel inet_dist_use_interface {127,0,0,1}", "-r", shop, tour, goNode)
	cmd.Env = append(os.Environ(), "ERL_EPMD_ADDRESS=127.0.0.1")
	if epmdPort != 0 {
		cmd.Env = append(cmd.Env, "ERL_EPMD_PORT="+strconv.Itoa(epmdPort))
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return cmd, bufio.NewScanner(out), cmd.Start()
}

// tour has both halves: what Elixir does, then what Go does.
func tour(ctx context.Context, w io.Writer, n *banyan.Node, epmdPort int) error {
	dir, err := os.MkdirTemp("", "banyan-elixir-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the child, if it has not ended
	cmd, lines, err := startElixir(ctx, dir, epmdPort)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "== Elixir calls Go")
	open := false
	for !open && lines.Scan() {
		fmt.Fprintln(w, lines.Text())
		open = lines.Text() == "the till is open"
	}
	if open {
		fmt.Fprintln(w, "== Go calls Elixir")
		err = errors.Join(inProcess(ctx, n, func(self *banyan.Self) error { return visit(self, w, elixirNode) }),
			n.Stop(ctx)) // which Elixir hears of at once
	}
	for lines.Scan() {
		fmt.Fprintln(w, lines.Text())
	}
	return errors.Join(err, cmd.Wait())
}

// inProcess runs f in a process, which has a pid, a mailbox and monitors, and waits for it.
func inProcess(ctx context.Context, n *banyan.Node, f func(self *banyan.Self) error) error {
	ended := make(chan error, 1)
	_, err := banyan.Go(n, func(self *banyan.Self) error {
		ended <- f(self)
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func run() error {
	only := flag.Bool("serve", false, "be the Go node until Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	n, err := start(0)
	if err != nil {
		return err
	}
	defer n.Stop(context.Background())
	if *only {
		<-ctx.Done()
		return nil
	}
	return tour(ctx, os.Stdout, n, 0)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
