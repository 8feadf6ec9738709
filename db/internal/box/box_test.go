// SPDX-License-Identifier: Apache-2.0

package box

import (
	"flag"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
)

var (
	first      = flag.Uint64("seed", 0, "the first seed")
	count      = flag.Uint64("seeds", uint64(moods), "how many seeds")
	text       = flag.Bool("text", false, "tell what happens")
	single     = flag.Bool("single", false, "let every second group have one voter only")
	boundaries = flag.Int("boundaries", 16, "how many crash points")
	soak       = flag.Duration("soak", 0, "how long to soak")
)

// seed runs one seed and fails with what happened.
func seed(t *testing.T, o Options) *Sim {
	t.Helper()
	o.Log = o.Log || *text
	if raceDetector && o.Length == 0 {
		o.Length, o.Heal = 5*time.Second, 8*time.Second
	}
	s := New(o)
	err := s.Run()
	if *text {
		t.Log(s.Text())
	}
	if err != nil {
		t.Errorf("%v\n\tReplay: go test ./db/internal/box -run TestSeeds -args -seed %d -seeds 1 -text", err, o.Seed)
	}
	return s
}

// TestCalm: without faults every operation comes through.
func TestCalm(t *testing.T) {
	s := seed(t, Options{Seed: 1, Calm: true, Length: 2 * time.Second})
	if st := s.Stats(); st.Unknown > 0 || st.Crashes > 0 {
		t.Errorf("in calm: %+v", st)
	}
}

// TestSeeds: the nemesis in each of its moods.
func TestSeeds(t *testing.T) {
	var sum Stats
	for i := *first; i < *first+*count; i++ {
		s := seed(t, Options{Seed: i, Single: *single})
		sum.add(s.Stats())
	}
	t.Logf("%+v", sum)
}

func (s *Stats) add(o Stats) {
	s.Steps += o.Steps
	s.Crashes += o.Crashes
	s.TornCrashes += o.TornCrashes
	s.Failures += o.Failures
	s.Losses += o.Losses
	s.Partitions += o.Partitions
	s.Pauses += o.Pauses
	s.Moves += o.Moves
	s.Snapshots += o.Snapshots
	s.Elections += o.Elections
	s.Done += o.Done
	s.Unknown += o.Unknown
}

// TestReplay: one seed is one run, to the last byte of the last message.
func TestReplay(t *testing.T) {
	a, b := seed(t, Options{Seed: 50, Log: true}), seed(t, Options{Seed: 50, Log: true})
	if a.Hash() == b.Hash() {
		return
	}
	for i := range a.text {
		if i >= len(b.text) || a.text[i] != b.text[i] {
			t.Fatalf("line %d:\n%s\n\n%s", i, strings.Join(a.text[max(0, i-5):i+1], "\n"), b.text[min(i, len(b.text)-1)])
		}
	}
}

// TestEveryBoundary: a node crashes at each of its first eight syncs under load, before and after it, with all, some or nothing kept of what
// was not synced; then the same with other seeds.
func TestEveryBoundary(t *testing.T) {
	crashes := 0
	if raceDetector && *boundaries > 6 {
		*boundaries = 6
	}
	for i := range *boundaries {
		s := seed(t, Options{Seed: *first + uint64(i), Calm: true, Length: 2 * time.Second, Heal: 3 * time.Second, CrashAt: 1 + i/2%8, After: i%2 == 1})
		crashes += s.Stats().Crashes
	}
	if crashes < *boundaries*9/10 {
		t.Errorf("%d crashes at %d boundaries", crashes, *boundaries)
	}
}

// caughtAt are seeds that are known to show a flaw; they save time, not more.
var caughtAt = map[host.Flaw]uint64{host.ForgetVote: 36, host.ReadHere: 8, host.ReadEarly: 15, host.ReadTooSoon: 13, host.TrustIdentity: 4, host.KeepTail: 10, host.JointByHalf: 93, host.ForgetTerm: 2, host.IgnoreSync: 40}

// TestFlaws: a suite that does not catch bugs which are there is no evidence of their absence.
func TestFlaws(t *testing.T) {
	const enough = 120
	if raceDetector {
		t.Skip("it asks whether the checks are sharp, which is the same without the race detector")
	}
	for _, f := range host.Flaws() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			from := caughtAt[f]
			for i := from; i < from+enough; i++ {
				if err := New(Options{Seed: i, Flaw: f, Single: f == host.ReadTooSoon}).Run(); err != nil {
					t.Logf("after %d seeds: %v", i-from+1, err)
					return
				}
			}
			t.Errorf("%v was not caught by %d seeds", f, enough)
		})
	}
}

// TestSoak runs seeds until the time of -soak is up.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("no -soak; see internal/soak")
	}
	end := time.Now().Add(*soak)
	var next, bad atomic.Uint64
	next.Store(*first)
	var mu sync.Mutex
	var sum Stats
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for time.Now().Before(end) && bad.Load() == 0 {
				i := next.Add(1) - 1
				s := New(Options{Seed: i})
				if err := s.Run(); err != nil {
					t.Error(err)
					bad.Add(1)
				}
				mu.Lock()
				sum.add(s.Stats())
				if (i-*first)%100 == 99 {
					t.Logf("%d seeds: %+v", i-*first+1, sum)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("seeds %d to %d: %+v", *first, next.Load()-1, sum)
}
