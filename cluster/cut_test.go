// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/cluster"
)

// till is a server whose calls are counted.
type till struct{ served map[int]int }

type ring struct{ N int }

func (m ring) Call(s *till, _ *banyan.Self) (int, error) {
	s.served[m.N]++
	return m.N, nil
}

type readTill struct{}

func (readTill) Call(s *till, _ *banyan.Self) (map[int]int, error) { return s.served, nil }

var registerTill = sync.OnceFunc(func() {
	banyan.RegisterCall[ring]("ring")
	banyan.RegisterCall[readTill]("read_till")
})

func startTillOn(n *banyan.Node) error {
	registerTill()
	_, err := banyan.Spawn(n, func(context.Context, *banyan.Self) (*till, error) { return &till{map[int]int{}}, nil }, banyan.Name("till"))
	return err
}

func startTill(t *testing.T, n *banyan.Node) {
	t.Helper()
	if err := startTillOn(n); err != nil {
		t.Fatal(err)
	}
}

// idler is a process that does nothing.
func idler(t *testing.T, n *banyan.Node) banyan.PID {
	t.Helper()
	pid, err := banyan.Go(n, func(self *banyan.Self) error { <-self.Context().Done(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// watch monitors and links a process from another node, and counts what comes of it.
type watch struct {
	mu           sync.Mutex
	downs, exits int
}

func (w *watch) start(t *testing.T, n *banyan.Node, pid banyan.PID) {
	t.Helper()
	ready := make(chan struct{})
	if _, err := banyan.Go(n, func(self *banyan.Self) error {
		self.TrapExits(true)
		self.Monitor(pid)
		self.Link(pid)
		close(ready)
		for {
			m, err := self.Receive(self)
			if err != nil {
				return err
			}
			w.mu.Lock()
			switch m := m.(type) {
			case banyan.Down:
				if errors.Is(m.Reason, banyan.ErrNoConnection) {
					w.downs++
				}
			case banyan.Exit:
				w.exits++
			}
			w.mu.Unlock()
		}
	}); err != nil {
		t.Fatal(err)
	}
	<-ready
}

func (w *watch) check(t *testing.T, want int, when string) {
	t.Helper()
	synctest.Wait() // what has come is to be handled, too
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.downs != want || w.exits != want {
		t.Errorf("%s: %d downs, %d exits, want %d of each", when, w.downs, w.exits, want)
	}
}

// Two members cannot speak to each other, in one direction or in both; they hear the others. Nobody goes down, both say so within a
// second, what watched across the cut is told once, and new calls go through another member. All this for a minute; then straight again.
func TestPartialCut(t *testing.T) {
	for _, kind := range []string{"both ways", "one way", "the other way"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { partialCut(t, kind) })
		})
	}
}

func partialCut(t *testing.T, kind string) {
	w := newWorld(t, 4)
	w.awaitAll(settled)
	a, b := w.sim.Node("n01@sim"), w.sim.Node("n02@sim")
	startTill(t, b)
	var watched watch
	<-time.After(3 * time.Second)
	watched.start(t, a, idler(t, b))
	ctx := a.Context(t.Context())
	if _, err := banyan.Call(ctx, banyan.At[*till]("till", "n02@sim"), ring{1}); err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "both ways":
		w.sim.Partition("n01@sim", "n02@sim")
	case "one way":
		w.sim.Drop("n01@sim", "n02@sim")
	default:
		w.sim.Drop("n02@sim", "n01@sim")
	}
	start := time.Now()
	ends := []string{"n01@sim", "n02@sim"}
	if kind == "one way" { // the one that does not hear is the first to know
		ends = []string{"n02@sim", "n01@sim"}
	}
	w.await(w.c[ends[0]], 10*time.Second, ends[1]+" indirect", is(ends[1], cluster.Up, cluster.Indirect))
	first := time.Since(start)
	w.await(w.c[ends[1]], 10*time.Second, ends[0]+" indirect", is(ends[0], cluster.Up, cluster.Indirect))
	t.Logf("reported after %v, by both after %v", first, time.Since(start))
	if first > time.Second || (kind == "both ways" && time.Since(start) > time.Second) {
		t.Errorf("a partial cut was reported after %v, and by both after %v", first, time.Since(start))
	}
	w.await(w.c["n01@sim"], 5*time.Second, "a way through another", func([]cluster.Member) bool {
		m, _ := w.c["n01@sim"].Member("n02@sim")
		return m.Via == "n03@sim" || m.Via == "n04@sim"
	})
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("there was a way through another after %v", d)
	}
	watched.check(t, 1, "after the cut")
	var again watch
	again.start(t, a, idler(t, b))
	for i := range 20 { // new calls, in the course of a minute
		if n, err := banyan.Call(ctx, banyan.At[*till]("till", "n02@sim"), ring{2 + i}); n != 2+i || err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		for _, name := range w.names {
			for _, m := range list(w.c[name]) {
				if !m.Usable() {
					t.Fatalf("%s sees %s %v %v", name, m.Name, m.State, m.Reach)
				}
			}
		}
		<-time.After(3 * time.Second)
	}
	watched.check(t, 1, "after a minute")
	again.check(t, 0, "over the detour")
	w.sim.HealAll()
	w.await(w.c["n01@sim"], 30*time.Second, "n02 straight", is("n02@sim", cluster.Up, cluster.Reachable))
	w.awaitAll(30 * time.Second)
	again.check(t, 1, "straight again")
	if _, err := banyan.Call(ctx, banyan.At[*till]("till", "n02@sim"), ring{99}); err != nil {
		t.Fatal(err)
	}
	served, err := banyan.Call(ctx, banyan.At[*till]("till", "n02@sim"), readTill{})
	if err != nil || len(served) != 22 {
		t.Fatalf("%d calls were served: %v", len(served), err)
	}
	for n, times := range served {
		if times != 1 {
			t.Errorf("call %d was served %d times", n, times)
		}
	}
}

