// SPDX-License-Identifier: Apache-2.0

package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

type Stock struct{ left map[string]int }

func NewStock(context.Context, *banyan.Self) (*Stock, error) {
	return &Stock{left: map[string]int{"tea": 10}}, nil
}

type Left struct{ SKU string }

func (m Left) Call(s *Stock, _ *banyan.Self) (int, error) { return s.left[m.SKU], nil }

type Burn struct{}

func (Burn) Cast(s *Stock, _ *banyan.Self) error { s.left = nil; return errors.New("fire") }

func quietNode() *banyan.Node {
	node, err := banyan.Start("shop@127.0.0.1", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	return node
}

// A child that crashes comes back under its name, with a fresh state.
func Example() {
	node := quietNode()
	defer node.Stop(context.Background())
	tree := supervisor.New("shop", supervisor.OneForOne, supervisor.Intensity(3, 5*time.Second),
		supervisor.Worker("stock", NewStock, supervisor.With(banyan.Name("stock"))),
	)
	if _, err := tree.Start(node); err != nil {
		fmt.Println(err)
		return
	}
	ctx := node.Context(context.Background())
	stock := banyan.At[*Stock]("stock", "")
	_ = banyan.Cast(ctx, stock, Burn{})
	for {
		left, err := banyan.Call(ctx, stock, Left{"tea"})
		if errors.Is(err, banyan.ErrNotDelivered) {
			continue // it is just being restarted
		}
		fmt.Println(left, err)
		return
	}
	// Output: 10 <nil>
}

// A tree within a tree: whoever depends on the stock is restarted after it.
func ExampleNew() {
	readers := supervisor.New("readers", supervisor.Dynamic)
	tree := supervisor.New("shop", supervisor.RestForOne,
		supervisor.Worker("stock", NewStock),
		supervisor.Process("clock", func(self *banyan.Self) error { _, err := self.Receive(self); return err }, supervisor.Transient),
		readers,
	)
	for _, c := range tree.Children() {
		fmt.Println(c.ID, c.Kind, c.Restart)
	}
	// Output:
	// stock worker permanent
	// clock worker transient
	// readers supervisor permanent
}

// Children of a Dynamic supervisor come and go while it runs.
func ExampleStartChild() {
	node := quietNode()
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())
	pool, _ := supervisor.New("pool", supervisor.Dynamic).Start(node)
	pid, err := supervisor.StartChild(ctx, pool, supervisor.Worker("stock", NewStock, supervisor.Temporary))
	n, _ := supervisor.Count(ctx, pool)
	fmt.Println(n.Active, err)
	err = supervisor.TerminatePID(ctx, pool, pid)
	n, _ = supervisor.Count(ctx, pool)
	fmt.Println(n.Active, err)
	// Output:
	// 1 <nil>
	// 0 <nil>
}

// Any package can make children: a Spec is a function that starts a process.
func ExampleSpec() {
	pool := func(id string, n int) supervisor.Spec { // what another package offers
		return supervisor.Spec{ID: id, Kind: supervisor.KindSupervisor, Start: func(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
			var items []supervisor.Item
			for i := range n {
				items = append(items, supervisor.Worker(fmt.Sprint(id, i), NewStock))
			}
			return supervisor.New(id, supervisor.OneForOne, items...).Launch(parent, opts...)
		}}
	}
	node := quietNode()
	defer node.Stop(context.Background())
	sup, err := supervisor.New("shop", supervisor.OneForOne, pool("reader", 3)).Start(node)
	if err != nil {
		fmt.Println(err)
		return
	}
	list, _ := supervisor.Which(node.Context(context.Background()), sup)
	fmt.Println(list[0].ID, list[0].Kind, list[0].Running())
	// Output: reader supervisor true
}
