// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/banyan-go/banyan"
)

// counter is a server's state: only its own process touches it.
type counter struct{ n int }

// add is answered with the new value.
type add struct{ N int }

func (m add) Call(c *counter, _ *banyan.Self) (int, error) {
	c.n += m.N
	return c.n, nil
}

// reset is not answered.
type reset struct{}

func (reset) Cast(c *counter, _ *banyan.Self) error {
	c.n = 0
	return nil
}

func Example() {
	node, err := banyan.Start("hello@127.0.0.1")
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
	ref, err := banyan.SpawnState(node, &counter{})
	if err != nil {
		log.Fatal(err)
	}
	n, err := banyan.Call(context.Background(), ref, add{42})
	fmt.Println(n, err)
	// Output: 42 <nil>
}

func ExampleSpawn() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())

	ref, err := banyan.Spawn(node, func(ctx context.Context, self *banyan.Self) (*counter, error) {
		return &counter{n: 10}, nil // runs in the new process; an error would be Spawn's
	}, banyan.Name("counter"))
	fmt.Println(ref.IsZero(), err)

	_, err = banyan.SpawnState(node, &counter{}, banyan.Name("counter"))
	fmt.Println(errors.Is(err, banyan.ErrNameTaken))
	// Output:
	// false <nil>
	// true
}

func ExampleCall() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())
	ref, _ := banyan.SpawnState(node, &counter{})
	ctx := node.Context(context.Background())

	for range 3 {
		n, err := banyan.Call(ctx, ref, add{2})
		fmt.Println(n, err)
	}
	// Output:
	// 2 <nil>
	// 4 <nil>
	// 6 <nil>
}

func ExampleCast() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())
	ref, _ := banyan.SpawnState(node, &counter{n: 100})
	ctx := node.Context(context.Background())

	err := banyan.Cast(ctx, ref, reset{}) // nil: it is in the mailbox
	n, _ := banyan.Call(ctx, ref, add{1}) // messages of one sender keep their order
	fmt.Println(n, err)
	// Output: 1 <nil>
}

func ExampleAt() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())
	banyan.SpawnState(node, &counter{}, banyan.Name("counter"))
	ctx := node.Context(context.Background()) // says whose names are meant

	n, err := banyan.Call(ctx, banyan.At[*counter]("counter", ""), add{5})
	fmt.Println(n, err)
	_, err = banyan.Call(ctx, banyan.At[*counter]("nobody", ""), add{5})
	fmt.Println(errors.Is(err, banyan.ErrNoProcess), errors.Is(err, banyan.ErrNotDelivered))
	// Output:
	// 5 <nil>
	// true true
}

func ExampleCallAll() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())
	a, _ := banyan.SpawnState(node, &counter{n: 1})
	b, _ := banyan.SpawnState(node, &counter{n: 2})
	ctx := node.Context(context.Background())

	var got []int
	for r := range banyan.CallAll(ctx, banyan.Refs(a, b), add{10}) { // as they arrive
		if r.Err == nil {
			got = append(got, r.Value)
		}
	}
	slices.Sort(got)
	fmt.Println(got)
	// Output: [11 12]
}

// oven answers when the cake is done, and takes other orders meanwhile.
type oven struct{ waiting []banyan.Later[string] }

type bake struct{}

func (bake) Call(o *oven, self *banyan.Self) (string, error) {
	o.waiting = append(o.waiting, banyan.Defer[string](self))
	return "", nil // ignored: the ticket answers
}

type ring2 struct{}

func (ring2) Cast(o *oven, _ *banyan.Self) error {
	for i, l := range o.waiting {
		l.Reply(fmt.Sprint("cake ", i+1))
	}
	o.waiting = nil
	return nil
}

func ExampleDefer() {
	node, _ := banyan.Start("bakery@127.0.0.1")
	defer node.Stop(context.Background())
	ref, _ := banyan.SpawnState(node, &oven{})
	ctx := node.Context(context.Background())

	order := make(chan string)
	go func() {
		cake, err := banyan.Call(ctx, ref, bake{})
		order <- fmt.Sprint(cake, " ", err)
	}()
	for {
		banyan.Cast(ctx, ref, ring2{})
		select {
		case cake := <-order:
			fmt.Println(cake)
			return
		default:
		}
	}
	// Output: cake 1 <nil>
}

func ExampleGo() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())

	done := make(chan struct{})
	pid, _ := banyan.Go(node, func(self *banyan.Self) error {
		defer close(done)
		name, err := banyan.ReceiveOf[string](self, self) // the first string, whatever came before
		if err != nil {
			return err
		}
		m, err := self.Receive(self) // the oldest of the others
		fmt.Println(name, m)
		return err
	})
	banyan.Send(ctx, pid, 1)
	banyan.Send(ctx, pid, 2)
	banyan.Send(ctx, pid, "tea")
	<-done
	// Output: tea 1
}

func ExampleSelf_Monitor() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())
	ref, _ := banyan.SpawnState(node, &counter{})

	done := make(chan struct{})
	banyan.Go(node, func(self *banyan.Self) error {
		defer close(done)
		m := self.Monitor(ref.PID())
		banyan.SendExit(self, ref.PID(), banyan.ErrKill)
		down, err := banyan.ReceiveOf[banyan.Down](self, self)
		fmt.Println(down.Monitor == m, down.Reason)
		return err
	})
	<-done
	// Output: true killed
}

func ExampleSelf_Receive() {
	node, _ := banyan.Start("shop@127.0.0.1")
	defer node.Stop(context.Background())

	done := make(chan struct{})
	banyan.Go(node, func(self *banyan.Self) error {
		defer close(done)
		for i := range 5 {
			banyan.Send(self, self.PID(), i)
		}
		big := banyan.When(func(i int) bool { return i >= 3 })
		for range 5 {
			m, err := self.Receive(banyan.Within(self, 1e9), big)
			if errors.Is(err, banyan.ErrTimeout) {
				m, err = self.Receive(self)
			}
			if err != nil {
				return err
			}
			fmt.Print(m, " ")
			if m == 4 {
				big = banyan.OfType[int]() // from now on, any
			}
		}
		return nil
	})
	<-done
	// Output: 3 4 0 1 2
}
