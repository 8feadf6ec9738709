// SPDX-License-Identifier: Apache-2.0

package global_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/global"
)

type Register struct{ total int }

type Add struct{ Amount int }

func (m Add) Call(r *Register, _ *banyan.Self) (int, error) {
	r.total += m.Amount
	return r.total, nil
}

// A server with a global name is reached from every node of the cluster by it.
func Example() {
	node, err := banyan.Start("shop@127.0.0.1", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())
	if _, err := global.Start(node); err != nil {
		fmt.Println(err)
		return
	}
	ref, _ := banyan.SpawnState(node, &Register{})
	fmt.Println(global.Register(ctx, banyan.Atom("till"), ref.PID()))
	fmt.Println(banyan.Call(ctx, global.Name[*Register](banyan.Atom("till")), Add{5}))
	fmt.Println(global.Trans(ctx, global.ID{Resource: "till"}, func() error {
		_, err := banyan.Call(ctx, global.Name[*Register](banyan.Atom("till")), Add{1})
		return err
	}))
	// Output:
	// <nil>
	// 5 <nil>
	// <nil>
}
