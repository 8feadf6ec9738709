// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
)

type Counter struct{ n int }

type Add struct{ N int }

func (m Add) Call(c *Counter, _ *banyan.Self) (int, error) {
	c.n += m.N
	return c.n, nil
}

func main() {
	node, _ := banyan.Start("hello@localhost")
	defer node.Stop(context.Background())
	counter, _ := banyan.SpawnState(node, &Counter{})
	total, err := banyan.Call(node.Context(context.Background()), counter, Add{42})
	fmt.Println(total, err)
}
