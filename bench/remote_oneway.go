// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
)

// remoteOneWayTests: as many messages as go through, in one direction.
func remoteOneWayTests() []*test {
	memory := []figure{peak(100), {key: "peer_peak", label: "peak RSS of the receiver", unit: "MB", lower: true, target: 100}}
	mk := func(name, title string, n, pairs, size int, figures ...figure) *test {
		t := &test{row: "10", name: name, title: title, n: n, paired: true, figures: append(figures, memory...),
			module: "remote", function: fmt.Sprintf("oneway_%d_%d", pairs, size)}
		t.client[ours], t.server[ours] = oneWay(pairs, size), catchServer
		t.client[plain], t.server[plain] = plainOneWay(pairs, size, blocks64K), plainSinkServer
		return t
	}
	bytes := func(target float64) figure {
		return figure{key: "mbs", label: "throughput", unit: "MB/s", target: target}
	}
	single := mk("remote-100B", "remote 100 B, 1 to 1", 2_000_000, 1, 100, rate("messages", 2e6, 5))
	eight := mk("remote-100B-8", "remote 100 B, 8 to 8", 2_000_000, 8, 100, rate("messages", 2e6, 5))
	tests := []*test{
		single, eight,
		mk("remote-8KiB", "remote 8 KiB", 200_000, 1, 8<<10, bytes(1000)),
		mk("remote-1MiB", "remote 1 MiB", 2000, 1, 1<<20, bytes(2000)),
	}
	for _, how := range []writing{vectors, oneByOne} { // what else plain Go could do
		word := [...]string{vectors: "writev of 512", oneByOne: "a write each"}[how]
		n := [...]int{vectors: 2_000_000, oneByOne: 400_000}[how]
		t := &test{row: "10", name: "remote-100B-" + [...]string{vectors: "writev", oneByOne: "writes"}[how],
			title: "remote 100 B, 1 to 1, plain TCP with " + word, n: n, paired: true, figures: []figure{rate("messages", 0, 0)}}
		t.client[plain], t.server[plain] = plainOneWay(1, 100, how), plainSinkServer
		t.missing[ours], t.missing[erlang] = "no counterpart", "no counterpart"
		tests = append(tests, t)
	}
	return tests
}

// catcher counts what comes.
type catcher struct{ count, sum, bytes, marks int }

// meet gives a handle of the catcher.
type meet struct{}

// Call does.
func (meet) Call(_ *catcher, self *banyan.Self) (banyan.Ref[*catcher], error) {
	return banyan.RefOf[*catcher](self.Node(), self.PID())
}

// chunk is a numbered message.
type chunk struct {
	I    int
	Data []byte
}

// Cast counts it.
func (m chunk) Cast(c *catcher, _ *banyan.Self) error {
	c.count++
	c.sum += m.I
	c.bytes += len(m.Data)
	return nil
}

// tally is what came.
type tally struct{ Count, Sum, Bytes, Marks int }

type total struct{}

// Call tells it.
func (total) Call(c *catcher, _ *banyan.Self) (tally, error) {
	return tally{c.count, c.sum, c.bytes, c.marks}, nil
}

const maxPairs = 8

func catchServer(b *bench) {
	banyan.RegisterType[tally]("tally")
	n, _ := b.remote("server", 0)
	for i := range maxPairs {
		spawn(b, n, &catcher{}, banyan.Name(catcherName(i)))
	}
	b.ready("")
}

func catcherName(i int) banyan.Atom { return banyan.Atom(fmt.Sprintf("catcher%d", i)) }

// pitcher sends chunks from its handler.
type pitcher struct {
	b    *bench
	to   banyan.Ref[*catcher]
	data []byte
	wg   *sync.WaitGroup
}

type pitch struct{ N int }

// Cast sends N chunks and waits until they have been counted.
func (m pitch) Cast(p *pitcher, self *banyan.Self) error {
	for i := range m.N {
		p.b.must(banyan.Cast(self, p.to, chunk{i, p.data}))
	}
	t, err := banyan.Call(self, p.to, total{}, banyan.Timeout(time.Minute))
	p.b.must(err)
	p.b.equal("messages", t.Count, m.N)
	p.b.equal("sum", t.Sum, m.N*(m.N-1)/2)
	p.b.equal("bytes", t.Bytes, m.N*len(p.data))
	p.wg.Done()
	return nil
}

// wordBytes is what the number takes of a message's size.
const wordBytes = 8

func oneWay(pairs, size int) work {
	return func(b *bench) {
		banyan.RegisterType[tally]("tally")
		n, ctx := b.remote("client", 0)
		var wg sync.WaitGroup
		wg.Add(pairs)
		refs := make([]banyan.Ref[*pitcher], pairs)
		for i := range refs {
			to, err := banyan.Call(ctx, banyan.At[*catcher](catcherName(i), serverNode), meet{})
			b.must(err)
			refs[i] = spawn(b, n, &pitcher{b, to, make([]byte, size-wordBytes), &wg})
		}
		each := b.n / pairs
		start := time.Now()
		for _, r := range refs {
			cast(b, ctx, r, pitch{each})
		}
		wg.Wait()
		b.throughput(each*pairs, size, start)
	}
}

// throughput reports messages and bytes per second.
func (b *bench) throughput(n, size int, start time.Time) {
	d := time.Since(start).Seconds()
	b.figure("rate", float64(n)/d)
	b.figure("mbs", float64(n)*float64(size)/1e6/d)
}

func plainOneWay(pairs, size int, how writing) work {
	return func(b *bench) {
		conns := make([]net.Conn, pairs)
		for i := range conns {
			conns[i] = b.dial()
		}
		each := b.n / pairs
		var wg sync.WaitGroup
		start := time.Now()
		for _, c := range conns {
			wg.Go(func() {
				b.send(c, each, size, how)
				b.totals(c, each)
			})
		}
		wg.Wait()
		b.throughput(each*pairs, size, start)
	}
}
