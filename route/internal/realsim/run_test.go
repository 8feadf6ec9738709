// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/banyan-go/banyan/route"
	"github.com/banyan-go/banyan/route/internal/sim"
)

// Every request of a run has an end, and the scenario is the one that was asked for. What it measures is not for a test.
func TestRun(t *testing.T) {
	adaptive := route.Adaptive
	for _, p := range []*route.Policy{&adaptive, nil} {
		sc := sim.Scenarios[1]
		r, err := measure(sc, p, time.Millisecond, 1, 400)
		if err != nil {
			t.Fatal(err)
		}
		if r.sent != 400 || r.answered+r.unfinished != 400 || r.failed != 0 || r.p50 < 0.1 || r.p999 < r.p50 {
			t.Errorf("%+v", r)
		}
	}
}

func TestFrozenWorkersStandStill(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }
	w := &worker{freeze: 100 * time.Millisecond, frozen: []time.Time{at(10), at(200), at(400), at(500)}}
	w.all = w.frozen
	for _, c := range []struct{ begin, takes, end int }{
		{0, 5, 5},      // before
		{8, 5, 113},    // in the middle
		{250, 5, 305},  // it stands still when the request comes
		{350, 60, 610}, // twice
	} {
		if got := w.end(at(c.begin), time.Duration(c.takes)*time.Millisecond); !got.Equal(at(c.end)) {
			t.Errorf("from %d, %d ms: ends at %v", c.begin, c.takes, got.Sub(at(0)))
		}
	}
	if w.still(at(9)) != 0 || w.still(at(30)) != 80*time.Millisecond {
		t.Error(w.still(at(9)), w.still(at(30)))
	}
}
