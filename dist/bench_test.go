// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// tcpPair is two transports linked over loopback TCP; deliver is b's.
func tcpPair(tb testing.TB, change func(*Config), deliver func(banyan.Peer, *banyan.Signal)) (a, b *fakePort, ab, ba banyan.Peer) {
	tb.Helper()
	names := newMemory()
	set := func(c *Config) {
		c.Names = localNames{names}
		if change != nil {
			change(c)
		}
	}
	ta, a := begin(tb, nil, "a@127.0.0.1", set)
	_, b = begin(tb, nil, "b@127.0.0.1", set)
	b.deliver = deliver
	ab, err := ta.Peer(tb.Context(), "b@127.0.0.1")
	if err != nil {
		tb.Fatal(err)
	}
	a.next(tb, "up")
	return a, b, ab, b.next(tb, "up").peer
}

// push sends, and waits for room when there is none.
func push(tb testing.TB, p banyan.Peer, s *banyan.Signal) {
	for {
		err := p.Send(s)
		if err == nil {
			return
		}
		wait(tb, p, err)
	}
}

func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{100, 8 << 10, 1 << 20} {
		for _, senders := range []int{1, 8} {
			b.Run(fmt.Sprintf("%dB/%dto1", size, senders), func(b *testing.B) {
				var got atomic.Int64
				done := make(chan struct{})
				pa, pb, ab, _ := tcpPair(b, nil, func(banyan.Peer, *banyan.Signal) {
					if got.Add(1) == int64(b.N) {
						close(done)
					}
				})
				body := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.ResetTimer()
				var left atomic.Int64
				left.Store(int64(b.N))
				var wg sync.WaitGroup
				for i := range senders {
					wg.Go(func() {
						s := text(pa.pid(uint32(i+1)), pb.pid(1), body)
						for left.Add(-1) >= 0 {
							push(b, ab, s)
						}
					})
				}
				wg.Wait()
				<-done
			})
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, poll := range []time.Duration{0, 50 * time.Microsecond} {
		b.Run(fmt.Sprintf("poll=%v", poll > 0), func(b *testing.B) {
			back := make(chan struct{}, 1)
			var pa, pb *fakePort
			pa, pb, ab, ba := tcpPair(b, func(c *Config) { c.PollTime = poll }, nil)
			_ = ba
			pb.deliver = func(p banyan.Peer, s *banyan.Signal) { p.Send(text(pb.pid(1), pa.pid(1), 1)) }
			pa.deliver = func(banyan.Peer, *banyan.Signal) { back <- struct{}{} }
			b.ResetTimer()
			for range b.N {
				ab.Send(text(pa.pid(1), pb.pid(1), 1))
				<-back
			}
		})
	}
}

// BenchmarkPingBesideBulk is a ping beside senders of 100 MB messages.
func BenchmarkPingBesideBulk(b *testing.B) {
	back := make(chan struct{}, 1)
	var bytes atomic.Int64
	pa, pb, ab, _ := tcpPair(b, nil, nil)
	pb.deliver = func(p banyan.Peer, s *banyan.Signal) {
		if v, ok := s.Body.Value.([]byte); ok {
			bytes.Add(int64(len(v)))
			return
		}
		p.Send(text(pb.pid(1), pa.pid(1), 1))
	}
	pa.deliver = func(banyan.Peer, *banyan.Signal) { back <- struct{}{} }
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			s := text(pa.pid(uint32(100+i)), pb.pid(2), make([]byte, 100_000_000))
			for {
				select {
				case <-stop:
					return
				default:
					push(b, ab, s)
				}
			}
		})
	}
	for bytes.Load() == 0 {
	}
	var took []time.Duration
	start, was := time.Now(), bytes.Load()
	b.ResetTimer()
	for range b.N {
		t := time.Now()
		push(b, ab, text(pa.pid(1), pb.pid(1), 1))
		<-back
		took = append(took, time.Since(t))
	}
	b.StopTimer()
	mb := float64(bytes.Load()-was) / 1e6 / time.Since(start).Seconds()
	close(stop)
	wg.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
	b.ReportMetric(mb, "bulk-MB/s")
}

// BenchmarkTLS is the row 8 to 1 of BenchmarkThroughput under TLS.
func BenchmarkTLS(b *testing.B) {
	ca := newAuthority(b)
	for _, size := range []int{100, 1 << 20} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			var got atomic.Int64
			done := make(chan struct{})
			pa, pb, ab, _ := tcpPair(b, with(ca.good(b, "n", "127.0.0.1")), func(banyan.Peer, *banyan.Signal) {
				if got.Add(1) == int64(b.N) {
					close(done)
				}
			})
			body := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					s := text(pa.pid(uint32(i+1)), pb.pid(1), body)
					for left.Add(-1) >= 0 {
						push(b, ab, s)
					}
				})
			}
			wg.Wait()
			<-done
		})
	}
}
