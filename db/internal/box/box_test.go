// SPDX-License-Identifier: Apache-2.0

package box

import (
	"errors"
	"flag"
	"fmt"
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
	rots       = flag.Int("rots", 3, "how many times a bit flips in each kind of file")
	fulls      = flag.Int("fulls", 3, "how many times a disk is full")
	cuts       = flag.Int("cuts", 30, "how many power cuts")
	replay     = flag.Bool("replay", false, "run each seed twice, and compare")
	most       = flag.Uint64("most", 0, "how many seeds a soak has at most; 0: as many as its time allows")
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
	if err != nil && o.Traders > 0 {
		t.Errorf("%v\n\tReplay: go test ./db/internal/box -run 'TestTrade$' -args -seed %d -trades 1 -text", err, o.Seed)
	} else if err != nil {
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
	s.PowerCuts += o.PowerCuts
	s.Failures += o.Failures
	s.Damages += o.Damages
	s.Found += o.Found
	s.Refused += o.Refused
	s.Full += o.Full
	s.Jumps += o.Jumps
	s.Losses += o.Losses
	s.Partitions += o.Partitions
	s.Pauses += o.Pauses
	s.Moves += o.Moves
	s.Snapshots += o.Snapshots
	s.Elections += o.Elections
	s.Done += o.Done
	s.Unknown += o.Unknown
	s.Learned += o.Learned
}

// TestReplay: one seed is one run, to the last byte of the last message.
func TestReplay(t *testing.T) {
	for i := *first + 1; i <= *first+3; i++ {
		a, b := seed(t, Options{Seed: i, Log: true}), seed(t, Options{Seed: i, Log: true})
		if a.Hash() == b.Hash() {
			continue
		}
		for j := range a.text {
			if j >= len(b.text) || a.text[j] != b.text[j] {
				t.Fatalf("seed %d, line %d:\n%s\n\n%s", i, j, strings.Join(a.text[max(0, j-15):j+1], "\n"), b.text[min(j, len(b.text)-1)])
			}
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

// TestPowerCuts: the power goes for all nodes at once, at a sync of one of them; nothing that was acknowledged is lost.
func TestPowerCuts(t *testing.T) {
	const each = 10
	var sum Stats
	for i := uint64(0); sum.PowerCuts < *cuts && !t.Failed(); i++ {
		s := seed(t, Options{Seed: *first + i, Calm: true, Cuts: each, Length: each * 2500 * time.Millisecond, Heal: 5 * time.Second})
		if s.Stats().PowerCuts < each {
			t.Errorf("seed %d: the power went %d times", *first+i, s.Stats().PowerCuts)
		}
		sum.add(s.Stats())
	}
	t.Logf("%+v", sum)
}

// TestDamage: a bit flips in each kind of file that a node has, while the node is down. It is noticed, or nobody needed it: no answer is wrong, and the
// node's replicas are made good.
func TestDamage(t *testing.T) {
	for _, kind := range kinds {
		var sum Stats
		for i := range uint64(*rots) {
			s := seed(t, Options{Seed: *first + i, Calm: true, Damage: kind, Length: 6 * time.Second, Heal: 10 * time.Second})
			sum.add(s.Stats())
		}
		t.Logf("%s: hit %d times; %d times the store noticed and the node was replaced, %d replicas were refused by the host", kind, sum.Damages, sum.Found, sum.Refused)
		if sum.Damages < *rots/2 {
			t.Errorf("%s: hit %d times in %d runs", kind, sum.Damages, *rots)
		}
	}
}

// TestFullDisk: a full disk stops its node and no other; with room again it comes back by itself.
func TestFullDisk(t *testing.T) {
	for i, n := *first, 0; n < *fulls; i++ {
		if i%10 == uint64(crashes) {
			continue // the node has no replica then, and writes nothing
		}
		n++
		s := seed(t, Options{Seed: i, Calm: true, Full: true, Length: 9 * time.Second, Heal: 5 * time.Second})
		if st := s.Stats(); st.Full != 1 || st.Crashes == 0 || st.Losses > 0 || st.Done < 300 {
			t.Errorf("%+v", st)
		}
	}
}

// caughtAt are seeds that are known to show a flaw; they save time, not more.
var caughtAt = map[host.Flaw]uint64{host.AnswerEarly: 3, host.ForgetVote: 18, host.ForgetTerm: 5, host.ReadHere: 13, host.ReadEarly: 23, host.ReadTooSoon: 19,
	host.TrustIdentity: 4, host.KeepTail: 66, host.JointByHalf: 167, host.IgnoreSync: 44}

// TestFlaws: a suite that does not catch bugs which are there is no evidence of their absence.
func TestFlaws(t *testing.T) {
	const enough = 300
	if raceDetector {
		t.Skip("it asks whether the checks are sharp, which is the same without the race detector")
	}
	for _, f := range host.Flaws() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			from := caughtAt[f]
			for i := from; i < from+enough; i++ {
				s := New(Options{Seed: i, Flaw: f, Single: f == host.ReadTooSoon})
				if err := s.Run(); err != nil && !s.Stalled() { // a cluster that stands still harms nobody
					t.Logf("after %d seeds: %v", i-from+1, err)
					return
				}
			}
			t.Errorf("%v was not caught by %d seeds", f, enough)
		})
	}
}

// TestSoak runs seeds until the time of -soak is up, or until there were as many as -most says.
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
				if *most > 0 && i >= *first+*most {
					next.Add(^uint64(0))
					return
				}
				s := New(Options{Seed: i})
				err := s.Run()
				if again := New(Options{Seed: i}); *replay && err == nil {
					if err = again.Run(); again.Hash() != s.Hash() {
						err = errors.Join(err, fmt.Errorf("seed %d did not replay", i))
					}
				}
				if err != nil {
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
