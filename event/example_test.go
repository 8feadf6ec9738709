// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"context"
	"fmt"
	"log"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/event"
)

// Alarm is an event.
type Alarm struct{ Text string }

// Mailer is a handler.
type Mailer struct{ sent int }

func (m *Mailer) Event(_ *banyan.Self, a Alarm) error {
	m.sent++
	fmt.Println("mail:", a.Text)
	return nil
}

// Sent asks a Mailer how much it has sent.
type Sent struct{}

func (Sent) Call(m *Mailer, _ *banyan.Self) (int, error) { return m.sent, nil }

func ExampleStart() {
	node, err := banyan.Start("alarms@localhost")
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())

	alarms, err := event.Start[Alarm](node, banyan.Name("alarms"))
	if err != nil {
		log.Fatal(err)
	}
	if err := event.Add(ctx, alarms, "mail", func(context.Context, *banyan.Self) (*Mailer, error) { return &Mailer{}, nil }); err != nil {
		log.Fatal(err)
	}
	if err := event.Add(ctx, alarms, "once", event.On[Alarm](func(_ *banyan.Self, a Alarm) error {
		fmt.Println("once:", a.Text)
		return event.Remove
	})); err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.SyncNotify(ctx, alarms, Alarm{"disk full"}))
	fmt.Println(event.SyncNotify(ctx, alarms, Alarm{"on fire"}))
	fmt.Println(event.Call(ctx, alarms, "mail", Sent{}))
	fmt.Println(event.Which(ctx, alarms))
	// Output:
	// once: disk full
	// mail: disk full
	// <nil>
	// mail: on fire
	// <nil>
	// 2 <nil>
	// [mail] <nil>
}
