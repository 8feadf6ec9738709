// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
)

// callTests: calls with a deadline, whose caller learns at once if the callee dies.
func callTests() []*test {
	mk := func(name, title string, n int, target, factor float64, ours_, plain_ work, function string) *test {
		t := &test{row: "6", name: name, title: title, n: n, figures: []figure{rate("calls", target, factor)}, module: "calls", function: function}
		t.client[ours], t.client[plain] = ours_, plain_
		return t
	}
	return []*test{
		mk("call-handler", "call from a handler", 1_000_000, 2e6, 2, callFromHandlers(1), callGoroutines(1), "one"),
		mk("call-handlers-64", "call, 64 handlers to one", 2_000_000, 4e6, 2, callFromHandlers(64), callGoroutines(64), "many"),
		mk("call-goroutines-64", "call, 64 goroutines to one", 2_000_000, 0, 0, callFromGoroutines(64, byDefault), callGoroutines(64), "many"),
		mk("call-goroutine", "call from a goroutine, default deadline", 1_000_000, 1.4e6, 0, callFromGoroutines(1, byDefault), callGoroutines(1), "one"),
		mk("call-goroutine-shared", "call from a goroutine, one context deadline for all", 1_000_000, 1.4e6, 0, callFromGoroutines(1, byShared), callGoroutines(1), "one"),
		mk("call-goroutine-within", "call from a goroutine, banyan.Within", 1_000_000, 0, 0, callFromGoroutines(1, byWithin), callGoroutines(1), "one"),
		mk("call-goroutine-each", "call from a goroutine, context.WithTimeout for each", 500_000, 0, 0, callFromGoroutines(1, byEach), callWithTimeout, "one"),
	}
}

// adder answers with its argument and one more, and adds up what it was asked.
type adder struct{ calls, sum int }

type inc struct{ N int }

// Call answers N+1.
func (m inc) Call(a *adder, _ *banyan.Self) (int, error) {
	a.calls++
	a.sum += m.N
	return m.N + 1, nil
}

// asker calls an adder from its handler.
type asker struct {
	b  *bench
	to banyan.Ref[*adder]
	wg *sync.WaitGroup
}

type askMany struct{ N int }

// Cast calls N times.
func (m askMany) Cast(a *asker, self *banyan.Self) error {
	askAll(a.b, self, a.to, m.N)
	a.wg.Done()
	return nil
}

func askAll(b *bench, ctx context.Context, to banyan.Ref[*adder], n int) {
	for i := range n {
		if r, err := banyan.Call(ctx, to, inc{i}); err != nil || r != i+1 {
			b.failf("call %d: %d, %v", i, r, err)
		}
	}
}

func callFromHandlers(callers int) work {
	return func(b *bench) {
		n, ctx := b.local()
		callee := &adder{}
		to := spawn(b, n, callee)
		var wg sync.WaitGroup
		wg.Add(callers)
		start := time.Now()
		for range callers {
			cast(b, ctx, spawn(b, n, &asker{b, to, &wg}), askMany{b.n / callers})
		}
		wg.Wait()
		finishCalls(b, start, callers, callee)
	}
}

// finishCalls reports and checks; the callee is idle now.
func finishCalls(b *bench, start time.Time, callers int, callee *adder) {
	each := b.n / callers
	b.rate(each*callers, start)
	b.equal("calls", callee.calls, each*callers)
	b.equal("sum", callee.sum, callers*(each*(each-1)/2))
}

// deadline is how a caller sets one.
type deadline int

const (
	byDefault deadline = iota
	byShared
	byWithin
	byEach
)

func callFromGoroutines(callers int, d deadline) work {
	return func(b *bench) {
		n, ctx := b.local()
		callee := &adder{}
		to := spawn(b, n, callee)
		switch d {
		case byShared:
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Minute)
			defer cancel()
		case byWithin:
			ctx = banyan.Within(ctx, 5*time.Second)
		}
		var wg sync.WaitGroup
		start := time.Now()
		for range callers {
			wg.Go(func() {
				if d != byEach {
					askAll(b, ctx, to, b.n/callers)
					return
				}
				for i := range b.n / callers {
					each, cancel := context.WithTimeout(ctx, 5*time.Second)
					r, err := banyan.Call(each, to, inc{i})
					cancel()
					if err != nil || r != i+1 {
						b.failf("call %d: %d, %v", i, r, err)
					}
				}
			})
		}
		wg.Wait()
		finishCalls(b, start, callers, callee)
	}
}

// request is a call as one writes it with channels.
type request struct {
	n     int
	reply chan int
}

// serve is the goroutine that answers.
func serve(c <-chan request, callee *adder) {
	for r := range c {
		callee.calls++
		callee.sum += r.n
		r.reply <- r.n + 1
	}
}

// callGoroutines: a channel each for the reply, and a timer that is set again for each call.
func callGoroutines(callers int) work {
	return func(b *bench) {
		c := make(chan request)
		callee := &adder{}
		go serve(c, callee)
		var wg sync.WaitGroup
		start := time.Now()
		for range callers {
			wg.Go(func() {
				reply := make(chan int, 1)
				timer := time.NewTimer(5 * time.Second)
				defer timer.Stop()
				for i := range b.n / callers {
					timer.Reset(5 * time.Second)
					select {
					case c <- request{i, reply}:
					case <-timer.C:
						b.failf("time-out")
					}
					select {
					case r := <-reply:
						b.equal("reply", r, i+1)
					case <-timer.C:
						b.failf("time-out")
					}
				}
			})
		}
		wg.Wait()
		finishCalls(b, start, callers, callee)
	}
}

// callWithTimeout is the same with a context for each call.
func callWithTimeout(b *bench) {
	c := make(chan request)
	callee := &adder{}
	go serve(c, callee)
	reply := make(chan int, 1)
	start := time.Now()
	for i := range b.n {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		select {
		case c <- request{i, reply}:
		case <-ctx.Done():
			b.failf("time-out")
		}
		select {
		case r := <-reply:
			b.equal("reply", r, i+1)
		case <-ctx.Done():
			b.failf("time-out")
		}
		cancel()
	}
	finishCalls(b, start, 1, callee)
}
