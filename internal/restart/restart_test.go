// SPDX-License-Identifier: Apache-2.0

package restart

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	for _, tc := range []struct {
		o    Options
		want []string // parts of the error, none for a good one
	}{
		{Options{}, nil},
		{Options{Dynamic, 3, time.Second, AllSignificant}, nil},
		{Options{Strategy: 9}, []string{"strategy unknown (9)"}},
		{Options{AutoShutdown: 9}, []string{"auto-shutdown unknown (9)"}},
		{Options{Intensity: -1}, []string{"negative"}},
		{Options{Intensity: 1}, []string{"period must be more than 0"}},
		{Options{Strategy: 9, Intensity: -1}, []string{"strategy", "negative"}},
	} {
		_, err := New[int](tc.o)
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%+v: %v", tc.o, err)
		}
		for _, w := range tc.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%+v: %v does not say %q", tc.o, err, w)
			}
		}
	}
}

func TestSpecs(t *testing.T) {
	for _, tc := range []struct {
		auto AutoShutdown
		spec Spec
		want string
	}{
		{Never, Spec{}, ""},
		{Never, Spec{Type: Temporary}, ""},
		{Never, Spec{Type: 7}, "restart type unknown (7)"},
		{AnySignificant, Spec{Permanent, true}, "cannot be significant"},
		{Never, Spec{Transient, true}, "needs a supervisor with auto-shutdown"},
		{Never, Spec{Temporary, true}, "needs a supervisor with auto-shutdown"},
		{AllSignificant, Spec{Temporary, true}, ""},
		{AnySignificant, Spec{Transient, true}, ""},
		{AnySignificant, Spec{Permanent, false}, ""},
	} {
		c, err := New[int](Options{AutoShutdown: tc.auto})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Add(4, tc.spec)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "child 4")) {
			t.Errorf("%v %+v: %v, want %q", tc.auto, tc.spec, err, tc.want)
		}
		if tc.want == "" {
			if err := c.Add(4, tc.spec); !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		}
	}
}

func TestNobody(t *testing.T) {
	c, _ := New[int](easy)
	if c.Started(1) {
		t.Error("a child that was never added")
	}
	c.StartFailed(1)
	if _, ok := c.Status(1); ok || c.Len() != 0 {
		t.Error("a child came from nothing")
	}
	if len(c.StopAll()) != 0 {
		t.Error("something to stop")
	}
	for range c.All() {
		t.Error("not empty")
	}
	for i := range 3 {
		_ = c.Add(i, Spec{})
	}
	for id := range c.All() {
		if id != 0 {
			t.Error("the loop went on")
		}
		break
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		OneForOne.String(): "one_for_one", OneForAll.String(): "one_for_all", RestForOne.String(): "rest_for_one", Dynamic.String(): "dynamic",
		Permanent.String(): "permanent", Transient.String(): "transient", Temporary.String(): "temporary",
		Never.String(): "never", AnySignificant.String(): "any_significant", AllSignificant.String(): "all_significant",
		Crash.String(): "crash", Normal.String(): "normal", Restarting.String(): "restarting", ShutDown.String(): "shut down",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// The ring gives the answers of OTP's list: all restarts within the period, counted.
func TestWindowAgainstList(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n, period := r.IntN(6), time.Duration(1+r.IntN(20))
		w := window{n: n, period: period}
		var list []time.Duration
		now := time.Duration(0)
		for range 100 {
			now += time.Duration(r.IntN(8))
			var in []time.Duration
			for _, at := range append(list, now) {
				if now-at <= period {
					in = append(in, at)
				}
			}
			want := len(in) <= n
			if got := w.add(now); got != want {
				t.Fatalf("n %d, period %d, at %d: %v, the list says %v", n, period, now, got, want)
			}
			if !want {
				break // the supervisor has ended
			}
			list = in
			if w.count(now) != len(in) || len(w.times) > n {
				t.Fatalf("count %d, the list has %d; %d kept", w.count(now), len(in), len(w.times))
			}
		}
	}
}

func TestRestarts(t *testing.T) {
	c, _ := New[string](Options{Intensity: 3, Period: 10})
	_ = c.Add("a", Spec{})
	for i := range time.Duration(3) {
		c.Started("a")
		c.Exited("a", Crash, 4*i)
	}
	if c.Restarts(8) != 3 || c.Restarts(12) != 2 || c.Restarts(50) != 0 {
		t.Error(c.Restarts(8), c.Restarts(12), c.Restarts(50))
	}
}

// A restart allocates nothing once the window is full, however many restarts it holds.
func TestAllocations(t *testing.T) {
	const n = 100_000
	c, _ := New[int](Options{Strategy: Dynamic, Intensity: n, Period: 1})
	for i := range 10 {
		_ = c.Add(i, Spec{})
		c.Started(i)
	}
	now := time.Duration(0)
	crash := func() {
		now++
		if d := c.Exited(int(now)%10, Crash, now); d.Outcome != Restart || !c.Started(d.Start[0]) {
			panic(d.Outcome)
		}
	}
	for range n {
		crash()
	}
	if got := testing.AllocsPerRun(1000, crash); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkExited(b *testing.B) {
	c, _ := New[int](Options{Intensity: 1_000_000, Period: 1})
	_ = c.Add(0, Spec{})
	now := time.Duration(0)
	for b.Loop() {
		now++
		c.Started(0)
		c.Exited(0, Crash, now)
	}
}
