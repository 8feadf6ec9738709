// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"testing"
	"time"
)

// play runs a script against a job that goes on evenly, and tells who was killed where.
func play(seed uint64, nodes int) (victims []int, shares []float64, leaders []bool) {
	s := newScript(seed, nodes)
	now, leader := time.Unix(0, 0), 0
	away := time.Time{}
	for share := 0.0; share < 1; share += 0.002 {
		now = now.Add(24 * time.Millisecond)
		v := s.step(situation{now: now, share: share, whole: now.After(away), leader: leader, running: nodes})
		if v < 0 {
			continue
		}
		victims, shares, leaders = append(victims, v), append(shares, share), append(leaders, v == leader)
		away = now.Add(restartAfter + 500*time.Millisecond)
		if v == leader {
			if leader = 0; v == 0 {
				leader = 1
			}
		}
	}
	return victims, shares, leaders
}

func TestScript(t *testing.T) {
	whole, where := 0, map[int]bool{}
	for seed := range uint64(300) {
		victims, shares, leaders := play(seed, 3)
		if len(victims) != 3 {
			t.Fatalf("seed %d: killed %v at %v", seed, victims, shares)
		}
		led, all := false, map[int]bool{}
		for i, v := range victims {
			led, all[v] = led || leaders[i], true
			where[int(shares[i]*20)] = true
			if shares[i] > 0.9 {
				t.Errorf("seed %d: killed %d at %.2f: too late to matter", seed, v, shares[i])
			}
		}
		if !led {
			t.Errorf("seed %d: the coordinator's node was spared", seed)
		}
		if len(all) == 3 {
			whole++
		}
		again, _, _ := play(seed, 3)
		for i := range again {
			if again[i] != victims[i] {
				t.Fatalf("seed %d is not the same the second time: %v, %v", seed, victims, again)
			}
		}
	}
	if whole < 150 || len(where) < 8 {
		t.Errorf("all three were killed in %d of 300 runs, in %d of 20 parts of the work", whole, len(where))
	}
}

func TestScriptWaits(t *testing.T) {
	s := newScript(1, 3)
	if v := s.step(situation{now: time.Now(), share: 0.99, whole: false, running: 3}); v != -1 || s.left() != 3 {
		t.Errorf("killed %d though a node was down", v)
	}
}

func TestNodeNumber(t *testing.T) {
	for s, want := range map[string]int{"1": 0, "3": 2, "a": 0, " B ": 1, "c@127.0.0.1": 2, "": -1, "ab": -1, "0": -1, "-": -1} {
		if got := nodeNumber(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}
