// SPDX-License-Identifier: Apache-2.0

package pg_test

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/pg"
)

type Till struct{ name string }

type Who struct{}

func (Who) Call(t *Till, _ *banyan.Self) (string, error) { return t.name, nil }

// A group of servers is one target, or many.
func Example() {
	node, err := banyan.Start("shop@127.0.0.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())
	if _, err := pg.Start(node, pg.Default); err != nil {
		fmt.Println(err)
		return
	}
	tills := pg.In[*Till](pg.Default, banyan.Atom("tills"))
	for i := range 2 {
		till, _ := banyan.SpawnState(node, &Till{fmt.Sprint("till ", i)})
		if err := tills.Join(ctx, till); err != nil {
			fmt.Println(err)
		}
	}
	_, err = banyan.Call(ctx, tills.Any(), Who{})
	fmt.Println("any:", err)
	n := 0
	for r := range banyan.CallAll(ctx, tills, Who{}) {
		if r.Err == nil {
			n++
		}
	}
	fmt.Println("all:", n)
	// Output:
	// any: <nil>
	// all: 2
}

// A process can hear of joins and leaves.
func ExampleScope_Monitor() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())
	if _, err := pg.Start(node, pg.Default); err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan struct{})
	_, _ = banyan.Go(node, func(self *banyan.Self) error {
		defer close(done)
		_, members, err := pg.Default.Monitor(self, banyan.Atom("room"))
		if err != nil {
			return err
		}
		fmt.Println("members:", len(members))
		if err := pg.Default.Join(self, banyan.Atom("room"), self.PID()); err != nil {
			return err
		}
		e, err := banyan.ReceiveOf[pg.Event](self, self)
		fmt.Println(e.Group, e.Joined, len(e.PIDs), err)
		return err
	})
	<-done
	// Output:
	// members: 0
	// room true 1 <nil>
}
