// SPDX-License-Identifier: Apache-2.0

// Chapter 6: clients and fakes.
//
// The state that a message wants may be an interface. Then clients need not import the server: package till knows the
// messages of package stock and nothing of package warehouse, and its test puts a fake behind the same messages.
//
//	stock      the messages, and the interface that their handlers want
//	warehouse  a server with that interface
//	till       a client
//	main       brings them together
//
//	go run ./examples/06-clients-and-fakes
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/examples/06-clients-and-fakes/till"
	"github.com/banyan-go/banyan/examples/06-clients-and-fakes/warehouse"
)

func main() {
	node, err := banyan.Start("shop@localhost")
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
	ref, err := banyan.Spawn(node, warehouse.New)
	if err != nil {
		log.Fatal(err)
	}
	ctx := node.Context(context.Background())
	for range 4 {
		fmt.Println(till.Sell(ctx, ref, "tea"))
	}
}
