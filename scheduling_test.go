// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// Handlers that call others give their worker away: a fixed pool would be dead here.
func TestCallersOnFewerWorkers(t *testing.T) {
	for _, workers := range []int{1, 2} {
		n := quietNode(t, banyan.WithWorkers(workers))
		ref, err := banyan.SpawnState(n, &echo{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			c, err := banyan.SpawnState(n, &caller{ref})
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				if v, err := banyan.Call(outside(n), c, goCall{1000}, banyan.Timeout(time.Minute)); v != 1000 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
		}
		wg.Wait()
	}
}

// A long chain of calls inside of calls on one worker.
func TestDeepCallChain(t *testing.T) {
	n := quietNode(t, banyan.WithWorkers(1))
	var refs []labRef
	for range 500 {
		_, r := spawnLab(t, n)
		refs = append(refs, r)
	}
	var chain func(i int) ask
	chain = func(i int) ask {
		return ask{func(self *banyan.Self) (int, error) {
			if i == len(refs) {
				return i, nil
			}
			return banyan.Call(self, refs[i], chain(i+1))
		}}
	}
	if v, err := banyan.Call(outside(n), refs[0], chain(1), banyan.Timeout(time.Minute)); v != 500 || err != nil {
		t.Fatalf("got %d, %v", v, err)
	}
}

// Handlers that block in the kernel are replaced, so that others go on.
func TestHandlersThatBlockInIO(t *testing.T) {
	n := quietNode(t, banyan.WithWorkers(2))
	var ends []*os.File
	var wg sync.WaitGroup
	for range 8 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		ends = append(ends, w)
		_, a := spawnLab(t, n)
		wg.Add(1)
		later(t, n, a, func(*banyan.Self) error {
			defer wg.Done()
			_, err := r.Read(make([]byte, 1))
			return err
		})
	}
	_, a := spawnLab(t, n)
	for range 100 {
		in(t, n, a, func(*banyan.Self) {})
	}
	for _, w := range ends {
		if _, err := w.Write([]byte{1}); err != nil {
			t.Error(err)
		}
		w.Close()
	}
	wg.Wait()
}

// compute keeps a processor busy for a moment.
func compute(stop *atomic.Bool) {
	for end := time.Now().Add(2 * time.Millisecond); time.Now().Before(end) && !stop.Load(); {
	}
}

// 64 processes that have work without end do not stop a process's timer, nor calls.
func TestCrowdOfComputingProcesses(t *testing.T) {
	for name, crowd := range map[string]func(n *banyan.Node, stop *atomic.Bool){
		"servers": func(n *banyan.Node, stop *atomic.Bool) {
			for range 64 {
				_, a := spawnLab(t, n)
				var again func(self *banyan.Self) error
				again = func(self *banyan.Self) error { compute(stop); return banyan.Cast(self, a, do{again}) }
				later(t, n, a, again)
			}
		},
		"plain": func(n *banyan.Node, stop *atomic.Bool) {
			for range 64 {
				plain(t, n, func(self *banyan.Self) error {
					for {
						compute(stop)
						_ = banyan.Send(self, self.PID(), 1)
						if _, err := self.Receive(self); err != nil {
							return err
						}
					}
				})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := quietNode(t)
			l, a := spawnLab(t, n)
			var stop atomic.Bool
			in(t, n, a, func(self *banyan.Self) { self.Every(20*time.Millisecond, "tick") })
			crowd(n, &stop)
			defer stop.Store(true)
			for range 3 {
				next(t, l.infos)
			}
			_, err := banyan.Call(outside(n), a, ask{func(*banyan.Self) (int, error) { return 0, nil }}, banyan.Timeout(time.Minute))
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestIdleServersHoldNoGoroutine(t *testing.T) {
	n := quietNode(t)
	count := 100_000
	if raceEnabled {
		count = 20_000
	}
	refs := make([]banyan.Ref[*deaf], count)
	for i := range refs {
		refs[i] = spawnDeaf(t, n)
	}
	before := runtime.NumGoroutine()
	ctx := outside(n)
	for _, r := range refs {
		if v, err := banyan.Call(ctx, r, poke{1}); v != 1 || err != nil {
			t.Fatal(v, err)
		}
	}
	if now := runtime.NumGoroutine(); now > before+200 {
		t.Errorf("%d goroutines, %d before", now, before)
	}
	if got := n.Stats().Processes; got != count {
		t.Errorf("%d processes", got)
	}
}

// Two processes that chat for ever leave room for a third on the only worker.
func TestChattingProcessesLeaveRoom(t *testing.T) {
	n := quietNode(t, banyan.WithWorkers(1))
	done := make(chan struct{})
	a, _ := banyan.SpawnState(n, &ponger{1 << 60, done})
	c, _ := banyan.SpawnState(n, &ponger{1 << 60, done})
	_ = banyan.Cast(outside(n), a, ping{c, a})
	r := spawnDeaf(t, n)
	for range 20 {
		if v, err := banyan.Call(outside(n), r, poke{1}); v != 1 || err != nil {
			t.Fatal(v, err)
		}
	}
	_ = banyan.SendExit(context.WithoutCancel(outside(n)), a.PID(), banyan.ErrKill)
}

// A process that sends to itself for ever leaves room too.
func TestBusyProcessLeavesRoom(t *testing.T) {
	n := quietNode(t, banyan.WithWorkers(1))
	_, a := spawnLab(t, n)
	var again func(self *banyan.Self) error
	again = func(self *banyan.Self) error { return banyan.Cast(self, a, do{again}) }
	later(t, n, a, again)
	r := spawnDeaf(t, n)
	for range 20 {
		if v, err := banyan.Call(outside(n), r, poke{1}); v != 1 || err != nil {
			t.Fatal(v, err)
		}
	}
}
