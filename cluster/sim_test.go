// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/cluster"
)

// settled is when all have heard of a change at the latest: as a rule gossip brings it within a second, and what it missed comes with the
// next full exchange.
const settled = 30 * time.Second

// static is a Discovery of fixed addresses.
type static []string

func (s static) Discover(_ context.Context, found func([]string)) error {
	found(s)
	return nil
}

// world is a simulated cluster of nodes that take part in a cluster.
type world struct {
	t     *testing.T
	sim   *banyantest.Sim
	names []string
	seeds static
	c     map[string]*cluster.Cluster

	change func(*cluster.Config) // what is special in this world; nil: nothing
}

func nodeNames(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("n%02d@sim", i+1))
	}
	return names
}

// newWorld starts n nodes that have the first three as seeds.
func newWorld(t *testing.T, n int, opts ...banyantest.ClusterOption) *world {
	t.Helper()
	w := &world{t: t, names: nodeNames(n), c: map[string]*cluster.Cluster{}}
	w.sim = banyantest.Cluster(t, append([]banyantest.ClusterOption{banyantest.Nodes(w.names...)}, opts...)...)
	for _, name := range w.names[:min(n, 3)] {
		w.seeds = append(w.seeds, w.addr(name))
	}
	for _, name := range w.names {
		w.start(name)
	}
	return w
}

func (w *world) addr(name string) string {
	return net.JoinHostPort(w.sim.Host(name).IP().String(), "7946")
}

func (w *world) config(name string) cluster.Config {
	c := cluster.Config{Cluster: "shop", Secret: "a secret", Listen: w.addr(name), Network: w.sim.Host(name), Discovery: []cluster.Discovery{w.seeds}}
	if w.change != nil {
		w.change(&c)
	}
	return c
}

func (w *world) start(name string) *cluster.Cluster {
	w.t.Helper()
	c, err := cluster.Start(w.t.Context(), w.sim.Node(name), w.config(name))
	if err != nil {
		w.t.Fatal(err)
	}
	w.c[name] = c
	return c
}

// await waits until a node sees what is wanted, and returns how long that took; it fails after max.
func (w *world) await(c *cluster.Cluster, max time.Duration, what string, ok func([]cluster.Member) bool) time.Duration {
	w.t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(w.t.Context(), max)
	defer cancel()
	for range c.Events(ctx) {
		if ok(list(c)) {
			return time.Since(start)
		}
	}
	w.t.Fatalf("%s does not see within %v: %s. It sees\n%s", c.Node().Name(), max, what, describe(c))
	return 0
}

func list(c *cluster.Cluster) (all []cluster.Member) {
	for m := range c.Members() {
		all = append(all, m)
	}
	return all
}

func describe(c *cluster.Cluster) string {
	var b strings.Builder
	for _, m := range list(c) {
		fmt.Fprintf(&b, "%s#%x %v %v\n", m.Name, m.Instance, m.State, m.Reach)
	}
	return b.String()
}

// usable wants these members, and no other, to be Up and Reachable.
func usable(names ...string) func([]cluster.Member) bool {
	return func(all []cluster.Member) bool {
		n := 0
		for _, m := range all {
			if !m.Usable() {
				continue
			}
			n++
			found := false
			for _, name := range names {
				found = found || string(m.Name) == name
			}
			if !found {
				return false
			}
		}
		return n == len(names)
	}
}

// is wants a member to be so.
func is(name string, s cluster.State, r cluster.Reach) func([]cluster.Member) bool {
	return func(all []cluster.Member) bool {
		for _, m := range all {
			if string(m.Name) == name {
				return m.State == s && m.Reach == r
			}
		}
		return false
	}
}

func (w *world) awaitAll(max time.Duration) (took time.Duration) {
	w.t.Helper()
	for _, name := range w.names {
		took += w.await(w.c[name], max, "all members", usable(w.names...))
	}
	return took
}

func TestNodesFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5)
		w.awaitAll(settled)
		for _, name := range w.names { // and are linked
			if n := len(w.sim.Node(name).Nodes()); n != 4 {
				<-time.After(time.Second)
				if n = len(w.sim.Node(name).Nodes()); n != 4 {
					t.Fatalf("%s has links to %d nodes", name, n)
				}
			}
		}
	})
}

func TestKillAndSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5)
		w.awaitAll(settled)
		start, killed := time.Now(), make(chan struct{})
		go func() { // others see it while it is still being taken apart
			defer close(killed)
			w.sim.Kill("n05@sim")
		}()
		if d := w.await(w.c["n01@sim"], time.Second, "n05 suspect", is("n05@sim", cluster.Up, cluster.Suspect)); d > 100*time.Millisecond {
			t.Errorf("a kill was seen after %v", d)
		}
		w.await(w.c["n01@sim"], 10*time.Second, "n05 unreachable", is("n05@sim", cluster.Up, cluster.Unreachable))
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("a killed node was given up after %v", d)
		} else {
			t.Logf("a killed node was given up after %v", d)
		}
		<-killed
		w.sim.Isolate("n04@sim")
		if d := w.await(w.c["n01@sim"], 10*time.Second, "n04 unreachable", is("n04@sim", cluster.Up, cluster.Unreachable)); d > 3*time.Second {
			t.Errorf("a silent node was given up after %v", d)
		} else {
			t.Logf("a silent node was given up after %v", d)
		}
	})
}

func TestRestartInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		w.awaitAll(settled)
		old := w.c["n04@sim"].Self()
		w.sim.Kill("n04@sim")
		w.sim.Restart("n04@sim")
		start := time.Now()
		now := w.start("n04@sim").Self()
		if d := time.Since(start); d > 500*time.Millisecond {
			t.Errorf("a restart in place was let in after %v", d)
		}
		if now.Incarnation <= old.Incarnation || now.Instance == old.Instance {
			t.Fatalf("%v after %v", now, old)
		}
		w.await(w.c["n01@sim"], settled, "the successor", func(all []cluster.Member) bool {
			return usable(w.names...)(all) && all[3].Instance == now.Instance
		})
	})
}

func TestNameInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.awaitAll(settled)
		// A second node of that name, elsewhere: another registry of names would not have noticed.
		other := banyantest.Node(t, banyantest.Called("n03@sim"), banyantest.NoLeakCheck())
		cfg := w.config("elsewhere")
		cfg.NoLinks = true
		if _, err := cluster.Start(t.Context(), other, cfg); !errors.Is(err, cluster.ErrNameInUse) || !strings.Contains(err.Error(), "n03@sim") {
			t.Fatalf("a second n03 got %v", err)
		}
		<-time.After(5 * time.Second)
		if m, _ := w.c["n01@sim"].Member("n03@sim"); !m.Usable() || m.Instance != w.c["n03@sim"].Self().Instance {
			t.Fatalf("the first one suffered: %v", m)
		}
	})
}

func TestSilentPredecessorIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		w.awaitAll(settled)
		w.sim.Start("elsewhere@sim")
		w.sim.Isolate("n04@sim")
		other := banyantest.Node(t, banyantest.Called("n04@sim"), banyantest.NoLeakCheck())
		cfg := w.config("elsewhere@sim")
		cfg.NoLinks = true
		start := time.Now()
		c, err := cluster.Start(t.Context(), other, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d < time.Second || d > 15*time.Second {
			t.Errorf("it took the name after %v", d)
		}
		w.sim.HealAll()
		<-w.c["n04@sim"].Done()
		if err := w.c["n04@sim"].Err(); !errors.Is(err, cluster.ErrReplaced) {
			t.Fatal(err)
		}
		if m, _ := w.c["n01@sim"].Member("n04@sim"); m.Instance != c.Self().Instance || m.State != cluster.Up {
			t.Fatal(m)
		}
	})
}

func TestOtherClusterAndSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.awaitAll(settled)
		for _, test := range []struct {
			change func(*cluster.Config)
			want   error
			text   []string
		}{
			{func(c *cluster.Config) { c.Cluster = "bank" }, cluster.ErrOtherCluster, []string{"shop", "bank", "n0"}},
			{func(c *cluster.Config) { c.Secret = "a guess" }, cluster.ErrSecret, []string{"shop", "n0"}},
		} {
			stranger := banyantest.Node(t, banyantest.Called("x@sim"), banyantest.NoLeakCheck())
			cfg := w.config("elsewhere")
			cfg.NoLinks = true
			test.change(&cfg)
			_, err := cluster.Start(t.Context(), stranger, cfg)
			var refused *cluster.RefusedError
			if !errors.Is(err, test.want) || !errors.As(err, &refused) {
				t.Fatalf("a stranger got %v", err)
			}
			for _, s := range test.text {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not name %s", err, s)
				}
			}
			if err := stranger.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Minute)
		if n := len(list(w.c["n01@sim"])); n != 3 {
			t.Fatalf("%d members:\n%s", n, describe(w.c["n01@sim"]))
		}
	})
}

