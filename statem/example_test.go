// SPDX-License-Identifier: Apache-2.0

package statem_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/statem"
)

// Position is the state of a Door.
type Position string

const (
	Open   Position = "open"
	Locked Position = "locked"
)

// Door opens by a code, and locks itself.
type Door struct {
	statem.Machine[Position]
	code string
}

// Unlock opens the door, if the code is right.
type Unlock struct{ Code string }

func (m Unlock) Call(d *Door, _ *banyan.Self) (bool, error) {
	if d.State() == Open {
		return false, d.Postpone() // until it is locked again; the caller waits
	}
	if m.Code != d.code {
		return false, nil
	}
	d.Next(Open)
	statem.StateTimeout(d, 10*time.Millisecond, Slam{})
	return true, nil
}

// Slam closes it.
type Slam struct{}

func (Slam) Cast(d *Door, _ *banyan.Self) error { d.Next(Locked); return nil }

func ExampleMachine() {
	node, err := banyan.Start("doors@localhost")
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
	door, err := banyan.SpawnState(node, &Door{Machine: statem.In(Locked), code: "1234"})
	if err != nil {
		log.Fatal(err)
	}
	ctx := node.Context(context.Background())
	fmt.Println(banyan.Call(ctx, door, Unlock{"0000"}))
	fmt.Println(banyan.Call(ctx, door, Unlock{"1234"}))
	fmt.Println(banyan.Call(ctx, door, Unlock{"1234"})) // waits until the door has locked itself
	// Output:
	// false <nil>
	// true <nil>
	// true <nil>
}
