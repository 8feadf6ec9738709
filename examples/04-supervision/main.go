// SPDX-License-Identifier: Apache-2.0

// Chapter 4: supervision.
//
// A tree is a value: who runs, in which order, and what happens when one ends. Started, it is a process that restarts its
// children. The audit below depends on the counter, so the strategy is RestForOne: when the counter ends, the audit behind
// it is restarted too. More than 3 restarts within 5 s and the supervisor gives up, so that the one above it may try.
//
// A restarted server begins with a fresh state. That is the point: whatever was wrong with the old one is gone. Clients use
// its name, not its pid, and ask again if the error says that the message was not delivered.
//
//	go run ./examples/04-supervision
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// Counter counts.
type Counter struct{ n int }

// NewCounter makes one.
func NewCounter(context.Context, *banyan.Self) (*Counter, error) { return &Counter{}, nil }

// Add adds.
type Add struct{ N int }

// Call has a bug: it cannot count beyond 100.
func (m Add) Call(c *Counter, _ *banyan.Self) (int, error) {
	c.n += m.N
	var table [101]int
	table[c.n] = c.n
	return table[c.n], nil
}

// Audit is a server that depends on the counter.
type Audit struct{}

// NewAudit makes one.
func NewAudit(context.Context, *banyan.Self) (*Audit, error) { return &Audit{}, nil }

var tree = supervisor.New("shop", supervisor.RestForOne, supervisor.Intensity(3, 5*time.Second),
	supervisor.Worker("counter", NewCounter, supervisor.With(banyan.Name("counter"))),
	supervisor.Worker("audit", NewAudit, supervisor.Shutdown(time.Second)),
)

// add asks again while nobody has seen the message: the counter may be on its way up.
func add(ctx context.Context, n int) (int, error) {
	for {
		total, err := banyan.Call(ctx, banyan.At[*Counter]("counter", ""), Add{n})
		if !errors.Is(err, banyan.ErrNotDelivered) || ctx.Err() != nil {
			return total, err
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func main() {
	node, err := banyan.Start("supervised@localhost", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
	shop, err := tree.Start(node)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(node.Context(context.Background()), 10*time.Second)
	defer cancel()

	fmt.Println(add(ctx, 60))
	_, err = add(ctx, 60)
	fmt.Println("crashed:", errors.Is(err, banyan.ErrDied)) // it may have had effects, so it is not asked again
	fmt.Println(add(ctx, 60))

	children, err := supervisor.Which(ctx, shop)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range children {
		fmt.Println(c.ID, "restarts:", c.Restarts)
	}
}
