// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// cpuTests: 64 processes that only compute, beside a timer of 20 ms and a ping over a link every 20 ms.
func cpuTests() []*test {
	figures := []figure{
		{key: "timer_p50", label: "timer late, p50", unit: "ms", lower: true},
		{key: "timer_p99", label: "timer late, p99", unit: "ms", lower: true, target: 60},
		{key: "timer_max", label: "timer late, at most", unit: "ms", lower: true},
		{key: "ping_p50", label: "ping over a link, p50", unit: "ms", lower: true},
		{key: "ping_p99", label: "ping over a link, p99", unit: "ms", lower: true, target: 60},
		{key: "ping_max", label: "ping over a link, at most", unit: "ms", lower: true},
		{key: "work", label: "work done meanwhile", unit: "bursts/s (Erlang's are its own)"},
	}
	mk := func(name, title string, burn func(b *bench, n *banyan.Node, over *atomic.Bool, bursts *atomic.Int64)) *test {
		t := &test{row: "9", name: name, title: title, n: 30, seconds: true, figures: figures, paired: true}
		t.client[ours] = func(b *bench) { besideCPU(b, burn) }
		t.server[ours] = echoServer(0)
		t.missing[erlang], t.missing[plain] = "see the servers", "see the processes"
		return t
	}
	servers := mk("cpu-servers", "64 computing servers, 10 ms a handler", burnServers)
	servers.module, servers.function = "remote", "cpu"
	procs := mk("cpu-processes", "64 computing goroutine processes, a Receive every 10 ms", burnProcesses)
	procs.client[plain], procs.server[plain] = cpuGoroutines, plainEchoServer
	return []*test{servers, procs, mk("cpu-endless", "64 computing servers, handlers that never return", burnEndless)}
}

const (
	burners   = 64
	beatEvery = 20 * time.Millisecond
)

// spin computes for about 10 ms.
//
//go:noinline
func spin(x uint64) uint64 {
	for range 8_000_000 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// burner is a server that always has work.
type burner struct {
	b       *bench
	me      banyan.Ref[*burner]
	over    *atomic.Bool
	bursts  *atomic.Int64
	x       uint64
	endless bool
}

type burn struct{}

// Cast computes, and asks itself for more.
func (burn) Cast(s *burner, self *banyan.Self) error {
	for !s.over.Load() {
		s.x = spin(s.x)
		s.bursts.Add(1)
		if !s.endless {
			return banyan.Cast(self, s.me, burn{})
		}
	}
	return nil
}

func burnServers(b *bench, n *banyan.Node, over *atomic.Bool, bursts *atomic.Int64) {
	startBurners(b, n, &burner{over: over, bursts: bursts})
}

func burnEndless(b *bench, n *banyan.Node, over *atomic.Bool, bursts *atomic.Int64) {
	startBurners(b, n, &burner{over: over, bursts: bursts, endless: true})
}

func startBurners(b *bench, n *banyan.Node, like *burner) {
	ctx := n.Context(context.Background())
	for i := range burners {
		s := *like
		s.x = uint64(i + 1)
		s.me = spawn(b, n, &s)
		cast(b, ctx, s.me, burn{})
	}
}

func burnProcesses(b *bench, n *banyan.Node, over *atomic.Bool, bursts *atomic.Int64) {
	for i := range burners {
		x := uint64(i + 1)
		_, err := banyan.Go(n, func(self *banyan.Self) error {
			for !over.Load() {
				x = spin(x)
				bursts.Add(1)
				if err := banyan.Send(self, self.PID(), burn{}); err != nil {
					return err
				}
				if _, err := banyan.ReceiveOf[burn](self, self); err != nil {
					return err
				}
			}
			return nil
		})
		b.must(err)
	}
}

// heart is a server whose timer should go off every 20 ms.
type heart struct{ wait vigil }

type beat struct{}

// Cast starts the timer.
func (beat) Cast(h *heart, self *banyan.Self) error { h.next(self); return nil }

// Info is the timer.
func (h *heart) Info(self *banyan.Self, _ any) error {
	h.wait.end()
	h.next(self)
	return nil
}

func (h *heart) next(self *banyan.Self) {
	h.wait.begin(beatEvery)
	self.SendAfter(beatEvery, beat{})
}

// vigil measures waits, one after another, so that it can be read while one lasts: what never ends counts too.
type vigil struct {
	mu   sync.Mutex
	due  time.Time // zero: nothing is waited for
	late latencies
}

// begin begins a wait that should end after d.
func (v *vigil) begin(d time.Duration) {
	v.mu.Lock()
	v.due = time.Now().Add(d)
	v.mu.Unlock()
}

// end ends it.
func (v *vigil) end() {
	v.mu.Lock()
	v.late = append(v.late, time.Since(v.due))
	v.due = time.Time{}
	v.mu.Unlock()
}

// read gives all waits, with the present one if it is overdue.
func (v *vigil) read() latencies {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := slices.Clone(v.late)
	if d := time.Since(v.due); !v.due.IsZero() && d > 0 {
		all = append(all, d)
	}
	return all
}

// everyBeat adds the beats that a long wait kept from beginning: each would have waited for the rest. Else a process that
// is starved for ten seconds would count as one late beat among hundreds.
func (l latencies) everyBeat() latencies {
	var all latencies
	for _, d := range l {
		for all = append(all, d); d > beatEvery; all = append(all, d) {
			d -= beatEvery
		}
	}
	return all
}

func besideCPU(b *bench, load func(*bench, *banyan.Node, *atomic.Bool, *atomic.Int64)) {
	n, ctx := b.remote("client", 0)
	p, ping := newPinger(b, n, ctx, beatEvery)
	p.due = true
	h := &heart{}
	cast(b, ctx, spawn(b, n, h), beat{})
	cast(b, ctx, ping, pingOn{})
	time.Sleep(5 * beatEvery) // so that both are under way
	var over atomic.Bool
	var bursts atomic.Int64
	load(b, n, &over, &bursts)
	time.Sleep(time.Duration(b.n) * time.Second)
	b.figure("work", float64(bursts.Load())/float64(b.n))
	late, trips := h.wait.read(), p.wait.read()
	over.Store(true)
	late.everyBeat().report(b, "timer_", time.Millisecond)
	trips.everyBeat().report(b, "ping_", time.Millisecond)
}

// cpuGoroutines is the same with goroutines and a socket.
func cpuGoroutines(b *bench) {
	var over atomic.Bool
	var bursts atomic.Int64
	conn := b.dial()
	var late, trips vigil
	done := make(chan struct{}, 2)
	for i := range burners {
		go func() {
			for x := uint64(i + 1); !over.Load(); bursts.Add(1) {
				x = spin(x)
			}
		}()
	}
	end := time.Now().Add(time.Duration(b.n) * time.Second)
	go func() {
		for time.Now().Before(end) {
			late.begin(beatEvery)
			time.Sleep(beatEvery)
			late.end()
		}
		done <- struct{}{}
	}()
	go func() {
		r := bufio.NewReader(conn)
		for i := 0; time.Now().Before(end); i++ {
			trips.begin(beatEvery)
			time.Sleep(beatEvery)
			b.roundTrip(conn, r, i)
			trips.end()
		}
		done <- struct{}{}
	}()
	<-done
	<-done
	over.Store(true)
	b.figure("work", float64(bursts.Load())/float64(b.n))
	late.read().everyBeat().report(b, "timer_", time.Millisecond)
	trips.read().everyBeat().report(b, "ping_", time.Millisecond)
}
