// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// restartTests: a permanent child that crashes as often as it is started.
func restartTests() []*test {
	mk := func(name, title string, n int, target float64) *test {
		t := &test{row: "11", name: name, title: title, n: n, fixed: true, figures: []figure{rate("restarts", target, 0)},
			module: "sup", function: "restarts"}
		t.client[ours] = restarts
		t.missing[plain] = "no supervisors"
		return t
	}
	return []*test{
		mk("restarts-1k", "supervisor, the first 1000 restarts", 1000, 0),
		mk("restarts", "supervisor, 20,000 restarts in the window", 20_000, 100_000),
	}
}

var errFragile = errors.New("fragile")

// fragile is the child.
type fragile struct{}

type smash struct{}

// Cast crashes the child.
func (smash) Cast(*fragile, *banyan.Self) error { return errFragile }

func restarts(b *bench) {
	n, _ := b.local()
	starts := 0 // by the child's constructor: one at a time
	over := make(chan struct{})
	var begin time.Time
	child := func(_ context.Context, self *banyan.Self) (*fragile, error) {
		if starts++; starts == b.n+1 {
			close(over)
			return &fragile{}, nil
		}
		if starts == 1 {
			begin = time.Now()
		}
		me, err := banyan.RefOf[*fragile](self.Node(), self.PID())
		b.must(err)
		return &fragile{}, banyan.Cast(self, me, smash{})
	}
	tree := supervisor.New("bench", supervisor.OneForOne, supervisor.Intensity(10*b.n, time.Hour), supervisor.Worker("fragile", child))
	sup, err := tree.Start(n)
	b.must(err)
	<-over
	b.rate(b.n, begin)
	if _, ok := n.Info(sup.PID()); !ok {
		b.failf("the supervisor is dead")
	}
}
