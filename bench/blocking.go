// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// blockingTests: four handlers on two processors that call a fifth, which blocks.
func blockingTests() []*test {
	figures := []figure{
		{key: "timeouts", label: "calls timed out", unit: "calls", lower: true, zeroed: true},
		rate("calls", 0, 0),
		{key: "p99", label: "time of a call, p99", unit: "ms", lower: true},
		{key: "max", label: "time of a call, at most", unit: "ms", lower: true},
		{key: "bystander", label: "a call to another server meanwhile, p99", unit: "ms", lower: true},
	}
	sleep := &test{row: "9", name: "blocking-sleep", title: "4 blocking callers on 2 processors, a fifth that sleeps 1 ms", n: 2000,
		figures: figures, module: "calls", function: "blocking"}
	sleep.client[ours], sleep.client[plain] = blockingCallers(false), blockingChannels
	io := &test{row: "9", name: "blocking-io", title: "4 blocking callers on 2 processors, a fifth that waits for I/O", n: 20_000,
		figures: figures}
	io.client[ours] = blockingCallers(true)
	io.missing[erlang], io.missing[plain] = "its ports are processes already", "the same as sleeping"
	return []*test{sleep, io}
}

// napper blocks in its handler: it sleeps, or reads from a pipe that somebody fills later.
type napper struct {
	adder
	in, out *os.File // nil: sleep
}

type nap struct{ N int }

// Call blocks and answers N+1.
func (m nap) Call(s *napper, _ *banyan.Self) (int, error) {
	if s.in == nil {
		time.Sleep(time.Millisecond)
	} else {
		go func() {
			_, _ = s.out.Write([]byte{1})
		}()
		var one [1]byte
		if _, err := s.in.Read(one[:]); err != nil {
			return 0, err
		}
	}
	s.calls++
	s.sum += m.N
	return m.N + 1, nil
}

// napAsker calls the napper from its handler.
type napAsker struct {
	b        *bench
	to       banyan.Ref[*napper]
	wg       *sync.WaitGroup
	timeouts *atomic.Int64
	took     latencies
}

type napMany struct{ N int }

// Cast calls N times.
func (m napMany) Cast(a *napAsker, self *banyan.Self) error {
	for i := range m.N {
		start := time.Now()
		r, err := banyan.Call(self, a.to, nap{i})
		a.took = append(a.took, time.Since(start))
		switch {
		case errors.Is(err, banyan.ErrTimeout):
			a.timeouts.Add(1)
		case err != nil || r != i+1:
			a.b.failf("call %d: %d, %v", i, r, err)
		}
	}
	a.wg.Done()
	return nil
}

const blockers = 4

func blockingCallers(io bool) work {
	return func(b *bench) {
		runtime.GOMAXPROCS(2)
		n, ctx := b.local(banyan.WithWorkers(2))
		callee := &napper{}
		if io {
			var err error
			callee.in, callee.out, err = os.Pipe()
			b.must(err)
		}
		to := spawn(b, n, callee)
		var wg sync.WaitGroup
		var timeouts atomic.Int64
		askers := make([]*napAsker, blockers)
		wg.Add(blockers)
		each := b.n / blockers
		start := time.Now()
		for i := range askers {
			askers[i] = &napAsker{b: b, to: to, wg: &wg, timeouts: &timeouts}
			cast(b, ctx, spawn(b, n, askers[i]), napMany{each})
		}
		stop := make(chan struct{})
		other := bystander(b, n, stop)
		wg.Wait()
		b.rate(b.n, start)
		close(stop)
		(<-other).reportAs(b, "bystander")
		b.figure("timeouts", float64(timeouts.Load()))
		if timeouts.Load() == 0 {
			b.equal("calls", callee.calls, b.n)
			b.equal("sum", callee.sum, blockers*(each*(each-1)/2))
		}
		var took latencies
		for _, a := range askers {
			took = append(took, a.took...)
		}
		took.report(b, "", time.Millisecond)
	}
}

// bystander calls a server that has nothing to do with all this, now and then.
func bystander(b *bench, n *banyan.Node, stop <-chan struct{}) <-chan latencies {
	out := make(chan latencies, 1)
	to := spawn(b, n, &adder{})
	ctx := n.Context(context.Background())
	go func() {
		var l latencies
		for i := 0; ; i++ {
			select {
			case <-stop:
				out <- l
				return
			case <-time.After(5 * time.Millisecond):
			}
			start := time.Now()
			if r, err := banyan.Call(ctx, to, inc{i}); err != nil || r != i+1 {
				b.failf("bystander: %d, %v", r, err)
			}
			l = append(l, time.Since(start))
		}
	}()
	return out
}

func blockingChannels(b *bench) {
	c := make(chan request)
	go func() {
		for r := range c {
			time.Sleep(time.Millisecond)
			r.reply <- r.n + 1
		}
	}()
	var mu sync.Mutex
	var all latencies
	var wg sync.WaitGroup
	start := time.Now()
	for range blockers {
		wg.Go(func() {
			var took latencies
			reply := make(chan int, 1)
			for i := range b.n / blockers {
				at := time.Now()
				c <- request{i, reply}
				b.equal("reply", <-reply, i+1)
				took = append(took, time.Since(at))
			}
			mu.Lock()
			all = append(all, took...)
			mu.Unlock()
		})
	}
	wg.Wait()
	b.rate(b.n, start)
	b.figure("timeouts", 0)
	all.report(b, "", time.Millisecond)
}
