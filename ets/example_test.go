// SPDX-License-Identifier: Apache-2.0

package ets_test

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/ets"
)

func start() (*banyan.Node, func()) {
	node, err := banyan.Start("shop@127.0.0.1")
	if err != nil {
		panic(err)
	}
	return node, func() { _ = node.Stop(context.Background()) }
}

func ExampleSet() {
	node, stop := start()
	defer stop()
	stock, err := ets.NewSet[string, int](node, "stock")
	if err != nil {
		panic(err)
	}
	_ = stock.Insert("tea", 5)
	left, _ := ets.Add(stock, "tea", -2)
	_, ok := stock.Lookup("coffee")
	fmt.Println(left, ok)
	// Output: 3 false
}

func ExampleTable_Compute() {
	node, stop := start()
	defer stop()
	stock, _ := ets.NewSet[string, int](node, "")
	_ = stock.Insert("tea", 1)
	take := func(old int, exists bool) (int, bool) { return old - 1, old > 1 } // the last one takes the row along
	_, left, _ := stock.Compute("tea", take)
	fmt.Println(left, stock.Len())
	// Output: false 0
}

func ExampleOrderedSet() {
	node, stop := start()
	defer stop()
	events, _ := ets.NewOrderedSet[int, string](node, "events")
	for i, what := range []string{"start", "join", "work", "leave", "stop"} {
		_ = events.Insert(i*10, what)
	}
	for at, what := range events.Range(ets.Between(10, 40)) {
		fmt.Println(at, what)
	}
	at, what, _ := events.Prev(40)
	fmt.Println("before the end:", at, what)
	// Output:
	// 10 join
	// 20 work
	// 30 leave
	// before the end: 30 leave
}

func ExampleReader_Snapshot() {
	node, stop := start()
	defer stop()
	t, _ := ets.NewSet[string, int](node, "")
	_ = t.Insert("a", 1)
	then, _ := t.Snapshot()
	_ = t.Insert("a", 2)
	v, _ := then.Lookup("a")
	fmt.Println(v)
	// Output: 1
}

func ExampleBag() {
	node, stop := start()
	defer stop()
	tags, _ := ets.NewBag[string, string](node, "tags")
	for _, t := range []string{"hot", "green", "hot"} {
		_, _ = tags.Insert("tea", t)
	}
	fmt.Println(tags.Lookup("tea"))
	// Output: [hot green]
}

func ExampleDuplicateBag() {
	node, stop := start()
	defer stop()
	log, _ := ets.NewDuplicateBag[string, string](node, "log")
	_ = log.Insert("anna", "in")
	_ = log.Insert("anna", "in")
	fmt.Println(log.Len(), log.Keys())
	// Output: 2 1
}

func ExampleHeir() {
	node, stop := start()
	defer stop()
	done := make(chan struct{})
	_, _ = banyan.Go(node, func(heir *banyan.Self) error {
		defer close(done)
		_, err := banyan.Go(heir, func(owner *banyan.Self) error {
			t, err := ets.NewSet[string, int](owner, "sessions", ets.Heir(heir.PID(), "take care"))
			if err != nil {
				return err
			}
			return t.Insert("anna", 1) // and ends
		})
		if err != nil {
			return err
		}
		got, err := banyan.ReceiveOf[ets.Transfer[*ets.Set[string, int]]](heir, heir)
		if err != nil {
			return err
		}
		fmt.Println(got.Data, got.Table.Has("anna"))
		return nil
	})
	<-done
	// Output: take care true
}

func ExampleTTL() {
	node, stop := start()
	defer stop()
	cache, _ := ets.NewSet[string, string](node, "cache", ets.TTL(time.Minute), ets.Cap(1000), ets.Evict())
	_ = cache.Insert("/index", "<html>")
	_ = cache.InsertFor("/now", "12:00", time.Nanosecond)
	for cache.Has("/now") { // a nanosecond may be the clock's whole tick
	}
	fmt.Println(cache.Has("/index"), cache.Has("/now"))
	// Output: true false
}

func ExampleRemote() {
	node, stop := start()
	defer stop()
	ets.RegisterRemote[string, int]() // both nodes, at start-up
	stock, _ := ets.NewSet[string, int](node, "stock")
	_ = stock.Insert("tea", 5)
	if _, err := ets.Serve(node, stock.Reader); err != nil {
		panic(err)
	}
	ctx := node.Context(context.Background())
	n, err := ets.At[string, int]("stock", "shop@127.0.0.1").Get(ctx, "tea")
	fmt.Println(n, err)
	// Output: 5 <nil>
}
