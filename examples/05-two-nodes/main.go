// SPDX-License-Identifier: Apache-2.0

// Chapter 5: two nodes.
//
// A call to a server on another node is the same line. What is new is around it: messages are registered, so that they have
// a name on the wire (and Erlang can send them too: Greet is the tuple {greet, <<"...">>}); nodes share a cookie; and a
// connection can be lost, which every link, monitor and call across it is told at once.
//
// For once both nodes are in one program. They find each other through epmd, Erlang's port mapper: the one that runs on
// this machine, or else the first of them is it. Run main with -node and -peer to have them in two programs, on one machine:
//
//	go run ./examples/05-two-nodes
//	go run ./examples/05-two-nodes -node one@127.0.0.1 &
//	go run ./examples/05-two-nodes -node two@127.0.0.1 -peer one@127.0.0.1
//
// The test beside it runs the same function on a simulated network, and pulls the plug.
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

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

// Greeter greets.
type Greeter struct{ greeted int }

// Greet is a call.
type Greet struct{ Name string }

// Call says how many were greeted.
func (m Greet) Call(g *Greeter, self *banyan.Self) (string, error) {
	if m.Name == "" {
		return "", ErrNobody
	}
	g.greeted++
	return fmt.Sprintf("hello %s, you are number %d at %s", m.Name, g.greeted, self.Node().Name()), nil
}

// ErrNobody is known on all nodes, so that errors.Is finds it there too.
var ErrNobody = errors.New("nobody is there to greet")

func init() {
	banyan.RegisterCall[Greet]("greet")
	banyan.RegisterError("greeter.nobody", ErrNobody)
}

// serve starts the greeter on a node.
func serve(n *banyan.Node) error {
	_, err := banyan.SpawnState(n, &Greeter{}, banyan.Name("greeter"))
	return err
}

// visit calls the greeter of a peer.
func visit(ctx context.Context, w io.Writer, n *banyan.Node, peer banyan.Atom) error {
	ctx = n.Context(ctx)
	greeter := banyan.At[*Greeter]("greeter", peer)
	for _, name := range []string{"Joe", "Robert", "Mike", ""} {
		text, err := banyan.Call(ctx, greeter, Greet{name})
		switch {
		case errors.Is(err, ErrNobody):
			fmt.Fprintln(w, "error:", err)
		case err != nil:
			return err
		default:
			fmt.Fprintln(w, text)
		}
	}
	return nil
}

// start starts a node of this program's cluster. A real program leaves the cookie out: then it is ~/.erlang.cookie.
func start(name string) (*banyan.Node, error) {
	return banyan.Start(name, banyan.WithTransport(dist.New(dist.Config{Cookie: "two-nodes"})),
		banyan.WithLogger(slog.New(slog.DiscardHandler)))
}

func run() error {
	name := flag.String("node", "", "run only this node")
	peer := flag.String("peer", "", "visit the greeter of this node; without it, be the greeter until Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	first, second := *name, "two@127.0.0.1"
	if first == "" {
		first = "one@127.0.0.1"
	}
	n, err := start(first)
	if err != nil {
		return err
	}
	defer n.Stop(context.Background())
	switch {
	case *peer != "":
		return visit(ctx, os.Stdout, n, banyan.Atom(*peer))
	case *name != "":
		if err := serve(n); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	if err := serve(n); err != nil {
		return err
	}
	m, err := start(second)
	if err != nil {
		return err
	}
	defer m.Stop(context.Background())
	return visit(ctx, os.Stdout, m, n.Name())
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
