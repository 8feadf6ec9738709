// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// line is a Via that takes its targets in order, and writes down what it hears.
type line struct {
	mu    sync.Mutex
	refs  []banyan.Ref[*crew]
	next  int
	hedge time.Duration
	heard []string
}

var errNobody = errors.New("nobody is left")

func (l *line) Resolve(context.Context) (banyan.Ref[*crew], error) { return l.refs[0], nil }

func (l *line) Try(_ context.Context, a banyan.Attempt) (banyan.Trial[*crew], error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next == len(l.refs) {
		return nil, errNobody
	}
	l.next++
	for i, pid := range a.Tried {
		if pid != l.refs[i].PID() {
			return nil, fmt.Errorf("tried are %v", a.Tried)
		}
	}
	return &stop{l, l.next - 1, a}, nil
}

type stop struct {
	l *line
	i int
	a banyan.Attempt
}

func (s *stop) Target() banyan.Ref[*crew] { return s.l.refs[s.i] }
func (s *stop) Hedge() time.Duration      { return s.l.hedge }
func (s *stop) End(err error, load banyan.Load) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	word := "answered"
	switch {
	case s.Target().Unreached(err):
		word = "unreached"
	case s.Target().Failed(err):
		word = "failed"
	case errors.Is(err, context.Canceled):
		word = "given up"
	case err != nil:
		word = "error"
	}
	s.l.heard = append(s.l.heard, fmt.Sprint(s.i, " ", word))
}

func (l *line) expect(t *testing.T, words ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.heard, words) {
		t.Fatalf("heard %q, want %q", l.heard, words)
	}
}

// sure is muster that may be handled twice.
type sure struct{}

func (sure) Idempotent() bool                                       { return true }
func (sure) Call(c *crew, self *banyan.Self) (time.Duration, error) { return muster{}.Call(c, self) }

type wave struct{}

func (wave) Cast(*crew, *banyan.Self) error { return nil }

// relay passes on an error of somebody else.
type relayed struct{ err error }

func (relayed) Immutable()                              {}
func (m relayed) Call(*crew, *banyan.Self) (int, error) { return 0, m.err }

// A message that reached nobody goes to the next target, one whose fate is not known only if it may be handled twice; what
// a server answers is the answer.
func TestVia(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		dead := spawnCrew(t, n, 0)[0]
		_ = banyan.SendExit(ctx, dead.PID(), banyan.ErrKill)
		for _, ok := n.Info(dead.PID()); ok; _, ok = n.Info(dead.PID()) {
			<-time.After(time.Millisecond)
		}
		with := func(delays ...time.Duration) *line {
			return &line{refs: append([]banyan.Ref[*crew]{dead}, spawnCrew(t, n, delays...)...)}
		}
		l := with(time.Second)
		if d, err := banyan.Call(ctx, l, muster{}); d != time.Second || err != nil {
			t.Fatal(d, err)
		}
		l.expect(t, "0 unreached", "1 answered")
		l = with(0)
		if err := banyan.Cast(ctx, l, wave{}); err != nil {
			t.Fatal(err)
		}
		l.expect(t, "0 unreached", "1 answered")

		l = with(-1, 0)
		if _, err := banyan.Call(ctx, l, muster{}); !errors.Is(err, banyan.ErrDied) {
			t.Fatal(err)
		}
		l.expect(t, "0 unreached", "1 failed")
		l = with(-1, time.Millisecond)
		if d, err := banyan.Call(ctx, l, sure{}); d != time.Millisecond || err != nil {
			t.Fatal(d, err)
		}
		l.expect(t, "0 unreached", "1 failed", "2 answered")

		l = with()
		if _, err := banyan.Call(ctx, l, muster{}); !errors.Is(err, banyan.ErrNoProcess) || errors.Is(err, errNobody) {
			t.Fatal(err)
		}
		l = &line{}
		if _, err := banyan.Call(ctx, l, muster{}); !errors.Is(err, errNobody) || !errors.Is(err, banyan.ErrNotDelivered) {
			t.Fatal(err)
		}

		_, nested := banyan.Call(ctx, dead, muster{}) // what a server may have got, and pass on
		l = with(0, 0)
		if _, err := banyan.Call(ctx, l, relayed{nested}); !errors.Is(err, banyan.ErrNotDelivered) {
			t.Fatal(err)
		}
		l.expect(t, "0 unreached", "1 error")
	})
}

// All tries are under one deadline.
func TestViaDeadline(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		begin := time.Now()
		l := &line{refs: spawnCrew(t, n, -1, time.Hour)}
		_, err := banyan.Call(ctx, l, sure{}, banyan.Timeout(time.Second))
		if !errors.Is(err, banyan.ErrTimeout) || time.Since(begin).Round(100*time.Millisecond) != time.Second {
			t.Fatal(err, time.Since(begin))
		}
		l.expect(t, "0 failed", "1 failed")
	})
}

// A hedged call has the first answer of two; the other one is given up, and its target's late reply is dropped.
func TestViaHedge(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		for _, c := range []struct {
			delays []time.Duration
			want   time.Duration
			heard  []string
		}{
			{[]time.Duration{10 * time.Millisecond, 0}, 10 * time.Millisecond, []string{"0 answered"}},
			{[]time.Duration{4 * time.Second, 2 * time.Second}, 2 * time.Second, []string{"1 answered", "0 given up"}},
			{[]time.Duration{2 * time.Second, 4 * time.Second}, 2 * time.Second, []string{"0 answered", "1 given up"}},
			{[]time.Duration{3 * time.Second}, 3 * time.Second, []string{"0 answered"}},
			{[]time.Duration{2 * time.Second, -1}, 2 * time.Second, []string{"1 failed", "0 answered"}},
		} {
			l := &line{refs: spawnCrew(t, n, c.delays...), hedge: time.Second}
			if d, err := banyan.Call(ctx, l, sure{}); d != c.want || err != nil {
				t.Fatal(d, err)
			}
			l.expect(t, c.heard...)
		}
		l := &line{refs: spawnCrew(t, n, 2*time.Second, 0), hedge: time.Second}
		if d, err := banyan.Call(ctx, l, muster{}); d != 2*time.Second || err != nil {
			t.Fatal(d, err) // not said to be idempotent
		}
		l.expect(t, "0 answered")
		l = &line{refs: spawnCrew(t, n, time.Hour, time.Hour), hedge: time.Second}
		if _, err := banyan.Call(ctx, l, sure{}); !errors.Is(err, banyan.ErrTimeout) {
			t.Fatal(err)
		}
		if l.heard[0] != "0 failed" && l.heard[0] != "1 failed" || len(l.heard) != 2 {
			t.Fatal(l.heard)
		}
		cctx, cancel := context.WithCancel(ctx)
		l = &line{refs: spawnCrew(t, n, time.Hour, time.Hour), hedge: time.Second}
		time.AfterFunc(2*time.Second, cancel)
		if _, err := banyan.Call(cctx, l, sure{}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		l.expect(t, "0 given up", "1 given up")
	})
}
