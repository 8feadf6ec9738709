// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/banyan-go/banyan"
)

// ringTests: one message goes round ten thousand processes.
func ringTests() []*test {
	t := &test{row: "5", name: "ring", title: "ring of 10,000", n: 5_000_000, figures: []figure{nanoseconds("hop", 100, 2)},
		module: "local", function: "ring"}
	t.client[ours], t.client[plain] = ring, ringChannels
	return []*test{t}
}

const ringSize = 10_000

// station hands a token on.
type station struct {
	next banyan.Ref[*station]
	sum  int
	over chan struct{}
}

type token struct{ Hops int }

// Cast hands it on.
func (m token) Cast(s *station, self *banyan.Self) error {
	s.sum += m.Hops
	if m.Hops == 0 {
		close(s.over)
		return nil
	}
	return banyan.Cast(self, s.next, token{m.Hops - 1})
}

func ring(b *bench) {
	n, ctx := b.local()
	over := make(chan struct{})
	states := make([]*station, ringSize)
	refs := make([]banyan.Ref[*station], ringSize)
	for i := range states {
		states[i] = &station{over: over}
		refs[i] = spawn(b, n, states[i])
	}
	for i := range states {
		states[i].next = refs[(i+1)%ringSize]
	}
	start := time.Now()
	cast(b, ctx, refs[0], token{b.n})
	<-over
	b.rate(b.n, start)
	sum := 0
	for _, s := range states {
		sum += s.sum
	}
	b.equal("sum", sum, b.n*(b.n+1)/2)
}

func ringChannels(b *bench) {
	sums := make([]int, ringSize)
	over := make(chan struct{})
	first := make(chan int)
	in := first
	for i := range ringSize {
		out := make(chan int)
		if i == ringSize-1 {
			out = first
		}
		go func(in <-chan int, out chan<- int) {
			for hops := range in {
				sums[i] += hops
				if hops == 0 {
					close(over)
					return
				}
				out <- hops - 1
			}
		}(in, out)
		in = out
	}
	start := time.Now()
	first <- b.n
	<-over
	b.rate(b.n, start)
	sum := 0
	for _, s := range sums {
		sum += s
	}
	b.equal("sum", sum, b.n*(b.n+1)/2)
}
