// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"testing"

	"github.com/banyan-go/banyan"
)

type ponger struct {
	left int
	done chan struct{}
}

type ping struct {
	To banyan.Ref[*ponger]
	Me banyan.Ref[*ponger]
}

func (m ping) Cast(p *ponger, self *banyan.Self) error {
	if p.left--; p.left == 0 {
		close(p.done)
		return nil
	}
	return banyan.Cast(self, m.To, ping{m.Me, m.To})
}

func BenchmarkPingPong(b *testing.B) {
	n := startNode(b)
	done := make(chan struct{})
	a, _ := banyan.SpawnState(n, &ponger{b.N + 1, done})
	c, _ := banyan.SpawnState(n, &ponger{1 << 60, done})
	b.ReportAllocs()
	b.ResetTimer()
	banyan.Cast(n.Context(context.Background()), a, ping{c, a})
	<-done
}

type hop struct{ N int }
type ring struct {
	next banyan.Ref[*ring]
	done chan struct{}
}

func (m hop) Cast(r *ring, self *banyan.Self) error {
	if m.N == 0 {
		close(r.done)
		return nil
	}
	return banyan.Cast(self, r.next, hop{m.N - 1})
}

func BenchmarkRing(b *testing.B) {
	n := startNode(b)
	done := make(chan struct{})
	nodes := make([]*ring, 10000)
	refs := make([]banyan.Ref[*ring], 10000)
	for i := range nodes {
		nodes[i] = &ring{done: done}
		refs[i], _ = banyan.SpawnState(n, nodes[i])
	}
	for i := range nodes {
		nodes[i].next = refs[(i+1)%len(refs)]
	}
	b.ReportAllocs()
	b.ResetTimer()
	banyan.Cast(n.Context(context.Background()), refs[0], hop{b.N})
	<-done
}

type echo struct{}
type say struct{ N int }

func (m say) Call(*echo, *banyan.Self) (int, error) { return m.N + 1, nil }

func BenchmarkCallOutside(b *testing.B) {
	n := startNode(b)
	ref, _ := banyan.SpawnState(n, &echo{})
	ctx := n.Context(context.Background())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if r, err := banyan.Call(ctx, ref, say{i}); err != nil || r != i+1 {
			b.Fatal(r, err)
		}
	}
}

type caller struct{ to banyan.Ref[*echo] }
type goCall struct{ N int }

func (m goCall) Call(c *caller, self *banyan.Self) (int, error) {
	for i := range m.N {
		if r, err := banyan.Call(self, c.to, say{i}); err != nil || r != i+1 {
			return r, err
		}
	}
	return m.N, nil
}

func BenchmarkCallHandler(b *testing.B) {
	n := startNode(b, banyan.WithCallTimeout(1e12))
	ref, _ := banyan.SpawnState(n, &echo{})
	cr, _ := banyan.SpawnState(n, &caller{ref})
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := banyan.Call(n.Context(context.Background()), cr, goCall{b.N}); err != nil {
		b.Fatal(err)
	}
}

type sink struct {
	n, want int
	done    chan struct{}
}
type item struct{ N int }

func (m item) Cast(s *sink, _ *banyan.Self) error {
	if s.n++; s.n == s.want {
		close(s.done)
	}
	return nil
}

type source struct{ to banyan.Ref[*sink] }
type pour struct{ N int }

func (m pour) Cast(s *source, self *banyan.Self) error {
	for i := range m.N {
		if err := banyan.Cast(self, s.to, item{i}); err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkFanIn(b *testing.B) {
	n := startNode(b)
	s := &sink{done: make(chan struct{})}
	ref, _ := banyan.SpawnState(n, s)
	per := b.N/8 + 1
	s.want = per * 8
	b.ReportAllocs()
	b.ResetTimer()
	for range 8 {
		src, _ := banyan.SpawnState(n, &source{ref})
		banyan.Cast(n.Context(context.Background()), src, pour{per})
	}
	<-s.done
}

func BenchmarkSpawnState(b *testing.B) {
	n := startNode(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := banyan.SpawnState(n, &echo{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlainPingPong(b *testing.B) {
	n := startNode(b)
	done := make(chan struct{})
	play := func(times int) func(*banyan.Self) error {
		return func(self *banyan.Self) error {
			for range times {
				m, err := self.Receive(self)
				if err != nil {
					return err
				}
				if err := banyan.Send(self, m.(banyan.PID), self.PID()); err != nil {
					return err
				}
			}
			close(done)
			return nil
		}
	}
	b.ReportAllocs()
	a, _ := banyan.Go(n, play(b.N))
	c, _ := banyan.Go(n, play(b.N+1))
	b.ResetTimer()
	_, _ = banyan.Go(n, func(self *banyan.Self) error { return banyan.Send(self, a, c) })
	<-done
}
