// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// With any weights, any number of targets and any of them that comes or goes: only its own keys move, and no more than its share and 5 %.
func TestOnlyItsOwnKeysMove(t *testing.T) {
	const keys = 4000
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		list := members(2 + r.IntN(30))
		sum := 0.0
		for i := range list {
			list[i].Weight = 0.5 + 2*r.Float64()
			sum += list[i].Weight
		}
		one := r.IntN(len(list))
		without := slices.Concat(list[:one], list[one+1:])
		a, b := group(Options{}, list), group(Options{}, without)
		moved := 0
		for k := range keys {
			req := Request[int]{Keyed: true, Key: Hash(fmt.Sprint(seed, " ", k))}
			x, _ := a.Pick(0, req)
			y, _ := b.Pick(0, req)
			if x.ID == y.ID {
				continue
			}
			moved++
			if x.ID != list[one].ID {
				t.Fatalf("seed %d: a key moved from %d to %d, and %d is the one that left", seed, x.ID, y.ID, list[one].ID)
			}
		}
		if most := list[one].Weight/sum + 0.05; float64(moved)/keys > most {
			t.Errorf("seed %d: %d of %d keys moved, more than %.3f", seed, moved, keys, most)
		}
	}
}

// A target that joins takes its keys over in the time of its slow start, not at once; a key moves once, and to it.
func TestKeysMoveSlowly(t *testing.T) {
	const keys, n = 10_000, 8
	g := group(Options{SlowFor: 10 * time.Second}, members(n-1))
	at := make([]int, keys)
	look := func(now time.Duration) (moved int) {
		for k := range at {
			o, _ := g.Pick(now, Request[int]{Keyed: true, Key: Hash(fmt.Sprint("key ", k))})
			if o.ID == at[k] {
				continue
			}
			if now > 0 && (at[k] == n-1 || o.ID != n-1) {
				t.Fatalf("after %v key %d moved from %d to %d", now, k, at[k], o.ID)
			}
			at[k] = o.ID
			moved++
		}
		return moved
	}
	look(0)
	g.Set(time.Second, members(n))
	all := 0
	for s := range 12 {
		moved := look(time.Duration(s+1) * time.Second)
		all += moved
		if most := keys / n / 5; moved > most {
			t.Errorf("%d keys moved within a second", moved)
		}
	}
	if f := float64(all) * n / keys; f < 0.85 || f > 1.15 {
		t.Errorf("%.2f of its share moved to the new one", f)
	}
}

// Who was closed for a moment has missed little, and starts again from there.
func TestReopened(t *testing.T) {
	list := members(4)
	g := group(Options{SlowFor: 10 * time.Second}, list)
	set := func(now time.Duration, closed bool) {
		list[0].Closed = closed
		g.Set(now, list)
	}
	for _, c := range []struct {
		away  time.Duration
		share float64
	}{{time.Second, 0.9}, {time.Minute, 0.05}} {
		start := time.Hour
		set(start, true)
		set(start+c.away/2, true)
		set(start+c.away, false)
		if got := g.grown(start+c.away, g.byID[0]); got < c.share-0.01 || got > c.share+0.01 {
			t.Errorf("after %v it has %.2f of its share", c.away, got)
		}
		if g.grown(start+c.away+10*time.Second, g.byID[0]) != 1 {
			t.Error("it does not grow")
		}
	}
}

// Rank says who has a key, and why those before it have not.
func TestRank(t *testing.T) {
	list := members(5)
	g := group(Options{}, list)
	key := Hash("user-42")
	order := func(now time.Duration) (why []string, owner int) {
		owner = -1
		for _, r := range g.Rank(now, key) {
			why = append(why, r.Why)
			if r.Fit && owner < 0 {
				owner = r.Target.ID
			}
		}
		return why, owner
	}
	first := g.Rank(0, key)[0].Target
	second := g.Rank(0, key)[1].Target
	check := func(want int, first string) {
		t.Helper()
		why, owner := order(0)
		picked, _ := g.Pick(0, Request[int]{Keyed: true, Key: key})
		if owner != want || picked.ID != want || !strings.Contains(why[0], first) {
			t.Errorf("it is at %d, Pick says %d, want %d: %q", owner, picked.ID, want, why)
		}
	}
	check(first.ID, "room")
	var k [9]Ticket[int]
	for i := range 3 {
		g.Begin(0, first, &k[i])
	}
	check(second.ID, "3 messages out")
	for i := range 3 {
		g.End(0, &k[i], Answered)
	}
	check(first.ID, "room")
	closed := slices.Clone(list)
	closed[first.ID].Closed = true
	g.Set(0, closed)
	check(second.ID, "leaving or lost")
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
