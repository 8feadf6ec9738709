// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// idleTests: what a process costs that does nothing, and what starting and stopping one costs.
func idleTests() []*test {
	figures := func(bytes, us float64) []figure {
		return []figure{
			{key: "bytes", label: "memory of one", unit: "B", lower: true, target: bytes, factor: 2},
			{key: "spawn", label: "spawn", unit: "us", lower: true, target: us, factor: 2},
			{key: "stop", label: "stop", unit: "us", lower: true},
			peak(0),
		}
	}
	servers := &test{row: "1", name: "idle-server", title: "1 M idle servers", n: 1_000_000, figures: figures(400, 1),
		module: "local", function: "idle", erlArgs: manyProcesses}
	servers.client[ours], servers.client[plain] = idleServers, idleGoroutines
	procs := &test{row: "1", name: "idle-process", title: "100 k idle goroutine processes", n: 100_000, figures: figures(3300, 0),
		module: "local", function: "idle", erlArgs: manyProcesses}
	procs.figures[0].factor, procs.figures[1].factor = 0, 0
	procs.client[ours], procs.client[plain] = idleProcesses, idleGoroutines
	return []*test{servers, procs}
}

// sleeper is a server that waits to be stopped.
type sleeper struct{ sum *atomic.Int64 }

type leave struct{ N int }

// Cast ends the server.
func (m leave) Cast(s *sleeper, _ *banyan.Self) error {
	s.sum.Add(int64(m.N))
	return banyan.ErrNormal
}

func idleServers(b *bench) {
	n, ctx := b.local()
	refs := make([]banyan.Ref[*sleeper], b.n)
	states := make([]sleeper, b.n)
	var sum atomic.Int64
	idle(b, func(i int) {
		states[i].sum = &sum
		refs[i] = spawn(b, n, &states[i])
	}, func(i int) {
		cast(b, ctx, refs[i], leave{i})
	}, func() int { return n.Stats().Processes }, &sum)
	runtime.KeepAlive(refs)
}

func idleProcesses(b *bench) {
	n, ctx := b.local()
	pids := make([]banyan.PID, b.n)
	var sum atomic.Int64
	idle(b, func(i int) {
		pid, err := banyan.Go(n, func(self *banyan.Self) error {
			m, err := banyan.ReceiveOf[leave](self, self)
			sum.Add(int64(m.N))
			return err
		})
		b.must(err)
		pids[i] = pid
	}, func(i int) {
		b.must(banyan.Send(ctx, pids[i], leave{i}))
	}, func() int { return n.Stats().Processes }, &sum)
	runtime.KeepAlive(pids)
}

func idleGoroutines(b *bench) {
	chans := make([]chan int, b.n)
	var sum, live atomic.Int64
	idle(b, func(i int) {
		c := make(chan int)
		chans[i] = c
		live.Add(1)
		go func() {
			sum.Add(int64(<-c))
			live.Add(-1)
		}()
	}, func(i int) {
		chans[i] <- i
	}, func() int { return int(live.Load()) }, &sum)
	runtime.KeepAlive(chans)
}

// idle starts n of something, weighs them, stops them and waits until they are gone. Every one adds its number to sum.
func idle(b *bench, spawn, stop func(int), live func() int, sum *atomic.Int64) {
	base, before := live(), liveBytes()
	start := time.Now()
	for i := range b.n {
		spawn(i)
	}
	b.figure("spawn", time.Since(start).Seconds()*1e6/float64(b.n))
	b.equal("processes", live()-base, b.n)
	time.Sleep(100 * time.Millisecond)
	b.figure("bytes", (liveBytes()-before)/float64(b.n))
	start = time.Now()
	for i := range b.n {
		stop(i)
	}
	for live() > base {
		time.Sleep(time.Millisecond)
	}
	b.figure("stop", time.Since(start).Seconds()*1e6/float64(b.n))
	b.equal("sum", int(sum.Load()), b.n*(b.n-1)/2)
}
