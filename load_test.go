// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// listener is a Via with one target that keeps what it is told of the load.
type listener struct {
	ref   banyan.Ref[*crew]
	hedge time.Duration

	mu    sync.Mutex
	loads []banyan.Load
}

func (l *listener) Resolve(context.Context) (banyan.Ref[*crew], error) { return l.ref, nil }
func (l *listener) Try(_ context.Context, a banyan.Attempt) (banyan.Trial[*crew], error) {
	if len(a.Tried) > 0 {
		return nil, errNobody
	}
	return l, nil
}
func (l *listener) Target() banyan.Ref[*crew] { return l.ref }
func (l *listener) Hedge() time.Duration      { return l.hedge }
func (l *listener) End(_ error, load banyan.Load) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loads = append(l.loads, load)
}

func (l *listener) told() []banyan.Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.loads)
}

// A routed call hears how many messages wait at its target, and how long one takes there; an error is an answer too, and a
// call that was not answered hears nothing.
func TestCallsHearTheLoad(t *testing.T) {
	for name, hedge := range map[string]time.Duration{"plain": 0, "hedged": time.Hour} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				const takes, calls = 3 * time.Millisecond, 5
				l := &listener{ref: spawnCrew(t, n, takes)[0], hedge: hedge}
				var wg sync.WaitGroup
				for range calls {
					wg.Go(func() {
						if _, err := banyan.Call(outside(n), l, sure{}); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				var want []banyan.Load
				for i := range calls {
					want = append(want, banyan.Load{Known: true, Backlog: calls - 1 - i, Service: takes})
				}
				got := l.told()
				for i := range got { // a timer may be a nanosecond early
					got[i].Service = got[i].Service.Round(time.Microsecond)
				}
				if !slices.Equal(got, want) {
					t.Errorf("told %v, want %v", got, want)
				}

				if _, err := banyan.Call(outside(n), l, relayed{errNobody}); err == nil {
					t.Error("no error")
				}
				if got := l.told()[calls]; !got.Known || got.Backlog != 0 || got.Service >= takes {
					t.Error("with an error:", got)
				}
				if _, err := banyan.Call(outside(n), l, sure{}, banyan.Timeout(time.Millisecond)); err == nil {
					t.Error("no timeout")
				}
				if got := l.told()[calls+1]; got.Known {
					t.Error("with a timeout:", got)
				}
				if err := banyan.Cast(outside(n), l, wave{}); err != nil || l.told()[calls+2].Known {
					t.Error("a cast:", err, l.told()[calls+2])
				}
				synctest.Wait()
			})
		})
	}
}

// Where calls are quick the clock is read for few of them; the average is still theirs.
func TestQuickCallsAreSampled(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l := &listener{ref: spawnCrew(t, n, 0)[0]}
		for range 20 {
			if _, err := banyan.Call(outside(n), l, sure{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, got := range l.told() {
			if !got.Known || got.Backlog != 0 || got.Service > time.Microsecond {
				t.Fatal(got)
			}
		}
	})
}

// A deferred reply tells the load of the moment in which it is given.
func TestDeferredRepliesTellTheLoad(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l := &listener{ref: spawnCrew(t, n, 0)[0]}
		if _, err := banyan.Call(outside(n), l, afterwards{}); err != nil {
			t.Fatal(err)
		}
		if got := l.told(); len(got) != 1 || !got[0].Known || got[0].Backlog != 0 {
			t.Error(got)
		}
	})
}

type afterwards struct{}

func (afterwards) Call(_ *crew, self *banyan.Self) (int, error) {
	later := banyan.Defer[int](self)
	time.AfterFunc(time.Second, func() { _ = later.Reply(1) })
	return 0, nil
}
