// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/banyan-go/banyan"
)

// fanInTests: eight send to one as fast as they can.
func fanInTests() []*test {
	t := &test{row: "3", name: "fanin", title: "8 to 1 fan-in", n: 1_000_000,
		figures: []figure{rate("messages", 18e6, 2), peak(100)}, module: "local", function: "fanin"}
	t.client[ours], t.client[plain] = fanIn, fanInChannel
	return []*test{t}
}

const senders = 8

// basin adds up what flows in.
type basin struct {
	count, sum, want int
	full             chan struct{}
}

type drop struct{ N int }

// Cast adds.
func (m drop) Cast(s *basin, _ *banyan.Self) error {
	s.sum += m.N
	if s.count++; s.count == s.want {
		close(s.full)
	}
	return nil
}

// spring pours into a basin.
type spring struct {
	b  *bench
	to banyan.Ref[*basin]
}

type pour struct{ N int }

// Cast sends N messages.
func (m pour) Cast(s *spring, self *banyan.Self) error {
	for i := range m.N {
		if err := banyan.Cast(self, s.to, drop{i}); err != nil {
			s.b.must(err)
		}
	}
	return nil
}

func fanIn(b *bench) {
	n, ctx := b.local()
	s := &basin{want: senders * b.n, full: make(chan struct{})}
	to := spawn(b, n, s)
	start := time.Now()
	for range senders {
		cast(b, ctx, spawn(b, n, &spring{b, to}), pour{b.n})
	}
	<-s.full
	b.rate(s.want, start)
	b.equal("messages", s.count, s.want)
	b.equal("sum", s.sum, senders*b.n*(b.n-1)/2)
}

func fanInChannel(b *bench) {
	c := make(chan int, 512)
	start := time.Now()
	for range senders {
		go func() {
			for i := range b.n {
				c <- i
			}
		}()
	}
	sum := 0
	for range senders * b.n {
		sum += <-c
	}
	b.rate(senders*b.n, start)
	b.equal("sum", sum, senders*b.n*(b.n-1)/2)
}
