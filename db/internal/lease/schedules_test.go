// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"flag"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	schedules = flag.Int("schedules", 2000, "how many random schedules TestSchedules runs")
	firstSeed = flag.Uint64("seed", 1, "the first of them")
)

// sizes are the voters, and the nodes besides.
func sizes(seed uint64) (voters, others int) {
	if seed%3 == 0 {
		return 5, int(seed/3) % 2
	}
	return 3, int(seed/3) % 3
}

func runSchedule(seed uint64, flaw Flaw, text *strings.Builder) *world {
	voters, others := sizes(seed)
	w := newWorld(seed, flaw, voters, others)
	w.text = text
	w.schedule()
	w.run()
	return w
}

// TestSchedules looks for a life that is declared over and holds a lease.
func TestSchedules(t *testing.T) {
	var next, downs, cancels, moves, bad atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(*schedules) || bad.Load() > 3 {
					return
				}
				seed := *firstSeed + uint64(i)
				w := runSchedule(seed, None, nil)
				downs.Add(int64(w.downs))
				cancels.Add(int64(w.cancels))
				moves.Add(int64(w.moves))
				if w.broken != "" {
					bad.Add(1)
					t.Error(w.broken)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d schedules: %d lives declared over, %d rounds cancelled, %d steps of voters, %d overlaps", *schedules, downs.Load(), cancels.Load(), moves.Load(), bad.Load())
	if n := int64(*schedules); downs.Load() < n/5 || cancels.Load() < n/20 || moves.Load() < n/20 {
		t.Error("the schedules are too calm to show anything")
	}
}

// TestFlaws plants bugs, and expects that random schedules find each.
func TestFlaws(t *testing.T) {
	names := map[Flaw]string{AcrossRounds: "grants count across rounds", ForgetGrant: "grants are not durable", NoWait: "no wait after a start",
		FromAck: "the lease counts from the acknowledgement", NoDrift: "no margin for clocks", SupportGranted: "who was granted away is supported",
		GrantEarly: "a grant while the support lasts", Minority: "half is enough", StraightMove: "voters are replaced in one step",
		OldVoters: "beats of past voters are taken", HastyMove: "old voters are dropped at once"}
	// Where the search begins: a little before a schedule that is known, for those that are rare.
	from := map[Flaw]uint64{AcrossRounds: 8530, ForgetGrant: 1000, NoWait: 220, NoDrift: 1050, OldVoters: 7950}
	for f := None + 1; f < flaws; f++ {
		t.Run(names[f], func(t *testing.T) {
			t.Parallel()
			for seed := from[f] + 1; seed <= 40000; seed++ {
				if w := runSchedule(seed, f, nil); w.broken != "" {
					t.Logf("caught by schedule %d", seed)
					return
				}
			}
			t.Error("no schedule has caught it")
		})
	}
}

// TestReplay: a seed is one story.
func TestReplay(t *testing.T) {
	var a, b strings.Builder
	runSchedule(*firstSeed+7, None, &a)
	runSchedule(*firstSeed+7, None, &b)
	if a.String() != b.String() || a.Len() == 0 {
		t.Error("two runs of one seed differ")
	}
}
