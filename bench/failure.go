// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"runtime"
	"time"

	"github.com/banyan-go/banyan"
)

// failureTests: how soon a caller knows that there will be no reply.
func failureTests() []*test {
	figures := []figure{
		{key: "p50", label: "noticed, p50", unit: "us", lower: true, target: 100},
		{key: "p99", label: "noticed, p99", unit: "us", lower: true, target: 100},
		{key: "max", label: "noticed, at most", unit: "us", lower: true},
	}
	const why = "channels know no death"
	var tests []*test
	for _, t := range []*test{
		{name: "call-dead", title: "call to a dead server", function: "dead"},
		{name: "call-crash", title: "call in which the server crashes", function: "crash"},
		{name: "call-killed", title: "call that waits while the server is killed", function: "killed"},
	} {
		t.row, t.n, t.figures, t.module, t.missing[plain] = "6", 5000, figures, "calls", why
		tests = append(tests, t)
	}
	tests[0].client[ours], tests[1].client[ours], tests[2].client[ours] = callDead, callCrash, callKilled
	return tests
}

// mortal is a server that ends in several ways.
type mortal struct{ waiting chan struct{} }

type end struct{}

// Cast ends it quietly.
func (end) Cast(*mortal, *banyan.Self) error { return banyan.ErrNormal }

type crash struct{}

// Call crashes it.
func (crash) Call(*mortal, *banyan.Self) (int, error) { panic("crash in the call") }

type postpone struct{}

// Call never answers.
func (postpone) Call(m *mortal, self *banyan.Self) (int, error) {
	banyan.Defer[int](self)
	m.waiting <- struct{}{}
	return 0, nil
}

func callDead(b *bench) {
	n, ctx := b.local()
	var seen latencies
	for range b.n {
		ref := spawn(b, n, &mortal{})
		cast(b, ctx, ref, end{})
		for n.Stats().Processes > 0 {
			runtime.Gosched()
		}
		start := time.Now()
		_, err := banyan.Call(ctx, ref, crash{})
		seen = append(seen, time.Since(start))
		if !errors.Is(err, banyan.ErrNoProcess) || !errors.Is(err, banyan.ErrNotDelivered) {
			b.failf("call to a dead server: %v", err)
		}
	}
	seen.report(b, "", time.Microsecond)
}

func callCrash(b *bench) {
	n, ctx := b.local()
	var seen latencies
	for range b.n {
		ref := spawn(b, n, &mortal{})
		start := time.Now()
		_, err := banyan.Call(ctx, ref, crash{})
		seen = append(seen, time.Since(start))
		var dead *banyan.ProcessError
		if !errors.As(err, &dead) || !dead.Delivered {
			b.failf("call that crashes the server: %v", err)
		}
	}
	seen.report(b, "", time.Microsecond)
}

func callKilled(b *bench) {
	n, ctx := b.local()
	var seen latencies
	waiting := make(chan struct{}, 1)
	ended := make(chan time.Time)
	for range b.n {
		ref := spawn(b, n, &mortal{waiting})
		go func() {
			_, err := banyan.Call(ctx, ref, postpone{})
			at := time.Now()
			var dead *banyan.ProcessError
			if !errors.As(err, &dead) {
				b.failf("call to a server that is killed: %v", err)
			}
			ended <- at
		}()
		<-waiting
		runtime.Gosched()
		start := time.Now()
		b.must(banyan.SendExit(ctx, ref.PID(), banyan.ErrKilled))
		seen = append(seen, (<-ended).Sub(start))
	}
	seen.report(b, "", time.Microsecond)
}
