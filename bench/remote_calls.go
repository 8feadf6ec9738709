// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
)

// remoteCallTests: 64 callers of one server on the other node.
func remoteCallTests() []*test {
	t := &test{row: "10", name: "remote-calls-64", title: "remote calls, 64 callers", n: 300_000, paired: true,
		figures: []figure{rate("calls", 150_000, 3), peak(0)}, module: "remote", function: "calls"}
	t.client[ours], t.server[ours] = remoteCalls, adderServer
	t.client[plain], t.server[plain] = plainCalls, plainEchoServer
	one := &test{row: "10", name: "remote-call-1", title: "remote calls, one caller", n: 20_000, paired: true,
		figures: []figure{rate("calls", 0, 0)}, module: "remote", function: "call"}
	one.client[ours], one.server[ours] = remoteCallsOf(1), adderServer
	one.client[plain], one.server[plain] = plainPingPong, plainEchoServer
	return []*test{t, one}
}

// meetAdder gives a handle of an adder.
type meetAdder struct{}

// Call does.
func (meetAdder) Call(_ *adder, self *banyan.Self) (banyan.Ref[*adder], error) {
	return banyan.RefOf[*adder](self.Node(), self.PID())
}

func adderServer(b *bench) {
	n, _ := b.remote("server", 0)
	a := &adder{}
	spawn(b, n, a, banyan.Name("adder"))
	b.ready("")
	b.figure("calls", float64(a.calls))
}

const remoteCallers = 64

func remoteCalls(b *bench) { remoteCallsOf(remoteCallers)(b) }

func remoteCallsOf(callers int) work {
	return func(b *bench) {
		n, ctx := b.remote("client", 0)
		to, err := banyan.Call(ctx, banyan.At[*adder]("adder", serverNode), meetAdder{})
		b.must(err)
		var wg sync.WaitGroup
		wg.Add(callers)
		start := time.Now()
		for range callers {
			cast(b, ctx, spawn(b, n, &asker{b, to, &wg}), askMany{b.n / callers})
		}
		wg.Wait()
		b.rate(b.n/callers*callers, start) // each reply was checked
	}
}

// plainCalls has a socket for each caller.
func plainCalls(b *bench) {
	var wg sync.WaitGroup
	start := time.Now()
	for range remoteCallers {
		c := b.dial()
		wg.Go(func() {
			r := bufio.NewReader(c)
			for i := range b.n / remoteCallers {
				b.roundTrip(c, r, i)
			}
		})
	}
	wg.Wait()
	b.rate(b.n/remoteCallers*remoteCallers, start)
}
