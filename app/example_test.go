// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/app"
	"github.com/banyan-go/banyan/supervisor"
)

// Applications start in the order of their needs, and stop in reverse.
func ExampleStart() {
	node, err := banyan.Start("shop@127.0.0.1", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Stop(context.Background())

	say := func(name string) supervisor.Spec {
		return supervisor.Process(name, func(self *banyan.Self) error {
			_, err := self.Receive(self) // until it is told to end
			return err
		})
	}
	db := app.New("db", supervisor.New("db", supervisor.OneForOne, say("tables")), app.Needs("cluster"), app.Describe("replicated tables"))
	cluster := supervisor.New("cluster", supervisor.OneForAll, say("members"))

	running, err := app.Start(context.Background(), node, db, cluster) // Run would also wait, and stop them
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range running.List() {
		fmt.Printf("%s %s %q\n", a.Name, a.Mode, a.Description)
	}
	fmt.Println(running.Stop(context.Background()))
	// Output:
	// cluster permanent ""
	// db permanent "replicated tables"
	// <nil>
}
