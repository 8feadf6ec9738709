// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"runtime"
	"testing"

	"github.com/banyan-go/banyan"
)

// flat is a message of 16 bytes without pointers: it rides inside the envelope.
type flat struct{ A, B int64 }

func (m flat) Cast(s *tally, _ *banyan.Self) error          { s.sum += m.A; return nil }
func (m flat) Call(s *tally, _ *banyan.Self) (int64, error) { return m.A + m.B, nil }

type tally struct{ sum int64 }

// driver measures inside its handler, where the benchmarks' figures hold.
type driver struct {
	to  banyan.Ref[*tally]
	run func(self *banyan.Self, to banyan.Ref[*tally], n int) error
}

type drive struct{ N int }

func (m drive) Call(d *driver, self *banyan.Self) (int, error) { return m.N, d.run(self, d.to, m.N) }

// TestAllocations counts what casts and calls allocate, per message, over many.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, run := range map[string]func(self *banyan.Self, to banyan.Ref[*tally], n int) error{
		"cast of 16 bytes": func(self *banyan.Self, to banyan.Ref[*tally], n int) error {
			for i := range n {
				if err := banyan.Cast(self, to, flat{int64(i), 1}); err != nil {
					return err
				}
				if i%100 == 0 { // in step with the receiver: a growing queue is another matter
					if _, err := banyan.Call(self, to, flat{1, 2}); err != nil {
						return err
					}
				}
			}
			return nil
		},
		"call": func(self *banyan.Self, to banyan.Ref[*tally], n int) error {
			for i := range n {
				if v, err := banyan.Call(self, to, flat{int64(i), 1}); err != nil || v != int64(i)+1 {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := quietNode(t)
			to, err := banyan.SpawnState(n, &tally{})
			if err != nil {
				t.Fatal(err)
			}
			d, err := banyan.SpawnState(n, &driver{to, run})
			if err != nil {
				t.Fatal(err)
			}
			const N = 50_000
			measure := func() float64 {
				var a, b runtime.MemStats
				runtime.ReadMemStats(&a)
				if _, err := banyan.Call(outside(n), d, drive{N}); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&b)
				return float64(b.Mallocs-a.Mallocs) / N
			}
			measure() // warm up
			best := measure()
			for range 4 {
				best = min(best, measure())
			}
			if best > 0.01 {
				t.Errorf("%.3f allocations each, want 0", best)
			}
		})
	}
}

func TestAllocationsFromOutside(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	n := quietNode(t)
	to, _ := banyan.SpawnState(n, &tally{})
	ctx := outside(n)
	if got := testing.AllocsPerRun(2000, func() {
		if v, err := banyan.Call(ctx, to, flat{1, 2}); v != 3 || err != nil {
			t.Fatal(v, err)
		}
	}); got > 0 {
		t.Errorf("a call allocates %v times", got)
	}
	if got := testing.AllocsPerRun(2000, func() {
		if err := banyan.Cast(ctx, to, flat{1, 2}); err != nil {
			t.Fatal(err)
		}
	}); got > 0 {
		t.Errorf("a cast allocates %v times", got)
	}
}
