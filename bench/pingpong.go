// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/banyan-go/banyan"
)

// pingPongTests: two processes send one message to and fro.
func pingPongTests() []*test {
	flat := &test{row: "2", name: "pingpong", title: "ping-pong, servers", n: 2_000_000,
		figures: []figure{nanoseconds("round trip", 180, 2)}, module: "local", function: "pingpong"}
	flat.client[ours], flat.client[plain] = pingPong(false), pingPongChannels(false)
	deep := &test{row: "2", name: "pingpong-deep", title: "ping-pong, servers with a 3 kB deep handler", n: 2_000_000,
		figures: []figure{nanoseconds("round trip", 300, 0)}, module: "local", function: "pingpong_deep"}
	deep.client[ours], deep.client[plain] = pingPong(true), pingPongChannels(true)
	procs := &test{row: "2", name: "pingpong-process", title: "ping-pong, goroutine processes", n: 1_000_000,
		figures: []figure{nanoseconds("round trip", 600, 0)}, module: "local", function: "pingpong"}
	procs.client[ours], procs.client[plain] = pingPongProcesses, pingPongChannels(false)
	return []*test{flat, deep, procs}
}

// player counts balls and plays them back.
type player struct {
	other banyan.Ref[*player]
	deep  bool
	balls int
	sum   int
	over  chan struct{}
}

type ball struct{ N int }

// Cast plays the ball until it has run down.
func (m ball) Cast(p *player, self *banyan.Self) error {
	if p.deep {
		p.sum += dive(m.N)
	} else {
		p.sum += m.N
	}
	p.balls++
	if m.N == 0 {
		close(p.over)
		return nil
	}
	return banyan.Cast(self, p.other, ball{m.N - 1})
}

// dive uses 3 kB of stack, and gives n.
//
//go:noinline
func dive(n int) int {
	var deep [3072]byte
	deep[n&1023] = byte(n)
	return n - int(byte(n)) + int(deep[n&1023])
}

func pingPong(deep bool) work {
	return func(b *bench) {
		n, ctx := b.local()
		over := make(chan struct{})
		states := [2]*player{{deep: deep, over: over}, {deep: deep, over: over}}
		one, two := spawn(b, n, states[0]), spawn(b, n, states[1])
		states[0].other, states[1].other = two, one
		last := 2*b.n - 1
		start := time.Now()
		cast(b, ctx, one, ball{last})
		<-over
		b.rate(b.n, start)
		b.equal("balls", states[0].balls, b.n)
		b.equal("balls", states[1].balls, b.n)
		b.equal("sum", states[0].sum+states[1].sum, last*(last+1)/2)
	}
}

func pingPongProcesses(b *bench) {
	n, ctx := b.local()
	last := 2*b.n - 1
	sums := make(chan int, 2)
	play := func(self *banyan.Self) error {
		to, err := banyan.ReceiveOf[banyan.PID](self, self)
		sum := 0
		for err == nil {
			var m ball
			if m, err = banyan.ReceiveOf[ball](self, self); err != nil {
				break
			}
			sum += m.N
			if m.N > 0 {
				err = banyan.Send(self, to, ball{m.N - 1})
			}
			if m.N <= 1 {
				break
			}
		}
		b.must(err)
		sums <- sum
		return nil
	}
	one, err := banyan.Go(n, play)
	b.must(err)
	two, err := banyan.Go(n, play)
	b.must(err)
	b.must(banyan.Send(ctx, one, two))
	b.must(banyan.Send(ctx, two, one))
	start := time.Now()
	b.must(banyan.Send(ctx, one, ball{last}))
	sum := <-sums + <-sums
	b.rate(b.n, start)
	b.equal("sum", sum, last*(last+1)/2)
}

func pingPongChannels(deep bool) work {
	return func(b *bench) {
		last := 2*b.n - 1
		sums := make(chan int, 2)
		play := func(in <-chan int, out chan<- int) {
			sum := 0
			for n := range in {
				if deep {
					sum += dive(n)
				} else {
					sum += n
				}
				if n > 0 {
					out <- n - 1
				}
				if n <= 1 {
					break
				}
			}
			sums <- sum
		}
		one, two := make(chan int), make(chan int)
		go play(one, two)
		go play(two, one)
		start := time.Now()
		one <- last
		sum := <-sums + <-sums
		b.rate(b.n, start)
		b.equal("sum", sum, last*(last+1)/2)
	}
}
