// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func members(n int) []Member[int] {
	list := make([]Member[int], n)
	for i := range list {
		list[i] = Member[int]{ID: i, Hash: Hash(fmt.Sprint("target ", i)), Node: "n"}
	}
	return list
}

func group(o Options, list []Member[int]) *Group[int] {
	g := New[int](o, rand.New(rand.NewPCG(1, 2)))
	g.Set(0, list)
	return g
}

// shares sends many messages, each answered at once, and counts who got them.
func shares(g *Group[int], now time.Duration, n int) map[int]int {
	got := map[int]int{}
	for range n {
		t, ok := g.Pick(now, Request[int]{})
		if !ok {
			continue
		}
		got[t.ID]++
		var k Ticket[int]
		g.Begin(now, t, &k)
		g.End(now+time.Millisecond, &k, Answered)
	}
	return got
}

var allPolicies = []Policy{Adaptive, RoundRobin, Random, Weighted, LeastLoaded, TwoChoices}

// With all things equal each target gets its share.
func TestShares(t *testing.T) {
	for _, p := range allPolicies {
		got := shares(group(Options{Policy: p}, members(8)), 0, 8000)
		for i := range 8 {
			if got[i] < 800 || got[i] > 1200 {
				t.Errorf("%v: target %d got %d of 8000", p, i, got[i])
			}
		}
	}
}

func TestRoundRobinAndWeights(t *testing.T) {
	g := group(Options{Policy: RoundRobin}, members(3))
	first, _ := g.Pick(0, Request[int]{})
	for i := 1; i < 9; i++ {
		if next, _ := g.Pick(0, Request[int]{}); next.ID != (first.ID+i)%3 {
			t.Fatal(i, next.ID, first.ID)
		}
	}
	list := members(3)
	list[0].Weight, list[1].Weight, list[2].Weight = 5, 1, 1
	g = group(Options{Policy: Weighted}, list)
	order := ""
	for range 7 {
		next, _ := g.Pick(0, Request[int]{})
		order += fmt.Sprint(next.ID)
	}
	if order != "0010200" {
		t.Fatal(order)
	}
}

// Least-loaded and two choices stay away from a target that does not answer; adaptive from one that is slow.
func TestLoadCounts(t *testing.T) {
	for _, p := range []Policy{LeastLoaded, TwoChoices, Adaptive} {
		g := group(Options{Policy: p}, members(4))
		var stuck [20]Ticket[int]
		for i := range stuck {
			g.Begin(0, g.Targets()[2], &stuck[i])
		}
		if got := shares(g, 0, 1000); got[2] > 0 {
			t.Errorf("%v: a target that owes 20 answers got %d of 1000", p, got[2])
		}
	}
	g := group(Options{}, members(4))
	for _, o := range g.Targets() {
		service := time.Millisecond
		if o.ID == 1 {
			service = 10 * time.Millisecond
		}
		g.Report(0, o, Report{Backlog: 1, Service: service})
	}
	if got := shares(g, 0, 1000); got[1] > 50 {
		t.Errorf("a target that is ten times slower got %d of 1000", got[1])
	}
}

// A report of an idle target is used once, and not for ever.
func TestTokens(t *testing.T) {
	g := group(Options{}, members(10))
	for _, o := range g.Targets() {
		g.Report(0, o, Report{Backlog: 5, Service: time.Millisecond})
	}
	now := time.Millisecond
	g.Report(now, g.Targets()[7], Report{Service: time.Millisecond})
	first, _ := g.Pick(now, Request[int]{})
	var k Ticket[int]
	g.Begin(now, first, &k)
	if first.ID != 7 {
		t.Fatal(first.ID)
	}
	if again := g.idle(now, g.tiers[Anywhere], float64(time.Millisecond)); again != nil {
		t.Fatal(again.ID)
	}
	g.Report(now, g.Targets()[3], Report{Service: time.Millisecond})
	if late := g.idle(now+tokenLife, g.tiers[Anywhere], float64(time.Millisecond)); late != nil {
		t.Fatal(late.ID)
	}
}

// A key has one target; when one of n comes or goes no more than 1/n and 5 % of the keys move, and only its own.
func TestKeysStay(t *testing.T) {
	const keys = 20_000
	place := func(list []Member[int]) []int {
		g := group(Options{}, list)
		at := make([]int, keys)
		for i := range at {
			o, _ := g.Pick(0, Request[int]{Keyed: true, Key: Hash(fmt.Sprint("key ", i))})
			at[i] = o.ID
		}
		return at
	}
	for n := 2; n <= 40; n += 3 {
		list := members(n)
		before, after := place(list[:n-1]), place(list)
		moved := 0
		count := make([]int, n)
		for i := range after {
			count[after[i]]++
			if before[i] == after[i] {
				continue
			}
			moved++
			if after[i] != n-1 {
				t.Fatalf("%d targets: key %d moved from %d to %d, which is not new", n, i, before[i], after[i])
			}
		}
		if most := 1/float64(n) + 0.05; float64(moved)/keys > most {
			t.Errorf("%d targets: %d of %d keys moved", n, moved, keys)
		}
		for i, c := range count {
			if f := float64(c) * float64(n) / keys; f < 0.8 || f > 1.2 {
				t.Errorf("%d targets: target %d has %.2f of its share", n, i, f)
			}
		}
	}
}

// No target has more out than the bound allows, whatever the keys, and also with weights.
func TestBoundedLoad(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		list := members(2 + r.IntN(10))
		weights := 0.0
		for i := range list {
			list[i].Weight = 1 + float64(r.IntN(4))
			weights += list[i].Weight
		}
		bound := 1.05 + r.Float64()
		g := group(Options{Bound: bound, Ejection: Ejection{Off: true}}, list)
		var out []*Ticket[int]
		for range 2000 {
			if len(out) > 0 && r.IntN(100) < 45 {
				i := r.IntN(len(out))
				g.End(0, out[i], Answered)
				out[i] = out[len(out)-1]
				out = out[:len(out)-1]
				continue
			}
			o, _ := g.Pick(0, Request[int]{Keyed: true, Key: Hash(fmt.Sprint(r.IntN(3)))}) // hot ones
			k := &Ticket[int]{}
			g.Begin(0, o, k)
			out = append(out, k)
			if room := bound*float64(len(out))*o.weight()/weights + 1; float64(o.Out()) > room {
				t.Fatalf("seed %d: a target has %d of %d out, room is %.1f", seed, o.Out(), len(out), room)
			}
		}
	}
}

// The order in which messages end does not matter for what is known to be out.
func TestTickets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	g := group(Options{}, members(1))
	o := g.Targets()[0]
	var out []*Ticket[int]
	for now := range time.Duration(3000) {
		if len(out) > 0 && r.IntN(2) == 0 {
			i := r.IntN(len(out))
			g.End(now, out[i], Answered)
			out = append(out[:i], out[i+1:]...)
		} else {
			out = append(out, &Ticket[int]{})
			g.Begin(now, o, out[len(out)-1])
		}
		if o.Out() != len(out) || g.out != len(out) {
			t.Fatal(o.Out(), g.out, len(out))
		}
		if len(out) > 0 && o.age(now) != now-out[0].start {
			t.Fatal(o.age(now), now-out[0].start)
		}
	}
}
