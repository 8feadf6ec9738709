// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// remoteBulkTests: a ping every millisecond beside five messages of 100 MB on the same link.
func remoteBulkTests() []*test {
	t := &test{row: "10", name: "remote-bulk", title: "ping beside five 100 MB messages", n: 5, fixed: true, paired: true,
		figures: []figure{
			{key: "p50", label: "ping p50", unit: "ms", lower: true, target: 0.5},
			{key: "p99", label: "ping p99", unit: "ms", lower: true, target: 5},
			{key: "max", label: "ping at most", unit: "ms", lower: true},
			{key: "mbs", label: "bulk", unit: "MB/s", target: 500},
			peak(0), {key: "peer_peak", label: "peak RSS of the receiver", unit: "MB", lower: true},
		}, module: "remote", function: "bulk"}
	t.client[ours], t.server[ours] = remoteBulk, bulkServer
	t.client[plain], t.server[plain] = plainBulk, plainBulkServer
	return []*test{t}
}

const (
	bulkSize  = 100_000_000
	bulkPause = time.Millisecond
)

// mark follows each big message of the same sender; it must come after it.
type mark struct{ I int }

// Cast checks the order.
func (m mark) Cast(c *catcher, _ *banyan.Self) error {
	if c.count == m.I+1 && c.marks == m.I {
		c.marks++
	}
	return nil
}

// lorry sends the bulk.
type lorry struct {
	b    *bench
	to   banyan.Ref[*catcher]
	over chan struct{}
}

type haul struct{ N int }

// Cast sends N big messages with a mark after each.
func (m haul) Cast(l *lorry, self *banyan.Self) error {
	data := make([]byte, bulkSize)
	for i := range m.N {
		l.b.must(banyan.Cast(self, l.to, chunk{i, data}))
		l.b.must(banyan.Cast(self, l.to, mark{i}))
	}
	t, err := banyan.Call(self, l.to, total{}, banyan.Timeout(time.Minute))
	l.b.must(err)
	l.b.equal("messages", t.Count, m.N)
	l.b.equal("bytes", t.Bytes, m.N*bulkSize)
	l.b.equal("marks in order", t.Marks, m.N)
	close(l.over)
	return nil
}

func bulkServer(b *bench) {
	banyan.RegisterType[tally]("tally")
	echoServer(0)(b)
}

func remoteBulk(b *bench) {
	banyan.RegisterType[tally]("tally")
	n, ctx := b.remote("client", 0)
	p, ping := newPinger(b, n, ctx, bulkPause)
	to, err := banyan.Call(ctx, banyan.At[*catcher]("catcher", serverNode), meet{})
	b.must(err)
	l := &lorry{b, to, make(chan struct{})}
	ref := spawn(b, n, l)
	start := time.Now()
	cast(b, ctx, ref, haul{b.n})
	cast(b, ctx, ping, pingOn{})
	<-l.over
	b.figure("mbs", float64(b.n)*bulkSize/1e6/time.Since(start).Seconds())
	trips := p.wait.read()
	b.figure("pings", float64(len(trips)))
	trips.report(b, "", time.Millisecond)
}

// plainBulk pings on another socket: there is no order between the two.
func plainBulk(b *bench) {
	pings, bulk := b.dial(), b.dial()
	_, err := pings.Write([]byte{'p'})
	b.must(err)
	_, err = bulk.Write([]byte{'b'})
	b.must(err)
	var over atomic.Bool
	done := make(chan latencies)
	start := time.Now()
	go func() {
		var trips latencies
		r := bufio.NewReader(pings)
		for i := 0; !over.Load(); i++ {
			at := time.Now()
			b.roundTrip(pings, r, i)
			trips = append(trips, time.Since(at))
			time.Sleep(bulkPause)
		}
		done <- trips
	}()
	data := make([]byte, 4+bulkSize)
	for i := range b.n {
		_, err := bulk.Write(frame(data, i))
		b.must(err)
	}
	b.totals(bulk, b.n)
	b.figure("mbs", float64(b.n)*bulkSize/1e6/time.Since(start).Seconds())
	over.Store(true)
	(<-done).report(b, "", time.Millisecond)
}
