// SPDX-License-Identifier: Apache-2.0

// Chapter 7: state machines, events and tasks.
//
// A parcel locker is a state machine: what it does with a message depends on the state that it is in. Its type embeds
// statem.Machine; its messages are those of any server. A courier who comes while the door is open waits, because the locker
// postpones the message: it is handled again when the state has changed. A door that nobody closes closes itself, by a state
// time-out. Whatever happens is told to an event manager, with two handlers; one of them has a bug, and only that one goes. And the couriers
// all come at once, as tasks.
//
//	go run ./examples/07-state-machines
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/event"
	"github.com/banyan-go/banyan/statem"
	"github.com/banyan-go/banyan/supervisor"
	"github.com/banyan-go/banyan/task"
)

// Door is the state of a locker.
type Door string

const (
	Closed Door = "closed"
	Open   Door = "open"
)

// Locker holds parcels.
type Locker struct {
	statem.Machine[Door]
	parcels []string
}

// NewLocker makes one, with its door closed.
func NewLocker(context.Context, *banyan.Self) (*Locker, error) {
	return &Locker{Machine: statem.In(Closed)}, nil
}

var news = banyan.At[*event.Manager[string]]("news", "")

// Enter tells of each new state.
func (l *Locker) Enter(self *banyan.Self, _ Door) error {
	return event.Notify(self, news, fmt.Sprintf("%s, %d inside", l.State(), len(l.parcels)))
}

// Put opens the door for a parcel.
type Put struct{ Parcel string }

// Call answers with the number of parcels. A courier who finds the door open waits for the reply until it is closed again.
func (m Put) Call(l *Locker, _ *banyan.Self) (int, error) {
	if l.State() == Open {
		return 0, l.Postpone()
	}
	l.parcels = append(l.parcels, m.Parcel)
	l.Next(Open)
	statem.StateTimeout(l, 10*time.Millisecond, Close{}) // the courier forgets to
	return len(l.parcels), nil
}

// Close closes the door.
type Close struct{}

// Cast closes it.
func (Close) Cast(l *Locker, _ *banyan.Self) error {
	l.Next(Closed)
	return nil
}

// Inside asks what is in the locker, once its door is closed.
type Inside struct{}

// Call answers.
func (Inside) Call(l *Locker, _ *banyan.Self) (int, error) {
	if l.State() == Open {
		return 0, l.Postpone()
	}
	return len(l.parcels), nil
}

// Board is a handler of news: it keeps them.
type Board struct{ lines []string }

// Event keeps one.
func (b *Board) Event(_ *banyan.Self, line string) error {
	b.lines = append(b.lines, line)
	return nil
}

// Lines asks a Board for what it has.
type Lines struct{}

// Call answers.
func (Lines) Call(b *Board, _ *banyan.Self) ([]string, error) { return b.lines, nil }

// faulty is a handler that cannot count to two.
func faulty(_ *banyan.Self, line string) error {
	if line == "open, 2 inside" {
		panic("two?")
	}
	return nil
}

var tree = supervisor.New("parcels", supervisor.RestForOne,
	supervisor.Worker("news", event.New[string], supervisor.With(banyan.Name("news"))),
	supervisor.Worker("locker", NewLocker, supervisor.With(banyan.Name("locker"))),
	supervisor.Worker("couriers", task.NewSupervisor, supervisor.With(banyan.Name("couriers"))),
)

func main() {
	node, err := banyan.Start("parcels@localhost", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
	if _, err := tree.Start(node); err != nil {
		log.Fatal(err)
	}
	ctx := node.Context(context.Background())
	err = event.Add(ctx, news, "board", func(context.Context, *banyan.Self) (*Board, error) { return &Board{}, nil })
	if err == nil {
		err = event.Add(ctx, news, "faulty", event.On[string](faulty))
	}
	if err != nil {
		log.Fatal(err)
	}

	// Three couriers at once, each a task.
	locker := banyan.At[*Locker]("locker", "")
	couriers := task.Under(banyan.At[*task.Supervisor]("couriers", ""))
	var all []*task.Task[int]
	for _, parcel := range []string{"shoes", "book", "lamp"} {
		t, err := task.Async(node, func(ctx context.Context) (int, error) {
			return banyan.Call(ctx, locker, Put{parcel})
		}, couriers)
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, t)
	}
	var places []int
	for _, t := range all {
		n, err := t.Await(ctx)
		if err != nil {
			log.Fatal(err)
		}
		places = append(places, n)
	}
	slices.Sort(places) // who was first is not known
	fmt.Println("places:", places)

	fmt.Println(banyan.Call(ctx, locker, Inside{}))

	lines, err := event.Call(ctx, news, "board", Lines{})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range lines {
		if l != "closed, 0 inside" { // it may have been told before the board was there
			fmt.Println(l)
		}
	}
	ids, err := event.Which(ctx, news)
	fmt.Println("handlers:", ids, err)
}