// Calls without a pause over the cut and its end: each is answered, or ends in an error that says whether it may have been served.
func TestPartialCutKeepsAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.awaitAll(settled)
		b := newBooks()
		b.open(t, w.sim.Node("n02@sim"))
		ctx := w.sim.Node("n01@sim").Context(t.Context())
		at := banyan.At[*counter]("counter", "n02@sim")
		begin := time.Now()
		cut, healed := false, false
		for time.Since(begin) < 40*time.Second {
			if d := time.Since(begin); d > 10*time.Second && !cut {
				cut = true
				w.sim.Partition("n01@sim", "n02@sim")
			} else if d > 25*time.Second && !healed {
				healed = true
				w.sim.HealAll()
			}
			b.call(ctx, at, 10*time.Second)
			<-time.After(20 * time.Millisecond)
		}
		if _, err := banyan.Call(ctx, at, book{-1}); err != nil {
			t.Fatal(err)
		}
		b.check(t)
		if len(b.unsure)+len(b.notDelivered) > 5 {
			t.Errorf("%d calls failed over one cut and its end", len(b.unsure)+len(b.notDelivered))
		}
	})
}

// The member through which two others speak goes: another one takes its place.
func TestDetourMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		w.awaitAll(settled)
		w.sim.Partition("n01@sim", "n02@sim")
		via := func() string {
			m, _ := w.c["n02@sim"].Member("n01@sim")
			return string(m.Via)
		}
		w.await(w.c["n02@sim"], 10*time.Second, "a detour", func([]cluster.Member) bool { return via() != "" })
		first := via()
		w.sim.Kill(first)
		w.await(w.c["n02@sim"], 10*time.Second, "another detour", func([]cluster.Member) bool { return via() != "" && via() != first })
		startTill(t, w.sim.Node("n01@sim"))
		if _, err := banyan.Call(w.sim.Node("n02@sim").Context(t.Context()), banyan.At[*till]("till", "n01@sim"), ring{1}); err != nil {
			t.Fatal(err)
		}
	})
}

// A node that is silent for all, for a moment or for good, never looks like a partial cut, and neither does one that was killed.
func TestSilenceIsNoPartialCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5)
		w.awaitAll(settled)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, name := range w.names[:3] {
			wg.Go(func() {
				for e := range w.c[name].Events(ctx) {
					if e.Kind == cluster.ReachChanged && e.Member.Reach == cluster.Indirect {
						t.Errorf("%s takes the silence of %s for a cut", name, e.Member.Name)
					}
				}
			})
		}
		for _, pause := range []time.Duration{500 * time.Millisecond, time.Second, 1300 * time.Millisecond, 6 * time.Second} {
			for _, name := range []string{"n04@sim", "n05@sim"} {
				w.sim.Isolate(name)
				<-time.After(pause)
				w.sim.HealAll()
				w.awaitAll(30 * time.Second)
			}
		}
		w.sim.Kill("n05@sim")
		w.sim.Isolate("n04@sim")
		w.await(w.c["n01@sim"], 10*time.Second, "both unreachable", usable(w.names[:3]...))
		cancel()
		wg.Wait()
	})
}

// While nothing is amiss nobody is suspected, though the network is slow and loses packets.
func TestBeatsOnASlowNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5, banyantest.Latency(5*time.Millisecond, 120*time.Millisecond))
		w.awaitAll(settled)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		for e := range w.c["n01@sim"].Events(ctx) {
			if e.Kind == cluster.ReachChanged {
				t.Error(fmt.Sprintf("%s became %v", e.Member.Name, e.Member.Reach))
			}
		}
	})
}
