// SPDX-License-Identifier: Apache-2.0

package main

import (
	"sync"
	"time"

	"github.com/banyan-go/banyan"
)

// pairsTests: a thousand ping-pongs at once.
func pairsTests() []*test {
	t := &test{row: "4", name: "pairs", title: "1000 pairs", n: 4000, figures: []figure{rate("messages", 18e6, 2), peak(0)},
		module: "local", function: "pairs"}
	t.client[ours], t.client[plain] = pairs, pairsChannels
	return []*test{t}
}

const pairCount = 1000

func pairs(b *bench) {
	n, ctx := b.local()
	last := 2*b.n - 1
	states := make([]*player, 2*pairCount)
	refs := make([]banyan.Ref[*player], len(states))
	for i := range states {
		states[i] = &player{over: make(chan struct{})}
		refs[i] = spawn(b, n, states[i])
	}
	for i := range states {
		states[i].other = refs[i^1]
	}
	start := time.Now()
	for i := 0; i < len(refs); i += 2 {
		cast(b, ctx, refs[i], ball{last})
	}
	sum := 0
	for i := 1; i < len(states); i += 2 { // the ball ends at the second of each pair
		<-states[i].over
	}
	b.rate(pairCount*2*b.n, start)
	for _, p := range states {
		b.equal("balls", p.balls, b.n)
		sum += p.sum
	}
	b.equal("sum", sum, pairCount*(last*(last+1)/2))
}

func pairsChannels(b *bench) {
	last := 2*b.n - 1
	var wg sync.WaitGroup
	sums := make([]int, 2*pairCount)
	play := func(in <-chan int, out chan<- int, sum *int) {
		for n := range in {
			*sum += n
			if n > 0 {
				out <- n - 1
			}
			if n <= 1 {
				return
			}
		}
	}
	start := time.Now()
	for i := range pairCount {
		one, two := make(chan int), make(chan int)
		wg.Go(func() { play(one, two, &sums[2*i]) })
		wg.Go(func() { play(two, one, &sums[2*i+1]) })
		one <- last
	}
	wg.Wait()
	b.rate(pairCount*2*b.n, start)
	sum := 0
	for _, s := range sums {
		sum += s
	}
	b.equal("sum", sum, pairCount*(last*(last+1)/2))
}
