// SPDX-License-Identifier: Apache-2.0

package check

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestRegisters(t *testing.T) {
	w := func(from, to, v int64) RegisterOp {
		return RegisterOp{Key: "k", Call: from, Return: to, Write: true, Value: v}
	}
	r := func(from, to, v int64) RegisterOp { return RegisterOp{Key: "k", Call: from, Return: to, Value: v} }
	unknown := func(o RegisterOp) RegisterOp { o.Outcome = Unknown; return o }
	aborted := func(o RegisterOp) RegisterOp { o.Outcome = Aborted; return o }
	for name, x := range map[string]struct {
		good    bool
		history []RegisterOp
	}{
		"in turns":            {true, []RegisterOp{w(0, 1, 5), r(2, 3, 5)}},
		"stale":               {false, []RegisterOp{w(0, 1, 5), r(2, 3, 0)}},
		"unknown, done late":  {true, []RegisterOp{unknown(w(0, 1, 5)), r(2, 3, 0), r(4, 5, 5)}},
		"unknown, and undone": {false, []RegisterOp{unknown(w(0, 1, 5)), r(2, 3, 5), r(4, 5, 0)}},
		"aborted, and seen":   {false, []RegisterOp{aborted(w(0, 1, 5)), r(2, 3, 5)}},
		"another key":         {true, []RegisterOp{w(0, 1, 5), {Key: "l", Call: 2, Return: 3}}},
	} {
		if err := Registers(x.history, time.Minute); (err == nil) != x.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBank(t *testing.T) {
	for _, x := range []struct {
		good     bool
		balances []int64
	}{{true, []int64{3, 7}}, {true, []int64{10, 0}}, {false, []int64{3, 6}}, {false, []int64{11, -1}}, {false, nil}} {
		if err := Bank(10, x.balances); (err == nil) != x.good {
			t.Errorf("%v: %v", x.balances, err)
		}
	}
}

func TestHolds(t *testing.T) {
	for name, x := range map[string]struct {
		good    bool
		history []Hold
	}{
		"nothing":             {true, nil},
		"in turns":            {true, []Hold{{"n", "b", 2, 5, math.MaxInt64}, {"n", "a", 1, 0, 5}}},
		"at once":             {false, []Hold{{"n", "a", 1, 0, 5}, {"n", "b", 2, 4, 9}}},
		"within another":      {false, []Hold{{"n", "a", 1, 0, 9}, {"n", "b", 2, 4, 5}}},
		"a piece within":      {false, []Hold{{"n", "a", 1, 0, 9}, {"n", "a", 1, 2, 3}, {"n", "b", 2, 5, 9}}},
		"no new token":        {false, []Hold{{"n", "a", 1, 0, 5}, {"n", "b", 1, 5, 9}}},
		"an older token":      {false, []Hold{{"n", "a", 2, 0, 5}, {"n", "b", 1, 6, 9}}},
		"the same one, anew":  {true, []Hold{{"n", "a", 1, 0, 5}, {"n", "a", 2, 6, 9}}},
		"one grant in pieces": {true, []Hold{{"n", "a", 1, 0, 5}, {"n", "a", 1, 3, 9}, {"n", "b", 2, 9, 10}}},
		"two names":           {true, []Hold{{"n", "a", 1, 0, 5}, {"m", "b", 1, 0, 5}}},
	} {
		if err := Holds(x.history); (err == nil) != x.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRecorder: what clients of a map under a lock record has no anomaly.
func TestRecorder(t *testing.T) {
	r, m := NewRecorder(), &Mix{Keys: 3, PerKey: 20, Most: 4}
	e := &executor{rng: rand.New(rand.NewPCG(1, 1)), lists: map[string][]int64{}}
	var mu sync.Mutex
	var clients sync.WaitGroup
	for p := range 8 {
		clients.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(p), 2))
			for range 100 {
				txn := Txn{Process: p, Call: r.Now(), Ops: m.Next(rng)}
				mu.Lock()
				e.apply(txn.Ops)
				mu.Unlock()
				txn.Return = r.Now()
				r.Txn(txn)
			}
		})
	}
	clients.Wait()
	if n := len(r.Txns()); n != 800 {
		t.Errorf("%d transactions were recorded", n)
	}
	for _, a := range Lists(r.Txns()) {
		t.Error(a)
	}
}
