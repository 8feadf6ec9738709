// SPDX-License-Identifier: Apache-2.0

// Chapter 2: state and calls.
//
// A server keeps its state to itself: no lock is needed, for it handles one message at a time. This one knows three kinds:
//
//   - Take is a call. Its handler may refuse with an error of its own, which is the answer and does not end the server.
//   - Refill is a cast: it is sent and not answered. An error would end the server.
//   - Await is a call whose answer comes later. The handler takes a ticket with Defer and returns; meanwhile the server
//     handles other messages, and one of them answers.
//
// A caller waits at most until the deadline of its context, or 5 s. It gets an error at once if the server is not there or
// dies. Messages that hold slices, maps or pointers are copied: two processes never share memory.
//
//	go run ./examples/02-state-and-calls
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/banyan-go/banyan"
)

// ErrOut is what Take says when there is not enough.
var ErrOut = errors.New("out of stock")

// Stock is the state of a server: what is left, and who waits for more.
type Stock struct {
	left    map[string]int
	waiting []order
}

type order struct {
	Await
	ticket banyan.Later[int]
}

// NewStock is the constructor: it runs in the new process.
func NewStock(_ context.Context, _ *banyan.Self) (*Stock, error) {
	return &Stock{left: map[string]int{"tea": 3}}, nil
}

// Take takes N pieces and tells how many are left.
type Take struct {
	SKU string
	N   int
}

// Call handles it.
func (m Take) Call(s *Stock, _ *banyan.Self) (int, error) {
	if s.left[m.SKU] < m.N {
		return 0, ErrOut
	}
	s.left[m.SKU] -= m.N
	return s.left[m.SKU], nil
}

// Refill adds N pieces.
type Refill struct {
	SKU string
	N   int
}

// Cast handles it, and answers those who waited for it.
func (m Refill) Cast(s *Stock, _ *banyan.Self) error {
	s.left[m.SKU] += m.N
	var still []order
	for _, o := range s.waiting {
		if s.left[o.SKU] < o.N {
			still = append(still, o)
			continue
		}
		// The caller may have given up. Then Reply says so, and nothing is taken.
		if o.ticket.Reply(s.left[o.SKU]-o.N) == nil {
			s.left[o.SKU] -= o.N
		}
	}
	s.waiting = still
	return nil
}

// Await is Take for those who can wait.
type Await struct {
	SKU string
	N   int
}

// Call handles it: the value it returns is not used, the ticket is the answer.
func (m Await) Call(s *Stock, self *banyan.Self) (int, error) {
	if s.left[m.SKU] >= m.N {
		return Take(m).Call(s, self)
	}
	s.waiting = append(s.waiting, order{m, banyan.Defer[int](self)})
	return 0, nil
}

func main() {
	node, err := banyan.Start("stock@localhost")
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
	if _, err = banyan.Spawn(node, NewStock, banyan.Name("stock")); err != nil {
		log.Fatal(err)
	}
	ctx := node.Context(context.Background())
	stock := banyan.At[*Stock]("stock", "") // a name is looked up at each call

	left, err := banyan.Call(ctx, stock, Take{"tea", 2})
	fmt.Println("take 2:", left, err)
	_, err = banyan.Call(ctx, stock, Take{"tea", 2})
	fmt.Println("take 2:", err, errors.Is(err, ErrOut))

	time.AfterFunc(10*time.Millisecond, func() {
		if err := banyan.Cast(ctx, stock, Refill{"tea", 5}); err != nil {
			log.Print(err)
		}
	})
	left, err = banyan.Call(ctx, stock, Await{"tea", 2})
	fmt.Println("await 2:", left, err)

	_, err = banyan.Call(banyan.Within(ctx, 20*time.Millisecond), stock, Await{"coffee", 1})
	fmt.Println("await coffee:", errors.Is(err, banyan.ErrTimeout))
}
