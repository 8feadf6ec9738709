// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/cluster"
)

// The long form, and a failure's seed again:
//
//	go test ./cluster -run Nemesis -nemesis.nodes 50 -nemesis.minutes 10 -nemesis.seeds 5 -timeout 60m
//	go test ./cluster -run Nemesis -nemesis.first 17 -nemesis.seeds 1
var (
	nemesisNodes   = flag.Int("nemesis.nodes", 5, "nodes of the simulated cluster, up to 200")
	nemesisMinutes = flag.Int("nemesis.minutes", 2, "simulated minutes of faults")
	nemesisSeeds   = flag.Uint64("nemesis.seeds", 3, "how many seeds")
	nemesisFirst   = flag.Uint64("nemesis.first", 1, "the first seed")
)

// counter is a server that books what it is asked to.
type counter struct{ books *books }

// books are the accounts of all calls of a run, by number.
type books struct {
	mu                             sync.Mutex
	sent                           int
	served                         map[int]int
	answered, unsure, notDelivered map[int]bool
}

func newBooks() *books {
	return &books{served: map[int]int{}, answered: map[int]bool{}, unsure: map[int]bool{}, notDelivered: map[int]bool{}}
}

type book struct{ N int }

func (m book) Call(s *counter, _ *banyan.Self) (int, error) {
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	s.books.served[m.N]++
	return m.N, nil
}

var registerBook = sync.OnceFunc(func() { banyan.RegisterCall[book]("book") })

func (b *books) open(t *testing.T, n *banyan.Node) {
	registerBook()
	if _, err := banyan.Spawn(n, func(context.Context, *banyan.Self) (*counter, error) { return &counter{b}, nil }, banyan.Name("counter")); err != nil {
		t.Error(err)
	}
}

// call makes one call, and books how it ended.
func (b *books) call(ctx context.Context, to banyan.Dest[*counter], within time.Duration) {
	b.mu.Lock()
	id := b.sent
	b.sent++
	b.mu.Unlock()
	bound, cancel := context.WithTimeout(ctx, within)
	got, err := banyan.Call(bound, to, book{id})
	cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil && got == id:
		b.answered[id] = true
	case err != nil && errors.Is(err, banyan.ErrNotDelivered):
		b.notDelivered[id] = true
	default:
		b.unsure[id] = true
	}
}

// callers call the counters of all nodes from one of them, until that ends.
func (b *books) callers(ctx context.Context, n *banyan.Node, names []string, r *rand.Rand) {
	ctx = n.Context(ctx)
	for ctx.Err() == nil {
		b.call(ctx, banyan.At[*counter]("counter", banyan.Atom(names[r.IntN(len(names))])), 3*time.Second)
		select {
		case <-time.After(time.Duration(r.Int64N(int64(200 * time.Millisecond)))):
		case <-ctx.Done():
		}
	}
}

// check: sent is answered plus errors that say whether it may have been served, and nothing was served twice.
func (b *books) check(t *testing.T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if sum := len(b.answered) + len(b.unsure) + len(b.notDelivered); sum != b.sent {
		t.Errorf("%d calls sent, %d ended", b.sent, sum)
	}
	for id := range b.sent {
		n := b.served[id]
		if n > 1 || (b.answered[id] && n != 1) || (b.notDelivered[id] && n != 0) {
			t.Errorf("call %d was served %d times: answered %v, not delivered %v", id, n, b.answered[id], b.notDelivered[id])
		}
	}
	t.Logf("%d calls: %d answered, %d perhaps served, %d surely not", b.sent, len(b.answered), len(b.unsure), len(b.notDelivered))
	if len(b.answered) < b.sent/2 {
		t.Errorf("of %d calls %d were answered", b.sent, len(b.answered))
	}
}

// fault does something to the network or to a node, and gives what ends it.
type fault func(w *world, r *rand.Rand) (what string, end func())

// pair draws two different nodes.
func (w *world) pair(r *rand.Rand) (a, b string) {
	i := r.IntN(len(w.names))
	j := (i + 1 + r.IntN(len(w.names)-1)) % len(w.names)
	return w.names[i], w.names[j]
}

func (w *world) others(name string, each func(other string)) {
	for _, o := range w.names {
		if o != name {
			each(o)
		}
	}
}

