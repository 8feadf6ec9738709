// SPDX-License-Identifier: Apache-2.0

// Chapter 10: a cluster.
//
// Nodes that nobody has listed: each leaves its address in a directory and looks for others there (discover.Dir; in a network it would be
// discover.DNS or a few seeds). They become members, are linked, and their desks are a group that a router spreads calls over. One of
// them is then taken out of service: it finishes what it has, its desk leaves the group, and no call fails.
//
//	go run ./examples/10-cluster
//
// Or each in a program of its own, in as many terminals as you like; Ctrl-C drains one. "banyan node ls --node a@127.0.0.1" shows them.
//
//	go run ./examples/10-cluster -node a@127.0.0.1 -meet /tmp/meet
//	go run ./examples/10-cluster -node b@127.0.0.1 -meet /tmp/meet
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/pg"
	"github.com/banyan-go/banyan/route"
)

// Desk serves people.
type Desk struct{ served int }

// Serve is a call.
type Serve struct{ Name string }

// Call says where.
func (m Serve) Call(d *Desk, self *banyan.Self) (string, error) {
	d.served++
	return fmt.Sprintf("%s was served at %s", m.Name, self.Node().Name()), nil
}

// desks is the group of all desks, on all nodes.
var desks = pg.In[*Desk](pg.Default, banyan.Atom("desks"))

func init() { banyan.RegisterCall[Serve]("serve") }

// join makes a node a member, with a desk. The cluster's secret is the cookie, which both know already.
func join(ctx context.Context, n *banyan.Node, cfg cluster.Config) (*cluster.Cluster, error) {
	if _, err := pg.Start(n, pg.Default); err != nil {
		return nil, err
	}
	c, err := cluster.Start(ctx, n, cfg)
	if err != nil {
		return nil, err
	}
	desk, err := banyan.SpawnState(n, &Desk{})
	if err != nil {
		return nil, err
	}
	return c, desks.Join(n.Context(ctx), desk)
}

// serveAll sends people to the desks, through a router, and tells how many desks had some.
func serveAll(ctx context.Context, w io.Writer, n *banyan.Node, people int) error {
	router, where := route.New[*Desk](n, desks, route.RoundRobin), map[string]int{}
	for i := range people {
		text, err := banyan.Call(n.Context(ctx), router, Serve{fmt.Sprint("number ", i+1)})
		if err != nil {
			return err
		}
		where[text[len(text)-len("a@127.0.0.1"):]]++
	}
	fmt.Fprintf(w, "%d people were served at %d desks\n", people, len(where))
	return nil
}

// together waits until a node sees so many desks.
func together(ctx context.Context, n *banyan.Node, count int) error {
	for {
		refs, err := desks.ResolveAll(n.Context(ctx))
		if err != nil || len(refs) == count {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// story is what happens to three nodes, of which the last one is drained.
func story(ctx context.Context, w io.Writer, nodes []*banyan.Node, last *cluster.Cluster) error {
	if err := together(ctx, nodes[0], len(nodes)); err != nil {
		return err
	}
	if err := serveAll(ctx, w, nodes[0], 30); err != nil {
		return err
	}
	if err := last.Drain(ctx); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s has left\n", last.Node().Name())
	return serveAll(ctx, w, nodes[0], 30)
}

func start(name string) (*banyan.Node, error) {
	return banyan.Start(name, banyan.WithTransport(dist.New(dist.Config{Cookie: "a cluster"})), banyan.WithLogger(slog.New(slog.DiscardHandler)))
}

func run(ctx context.Context) error {
	name := flag.String("node", "", "be this node, until Ctrl-C")
	meet := flag.String("meet", "", "with -node: the directory in which nodes leave their addresses")
	flag.Parse()
	if *name != "" {
		return alone(ctx, *name, *meet)
	}
	dir, err := os.MkdirTemp("", "meet-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var nodes []*banyan.Node
	var last *cluster.Cluster
	for _, name := range []string{"a@127.0.0.1", "b@127.0.0.1", "c@127.0.0.1"} {
		n, err := start(name)
		if err != nil {
			return err
		}
		defer n.Stop(context.Background())
		if last, err = join(ctx, n, cluster.Config{Discovery: []cluster.Discovery{discover.Dir(dir)}}); err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	return story(ctx, os.Stdout, nodes, last)
}

// alone is one node in a program of its own: it says what happens, and drains at Ctrl-C.
func alone(ctx context.Context, name, meet string) error {
	if err := os.MkdirAll(meet, 0o700); err != nil {
		return err
	}
	n, err := start(name)
	if err != nil {
		return err
	}
	defer n.Stop(context.Background())
	c, err := join(ctx, n, cluster.Config{Discovery: []cluster.Discovery{discover.Dir(meet)}})
	if err != nil {
		return err
	}
	for e := range c.Events(c.DrainOn(ctx, 10*time.Second, os.Interrupt, syscall.SIGTERM)) {
		for _, m := range append(e.Members, e.Member) {
			if m.Name != "" {
				fmt.Printf("%-8v %s is %v and %v\n", e.Kind, m.Name, m.State, m.Reach)
			}
		}
	}
	return nil
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
