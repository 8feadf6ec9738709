// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// crew is servers, each with a delay of its own before it answers.
type crew struct{ delay time.Duration }

type muster struct{}

func (muster) Call(c *crew, self *banyan.Self) (time.Duration, error) {
	switch {
	case c.delay < 0:
		panic(errBoom)
	case c.delay == 13*time.Second:
		return 0, errOut
	}
	pause(self, c.delay)
	return c.delay, nil
}

func spawnCrew(t testing.TB, n *banyan.Node, delays ...time.Duration) (refs []banyan.Ref[*crew]) {
	t.Helper()
	for _, d := range delays {
		ref, err := banyan.SpawnState(n, &crew{d})
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	return refs
}

// inEach runs f as an outside goroutine, in a handler and in a plain process.
func inEach(t *testing.T, f func(t *testing.T, n *banyan.Node, ctx context.Context)) {
	for _, from := range []string{"outside", "handler", "plain process"} {
		t.Run(from, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				done := make(chan struct{})
				run := func(ctx context.Context) { defer close(done); f(t, n, ctx) }
				switch from {
				case "outside":
					run(outside(n))
				case "handler":
					_, a := spawnLab(t, n)
					later(t, n, a, func(self *banyan.Self) error { run(self); return nil })
				default:
					plain(t, n, func(self *banyan.Self) error { run(self); return nil })
				}
				next(t, done)
			}, banyan.WithWorkers(8))
		})
	}
}

func TestCallAllYieldsAsTheyArrive(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		refs := spawnCrew(t, n, 3*time.Second, time.Second, 2*time.Second, 0)
		start := time.Now()
		i := 0
		for r := range banyan.CallAll(ctx, banyan.Refs(refs...), muster{}) {
			want := time.Duration(i) * time.Second
			if r.Err != nil || r.Value != want || time.Since(start) < want || time.Since(start) > want+time.Millisecond {
				t.Errorf("reply %d: %v, %v after %v", i, r.Value, r.Err, time.Since(start))
			}
			i++
		}
		if i != 4 {
			t.Errorf("%d replies", i)
		}
	})
}

func TestCallAllGivesEachItsError(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		refs := spawnCrew(t, n, 0, -1, 13*time.Second, time.Minute, 0)
		_ = banyan.SendExit(outside(n), refs[4].PID(), banyan.ErrKill)
		refs = append(refs, banyan.Ref[*crew]{}, refs[0]) // nobody, and one twice
		start := time.Now()
		got := map[banyan.PID][]error{}
		for r := range banyan.CallAll(ctx, banyan.Refs(refs...), muster{}, banyan.Timeout(2*time.Second)) {
			got[r.From] = append(got[r.From], r.Err)
		}
		if d := time.Since(start); d < 2*time.Second || d > 2*time.Second+5*time.Millisecond {
			t.Errorf("took %v", d)
		}
		for i, want := range []error{nil, errBoom, errOut, banyan.ErrTimeout, banyan.ErrNoProcess, banyan.ErrNoProcess} {
			errs := got[refs[i].PID()]
			if i == 0 {
				if len(errs) != 2 || errs[0] != nil || errs[1] != nil {
					t.Errorf("0: %v", errs)
				}
			} else if len(errs) != 1 || !errors.Is(errs[0], want) {
				t.Errorf("%d: %v, want %v", i, errs, want)
			}
		}
		diedWith(t, got[refs[1].PID()][0], errBoom, true)
	})
}

func TestCallAllLeftEarly(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		refs := spawnCrew(t, n, 0, time.Second, time.Minute)
		start := time.Now()
		for range 3 {
			for r := range banyan.CallAll(ctx, banyan.Refs(refs...), muster{}) {
				if r.Err != nil {
					t.Error(r.Err)
				}
				break
			}
		}
		if time.Since(start) > 2*time.Second {
			t.Errorf("took %v", time.Since(start))
		}
		// The node's calls are in order afterwards.
		for range 10 {
			if d, err := banyan.Call(ctx, refs[0], muster{}); d != 0 || err != nil {
				t.Errorf("got %v, %v", d, err)
			}
		}
	})
}

func TestCallAllCancelled(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		refs := spawnCrew(t, n, 0, time.Minute, time.Minute)
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		ok, cancelled := 0, 0
		for r := range banyan.CallAll(ctx, banyan.Refs(refs...), muster{}) {
			if r.Err == nil {
				ok++
			} else if errors.Is(r.Err, context.Canceled) {
				cancelled++
			}
		}
		if ok != 1 || cancelled != 2 || time.Since(start) > time.Second {
			t.Errorf("%d replies, %d cancelled, after %v", ok, cancelled, time.Since(start))
		}
	})
}

func TestCallAllOfNone(t *testing.T) {
	inEach(t, func(t *testing.T, n *banyan.Node, ctx context.Context) {
		for range banyan.CallAll(ctx, banyan.Refs[*crew](), muster{}) {
			t.Error("a reply from nobody")
		}
	})
}

type broken struct{}

func (broken) ResolveAll(context.Context) ([]banyan.Ref[*crew], error) { return nil, errBoom }

func TestCallAllOfAGroupThatCannotBeResolved(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		i := 0
		for r := range banyan.CallAll(outside(n), broken{}, muster{}) {
			errorIs(t, r.Err, errBoom, banyan.ErrNotDelivered)
			i++
		}
		if i != 1 {
			t.Errorf("%d replies", i)
		}
	})
}

// A process that is to end while it gathers gets an answer, or an error, for each.
func TestCallAllBrokenOff(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		refs := spawnCrew(t, n, 0, time.Minute, time.Minute)
		_, a := spawnLab(t, n)
		got := make(chan int, 1)
		later(t, n, a, func(self *banyan.Self) error {
			i := 0
			for range banyan.CallAll(self, banyan.Refs(refs...), muster{}) {
				i++
			}
			got <- i
			return nil
		})
		synctest.Wait()
		start := time.Now()
		_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrShutdown)
		if i := next(t, got); i != 3 || time.Since(start) > 10*time.Millisecond {
			t.Errorf("%d of 3 after %v", i, time.Since(start))
		}
	})
}
