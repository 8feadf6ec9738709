// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/route"
	"github.com/banyan-go/banyan/supervisor"
)

type scribe struct{ name string }

type name struct{}

func (name) Call(s *scribe, _ *banyan.Self) (string, error) { return s.name, nil }

// A router is a destination as any other.
func ExampleRouter() {
	node, _ := banyan.Start("office@127.0.0.1")
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())
	ann, _ := banyan.SpawnState(node, &scribe{"Ann"})
	bob, _ := banyan.SpawnState(node, &scribe{"Bob"})

	r := route.New(node, banyan.Refs(ann, bob), route.RoundRobin)
	first, _ := banyan.Call(ctx, r, name{})
	second, _ := banyan.Call(ctx, r, name{})
	third, _ := banyan.Call(ctx, r, name{})
	fmt.Println(first != second, first == third)
	// Output: true true
}

// What belongs together goes to one target.
func ExampleRouter_Key() {
	node, _ := banyan.Start("office@127.0.0.1")
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())
	ann, _ := banyan.SpawnState(node, &scribe{"Ann"})
	bob, _ := banyan.SpawnState(node, &scribe{"Bob"})

	r := route.New(node, banyan.Refs(ann, bob))
	first, _ := banyan.Call(ctx, r.Key("letter 7"), name{})
	second, _ := banyan.Call(ctx, r.Key("letter 7"), name{})
	fmt.Println(first == second)
	// Output: true
}

func newScribe(context.Context, *banyan.Self) (*scribe, error) {
	return &scribe{"one of the pool"}, nil
}

// A pool is a child of a supervisor. Here there is one node; more get their share as they join.
func ExamplePool() {
	node, _ := banyan.Start("office@127.0.0.1")
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())
	tree := supervisor.New("office", supervisor.OneForOne,
		route.Pool("scribes", newScribe, 3, route.Intensity(5, time.Minute)))
	if _, err := tree.Start(node); err != nil {
		fmt.Println(err)
		return
	}
	scribes := route.New(node, route.Workers[*scribe]("scribes", ""))
	who, err := banyan.Call(ctx, scribes, name{})
	fmt.Println(who, err)

	p, _ := route.Explain(ctx, banyan.At[*route.PoolServer]("scribes", ""))
	fmt.Println(len(p.Slots), p.Nodes[0].Node, p.Nodes[0].Workers)
	// Output:
	// one of the pool <nil>
	// 3 office@127.0.0.1 3
}
