// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Where nobody answers is tried ever more rarely, but within half a minute; where somebody does, as he said.
func TestCandidatesThatFailAreTriedLess(t *testing.T) {
	k, now := newCandidates(), time.Unix(1e9, 0)
	if !k.add("10.0.0.1") || k.add("10.0.0.1:7946") || k.add("") || k.add(":1") || !k.only("10.0.0.1:7946") {
		t.Fatal(k.of)
	}
	wait := func() time.Duration {
		for d := time.Duration(0); d < time.Hour; d += 100 * time.Millisecond {
			if len(k.due(now.Add(d))) == 1 {
				return d
			}
		}
		return -1
	}
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, maxPause, maxPause} {
		if got := wait(); got != want {
			t.Errorf("after %d failures it is tried again after %v, not %v", i, got, want)
		}
		k.tried("10.0.0.1:7946", now, false, false)
	}
	k.tried("10.0.0.1:7946", now, false, true)
	if got := wait(); got != refusedPause {
		t.Error(got)
	}
	k.tried("10.0.0.1:7946", now, true, false)
	if got := wait(); got != knownPause {
		t.Error(got)
	}
	k.tried("10.0.0.1:7946", now, false, false)
	if got := wait(); got != time.Second {
		t.Errorf("the count of failures was kept: %v", got)
	}
	k.tried("10.0.0.9:7946", now, false, false) // of a member: no candidate
	if len(k.of) != 1 {
		t.Error(k.of)
	}
}

// Of more than there is room for, those are kept that discovery still finds.
func TestCandidatesAreBounded(t *testing.T) {
	k := newCandidates()
	for i := range 2 * maxCandidates {
		k.add("10.1.1.1:1")
		k.add(fmt.Sprintf("10.%d.%d.1:7946", 2+i>>8, i&255))
	}
	if len(k.of) != maxCandidates || k.of["10.1.1.1:1"] == nil || !slices.Contains(k.due(time.Now()), "10.1.1.1:1") {
		t.Errorf("%d candidates", len(k.of))
	}
}