// Two clusters that learn of each other's addresses stay two.
func TestClustersDoNotMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := banyantest.Cluster(t, banyantest.Nodes(nodeNames(4)...))
		w := &world{t: t, sim: sim, c: map[string]*cluster.Cluster{}}
		for i, name := range nodeNames(4) {
			cfg := w.config(name)
			if i%2 == 1 {
				cfg.Cluster = "bank"
			}
			cfg.JoinTime = time.Second / 2
			cfg.Discovery = []cluster.Discovery{later{time.Second, static{w.addr("n01@sim"), w.addr("n02@sim"), w.addr("n03@sim"), w.addr("n04@sim")}}}
			c, err := cluster.Start(t.Context(), sim.Node(name), cfg)
			if err != nil {
				t.Fatal(err)
			}
			w.c[name] = c
		}
		<-time.After(time.Minute)
		for i, name := range nodeNames(4) {
			want := []string{"n01@sim", "n03@sim"}
			if i%2 == 1 {
				want = []string{"n02@sim", "n04@sim"}
			}
			if all := list(w.c[name]); len(all) != 2 || !usable(want...)(all) {
				t.Errorf("%s sees\n%s", name, describe(w.c[name]))
			}
		}
	})
}

// later finds after a while.
type later struct {
	after time.Duration
	static
}

func (l later) Discover(ctx context.Context, found func([]string)) error {
	select {
	case <-time.After(l.after):
		found(l.static)
	case <-ctx.Done():
	}
	return nil
}

func TestSplitHeals(t *testing.T) {
	for _, split := range []time.Duration{5 * time.Second, time.Minute, 10 * time.Minute} {
		t.Run(split.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 6)
				w.awaitAll(settled)
				for _, a := range w.names[:3] {
					for _, b := range w.names[3:] {
						w.sim.Partition(a, b)
					}
				}
				<-time.After(split)
				for _, name := range w.names[:3] {
					if split >= time.Minute && !usable(w.names[:3]...)(list(w.c[name])) {
						t.Fatalf("%s sees\n%s", name, describe(w.c[name]))
					}
				}
				w.sim.HealAll()
				if d := w.awaitAll(30 * time.Second); d > 30*time.Second {
					t.Errorf("healed after %v", d)
				} else {
					t.Logf("healed after %v", d)
				}
			})
		})
	}
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.awaitAll(settled)
		var order []string
		c := w.c["n03@sim"]
		for _, what := range []string{"second", "first"} {
			c.OnDrain(func(ctx context.Context) error {
				w.await(w.c["n01@sim"], settled, "n03 draining", is("n03@sim", cluster.Draining, cluster.Reachable))
				order = append(order, what)
				return nil
			})
		}
		if err := c.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(order) != "[first second]" {
			t.Error(order)
		}
		<-c.Done()
		if err := c.Err(); !errors.Is(err, cluster.ErrLeft) {
			t.Error(err)
		}
		w.await(w.c["n01@sim"], settled, "n03 left", func(all []cluster.Member) bool { return all[2].State == cluster.Left })
		if err := c.Drain(t.Context()); !errors.Is(err, cluster.ErrLeft) {
			t.Errorf("a second drain gave %v", err)
		}
		// It may come back in a new life.
		w.start("n03@sim")
		w.awaitAll(settled)
	})
}

func TestMonitorAndLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		p := banyantest.NewProbe(t, w.sim.Node("n01@sim"))
		p.Do(func(self *banyan.Self) { w.c["n01@sim"].Monitor(self) })
		if e := banyantest.ExpectNext[cluster.Event](p, time.Second); e.Kind != cluster.Snapshot || len(e.Members) == 0 {
			t.Fatal(e)
		}
		w.sim.Kill("n03@sim")
		banyantest.Expect(p, 5*time.Second, func(e cluster.Event) bool {
			return e.Kind == cluster.ReachChanged && e.Member.Name == "n03@sim" && e.Member.Reach == cluster.Suspect
		})
		<-time.After(5 * time.Second)
		m, _ := w.c["n01@sim"].Member("n02@sim")
		if m.Load.At.IsZero() || m.Load.Processes == 0 || m.Load.Processors == 0 || time.Since(m.Load.At) > 12*time.Second {
			t.Fatalf("n01 knows of n02's load: %+v", m.Load)
		}
	})
}

func TestLossyNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5)
		w.awaitAll(settled)
		for i, a := range w.names {
			for _, b := range w.names[i+1:] {
				w.sim.Loss(a, b, 0.1)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		for e := range w.c["n01@sim"].Events(ctx) {
			if e.Kind == cluster.ReachChanged && e.Member.Reach == cluster.Unreachable {
				t.Errorf("%s was given up because a tenth of the packets was lost", e.Member.Name)
			}
		}
	})
}