var faults = []fault{
	func(w *world, r *rand.Rand) (string, func()) {
		a, b := w.pair(r)
		w.sim.Partition(a, b)
		return fmt.Sprintf("%s and %s are cut off from each other", a, b), func() { w.sim.Heal(a, b) }
	},
	func(w *world, r *rand.Rand) (string, func()) {
		a, b := w.pair(r)
		w.sim.Drop(a, b)
		return fmt.Sprintf("%s does not reach %s", a, b), func() { w.sim.Heal(a, b) }
	},
	func(w *world, r *rand.Rand) (string, func()) {
		a, b := w.pair(r)
		w.sim.Reset(a, b)
		return fmt.Sprintf("the connections of %s and %s are reset", a, b), func() {}
	},
	func(w *world, r *rand.Rand) (string, func()) {
		a, _ := w.pair(r)
		w.others(a, func(o string) { w.sim.Loss(a, o, 0.2) })
		return a + " loses a fifth of its packets", func() { w.others(a, func(o string) { w.sim.Loss(a, o, 0) }) }
	},
	func(w *world, r *rand.Rand) (string, func()) { // as a process that is stopped looks: what was sent comes later
		a, _ := w.pair(r)
		d := time.Duration(1+r.IntN(3)) * time.Second
		w.others(a, func(o string) { w.sim.Delay(a, o, d, d+50*time.Millisecond) })
		return fmt.Sprintf("%s is %v late", a, d), func() { w.others(a, func(o string) { w.sim.Delay(a, o, 100*time.Microsecond, 300*time.Microsecond) }) }
	},
	func(w *world, r *rand.Rand) (string, func()) {
		a, _ := w.pair(r)
		w.sim.Isolate(a)
		return a + " is cut off from all", func() { w.others(a, func(o string) { w.sim.Heal(a, o) }) }
	},
	func(w *world, r *rand.Rand) (string, func()) {
		k := 1 + r.IntN(len(w.names)-1)
		each := func(do func(a, b string)) {
			for _, a := range w.names[:k] {
				for _, b := range w.names[k:] {
					do(a, b)
				}
			}
		}
		each(w.sim.Partition)
		return fmt.Sprintf("the first %d are cut off from the rest", k), func() { each(w.sim.Heal) }
	},
}

// Whatever the network does, and whichever node is killed: no call is lost without a word, none is served twice, and 30 s after the
// last fault everybody sees everybody.
func TestNemesis(t *testing.T) {
	for seed := *nemesisFirst; seed < *nemesisFirst+*nemesisSeeds; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runNemesis(t, seed) })
		})
	}
}

func runNemesis(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &world{t: t, names: nodeNames3(*nemesisNodes), c: map[string]*cluster.Cluster{}}
	w.sim = banyantest.Cluster(t, banyantest.Nodes(w.names...), banyantest.Seed(seed), banyantest.TickTime(8*time.Second),
		banyantest.NodeOptions(banyan.WithLogger(slog.New(slog.DiscardHandler))))
	for _, name := range w.names[:3] {
		w.seeds = append(w.seeds, w.addr(name))
	}
	w.together()
	b := newBooks()
	stop := map[string]context.CancelFunc{}
	var callers sync.WaitGroup
	work := func(name string, salt uint64) {
		n, r := w.sim.Node(name), rand.New(rand.NewPCG(seed, salt))
		b.open(t, n)
		ctx, cancel := context.WithCancel(t.Context())
		stop[name] = cancel
		callers.Go(func() { b.callers(ctx, n, w.names, r) })
	}
	for i, name := range w.names {
		work(name, uint64(i+2))
	}
	begin, kills := time.Now(), uint64(0)
	for time.Since(begin) < time.Duration(*nemesisMinutes)*time.Minute {
		<-time.After(time.Duration(1000+r.IntN(4000)) * time.Millisecond)
		if r.IntN(6) == 0 {
			a, _ := w.pair(r)
			w.sim.Kill(a)
			stop[a]()
			<-time.After(time.Duration(r.IntN(5000)) * time.Millisecond)
			w.sim.Restart(a)
			w.start(a)
			kills++
			work(a, 1000*kills)
			t.Logf("%v: %s was killed, and is back", time.Since(begin), a)
			continue
		}
		what, end := faults[r.IntN(len(faults))](w, r)
		d := time.Duration(500+r.IntN(8000)) * time.Millisecond
		t.Logf("%v: for %v: %s", time.Since(begin), d, what)
		<-time.After(d)
		end()
	}
	w.sim.HealAll()
	start := time.Now()
	for _, name := range w.names {
		w.await(w.c[name], max(30*time.Second-time.Since(start), time.Millisecond), "all members, 30 s after the last fault", usable(w.names...))
	}
	t.Logf("all see all %v after the last fault", time.Since(start))
	<-time.After(5 * time.Second) // what is under way comes to its end
	for _, end := range stop {
		end()
	}
	callers.Wait()
	b.check(t)
}
