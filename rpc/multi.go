// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"iter"
	"sync"

	"github.com/banyan-go/banyan"
)

// Outcome is what one node of a MultiCall answered.
type Outcome[R any] struct {
	Node  banyan.Atom
	Value R
	Err   error
}

// MultiCall runs a function on many nodes at once and yields the results as they arrive, one for each entry of nodes:
// erpc:multicall. A node that cannot be reached is an error in its place and holds up no other. ctx bounds it all; with
// none, the slowest node does. When the loop is left early the rest is given up; functions that run go on.
func MultiCall[R any](ctx context.Context, nodes []banyan.Atom, module, function banyan.Atom, args ...any) iter.Seq[Outcome[R]] { //lint:any terms
	return func(yield func(Outcome[R]) bool) {
		k := key{module, function, len(args)}
		n := banyan.NodeOf(ctx)
		list, err := termsOf(args) // once, and before the caller can change them
		if n == nil {
			err = banyan.ErrNoNode
		}
		if err != nil {
			for _, node := range nodes {
				if !yield(Outcome[R]{Node: node, Err: opError("call", node, k, err)}) {
					return
				}
			}
			return
		}
		out, cancel := outside(ctx, n)
		defer cancel()
		a := &arrivals[R]{}
		for i, node := range nodes {
			go func() { // ends with its call, which ends when this loop does
				v, err := Call[R](out, node, module, function, list...)
				a.add(i, Outcome[R]{node, v, err})
			}()
		}
		missing := make([]bool, len(nodes))
		for i := range missing {
			missing[i] = true
		}
		for range nodes {
			i, o, err := a.next(ctx)
			if err != nil { // ctx is over, or this process is to end
				yieldRest(yield, nodes, missing, k, err)
				return
			}
			missing[i] = false
			if !yield(o) {
				return
			}
		}
	}
}

// yieldRest tells of the nodes that have not answered.
func yieldRest[R any](yield func(Outcome[R]) bool, nodes []banyan.Atom, missing []bool, k key, err error) {
	for i, node := range nodes {
		if missing[i] && !yield(Outcome[R]{Node: node, Err: opError("call", node, k, err)}) {
			return
		}
	}
}

// arrivals are outcomes that have come and were not yielded yet.
type arrivals[R any] struct {
	mu   sync.Mutex
	list []arrival[R]
	some *banyan.Latch // opens when list is not empty; nil while nobody waits
}

type arrival[R any] struct {
	index int
	o     Outcome[R]
}

func (a *arrivals[R]) add(i int, o Outcome[R]) {
	a.mu.Lock()
	a.list = append(a.list, arrival[R]{i, o})
	some := a.some
	a.some = nil
	a.mu.Unlock()
	if some != nil {
		some.Open()
	}
}

// next waits for an outcome. What has come goes before the end of ctx.
func (a *arrivals[R]) next(ctx context.Context) (int, Outcome[R], error) {
	for {
		a.mu.Lock()
		if len(a.list) > 0 {
			x := a.list[0]
			a.list = a.list[1:]
			a.mu.Unlock()
			return x.index, x.o, nil
		}
		some := &banyan.Latch{}
		a.some = some
		a.mu.Unlock()
		if err := some.Wait(ctx); err != nil {
			return 0, Outcome[R]{}, err
		}
	}
}
