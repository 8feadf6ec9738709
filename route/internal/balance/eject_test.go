// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func ejected(g *Group[int]) (n int) {
	for _, t := range g.Targets() {
		if _, _, out := t.Ejected(); out {
			n++
		}
	}
	return n
}

func send(g *Group[int], now time.Duration, t *Target[int], o Outcome) {
	var k Ticket[int]
	g.Begin(now, t, &k)
	g.End(now, &k, o)
}

// Five failures in a row put a target out. Its time over, it gets a trickle, then its share slowly; if it fails again the
// time doubles.
func TestEjectionAndReturn(t *testing.T) {
	for _, p := range allPolicies {
		g := group(Options{Policy: p}, members(5))
		bad := g.Targets()[1]
		for range 4 {
			send(g, 0, bad, Failed)
		}
		if ejected(g) != 0 {
			t.Fatal(p, "out after four")
		}
		send(g, 0, bad, Failed)
		if got := shares(g, 0, 500); got[1] != 0 {
			t.Fatal(p, got)
		}
		now := time.Second
		got := shares(g, now, 500)
		if got[1] != 1 {
			t.Fatal(p, "a trickle is one:", got)
		}
		now += 100 * time.Millisecond
		trial, _ := g.Pick(now, Request[int]{})
		if trial != bad {
			t.Fatal(p, "it is its turn, not of", trial.ID)
		}
		send(g, now, bad, Failed)
		if _, until, out := bad.Ejected(); !out || until != now+2*time.Second {
			t.Fatal(p, until, out)
		}
		now += 2 * time.Second
		for range 3 {
			trial, _ := g.Pick(now, Request[int]{})
			if trial != bad {
				t.Fatal(p, "it is its turn, not of", trial.ID)
			}
			send(g, now, bad, Answered)
			now += 100 * time.Millisecond
		}
		if ejected(g) != 0 {
			t.Fatal(p, "still out")
		}
		slow, full := shares(g, now, 1000)[1], shares(g, now+11*time.Second, 1000)[1]
		if slow > 120 || full < 120 {
			t.Errorf("%v: %d of 1000 at first, %d later", p, slow, full)
		}
	}
}

// Whatever fails, never more than the share that may be is out, and there is always somebody to choose.
func TestEjectionLeavesSome(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		n := 1 + r.IntN(12)
		list := members(n)
		g := group(Options{Policy: allPolicies[r.IntN(len(allPolicies))]}, list)
		now := time.Duration(0)
		for range 2000 {
			now += time.Duration(r.IntN(int(20 * time.Millisecond)))
			switch r.IntN(40) {
			case 0:
				g.Lost(now, g.Targets()[r.IntN(len(g.Targets()))])
			case 1:
				list[r.IntN(n)].Closed = r.IntN(3) == 0
				g.Set(now, list)
			}
			o, ok := g.Pick(now, Request[int]{Keyed: r.IntN(4) == 0, Key: r.Uint64()})
			open := 0
			for _, m := range list {
				if !m.Closed {
					open++
				}
			}
			if ok != (open > 0) {
				t.Fatalf("seed %d: %d of %d are open, and there is one to choose: %v", seed, open, n, ok)
			}
			if !ok {
				continue
			}
			if o.Closed {
				t.Fatalf("seed %d: a closed one was chosen", seed)
			}
			send(g, now, o, []Outcome{Answered, Failed, Silent, Dropped}[r.IntN(4)])
			if out := ejected(g); out > max(1, int(0.3*float64(n))) || out >= n {
				t.Fatalf("seed %d: %d of %d are out", seed, out, n)
			}
		}
	}
}

// When nearly all that are left are ejected, none counts as such, until half of them have shown that they work.
func TestPanic(t *testing.T) {
	list := members(10)
	g := group(Options{Policy: RoundRobin}, list)
	for i := range 3 {
		g.Lost(0, g.Targets()[i])
	}
	if got := shares(g, 0, 1000); got[0]+got[1]+got[2] != 0 {
		t.Fatal(got)
	}
	for i := 3; i < 9; i++ {
		list[i].Closed = true
	}
	g.Set(0, list)
	if got := shares(g, 0, 1000); got[0] == 0 || got[1] == 0 || got[2] == 0 || got[9] > 600 || got[5] > 0 {
		t.Fatal(got)
	}
}

// Who owes an answer for two seconds, and said nothing else meanwhile, is out.
func TestSilence(t *testing.T) {
	g := group(Options{Policy: RoundRobin}, members(4))
	mute, busy := g.Targets()[2], g.Targets()[3]
	var k, l Ticket[int]
	g.Begin(0, mute, &k)
	g.Begin(0, busy, &l)
	now := 2100 * time.Millisecond
	send(g, now-time.Second, busy, Answered)
	if got := shares(g, now, 300); got[2] != 0 || got[3] < 95 {
		t.Fatal(got)
	}
	g.End(now, &k, Answered) // it is no use to it that it answers now: on trial only
	if ejected(g) != 1 {
		t.Fatal(ejected(g))
	}
}

// A new target gets its share slowly, unless all are new.
func TestSlowStart(t *testing.T) {
	for _, p := range allPolicies {
		g := group(Options{Policy: p}, members(4))
		g.Set(time.Minute, members(5))
		early, later, full := shares(g, time.Minute, 2000)[4], shares(g, time.Minute+5*time.Second, 2000)[4], shares(g, time.Minute+10*time.Second, 2000)[4]
		if early == 0 || early > 200 || later <= early || full < 320 {
			t.Errorf("%v: %d, %d, %d of 2000", p, early, later, full)
		}
	}
}

// Near targets are preferred, until they are so much busier than all.
func TestLocality(t *testing.T) {
	list := members(9)
	for i := range list {
		list[i].Node, list[i].Zone = string(rune('a'+i/2)), string(rune('x'+i/6))
	}
	for near, want := range map[Near]string{SameNode: "[0 1]", SameZone: "[0 1 2 3 4 5]"} {
		g := group(Options{Policy: RoundRobin, Near: near, Here: "a", Zone: "x"}, list)
		got := shares(g, 0, 900)
		ids := []int{}
		for i := range list {
			if got[i] > 0 {
				ids = append(ids, i)
			}
		}
		if s := fmt.Sprint(ids); s != want {
			t.Errorf("%d: %s, want %s", near, s, want)
		}
		var out [200]Ticket[int]
		far := 0
		for i := range out {
			o, _ := g.Pick(0, Request[int]{})
			g.Begin(0, o, &out[i])
			if o.ID > 5 {
				far++
			}
		}
		if far == 0 {
			t.Errorf("%d: 200 messages are out, and none is far", near)
		}
		near, all := load(0, g.tiers[near]), load(0, g.tiers[Anywhere])
		if near > 1.5*all {
			t.Errorf("near ones have %.1f, all %.1f", near, all)
		}
	}
}
