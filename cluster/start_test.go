// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/cluster"
)

// board is a Discovery on which nodes leave their addresses, and look every 100 ms.
type board struct {
	mu    sync.Mutex
	addrs []string
}

func (b *board) Discover(ctx context.Context, found func([]string)) error {
	for ctx.Err() == nil {
		b.mu.Lock()
		list := slices.Clone(b.addrs)
		b.mu.Unlock()
		found(list)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return nil
}

func (b *board) Announce(_ context.Context, addr string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addrs = append(b.addrs, addr)
	return nil
}

// Nodes that are started at the same moment, when there is nobody yet to be found, are together within a second: neither does one wait
// for its JoinTime because the others were faster, nor the others for their next look.
func TestStartedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := nodeNames(5)
		w := &world{t: t, names: names, c: map[string]*cluster.Cluster{}, sim: banyantest.Cluster(t, banyantest.Nodes(names...))}
		b, began := &board{}, time.Now()
		var wg sync.WaitGroup
		var mu sync.Mutex
		for _, name := range names {
			wg.Go(func() {
				cfg := w.config(name)
				cfg.Discovery = []cluster.Discovery{b}
				c, err := cluster.Start(t.Context(), w.sim.Node(name), cfg)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				w.c[name] = c
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		w.awaitAll(settled)
		if d := time.Since(began); d > time.Second {
			t.Errorf("they were together after %v", d)
		}
	})
}

// A node that was given up is started anew, and links those who have not heard of it yet: they do not break the link because they hold it
// for dead, again and again.
func TestLinkOfTheReturnedHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 12)
		w.awaitAll(settled)
		w.sim.Kill("n01@sim")
		downs := make(chan banyan.Atom, 1000)
		others := w.names[3:] // the first three are seeds, and hear at once that n01 is back
		for _, name := range others {
			w.await(w.c[name], settled, "n01 unreachable", is("n01@sim", cluster.Up, cluster.Unreachable))
			ready := make(chan struct{})
			_, err := banyan.Go(w.sim.Node(name), func(self *banyan.Self) error {
				self.MonitorNodes(true)
				close(ready)
				for {
					m, err := banyan.ReceiveOf[banyan.NodeDown](self, self)
					if err != nil {
						return err
					}
					downs <- m.Node
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			<-ready
		}
		w.sim.Restart("n01@sim")
		w.start("n01@sim")
		for _, name := range others {
			w.await(w.c[name], settled, "n01 back", is("n01@sim", cluster.Up, cluster.Reachable))
		}
		<-time.After(5 * time.Second)
		if n := len(downs); n > 0 {
			t.Errorf("links were lost %d times", n)
		}
		for _, name := range others {
			if !slices.Contains(w.sim.Node(name).Nodes(), "n01@sim") {
				t.Errorf("%s has no link", name)
			}
		}
	})
}

// announcing is a discovery that cannot make addresses known at first.
type announcing struct {
	static
	failures int
	told     chan string
}

func (a *announcing) Announce(ctx context.Context, addr string) error {
	if a.failures--; a.failures >= 0 {
		return errors.New("not now")
	}
	a.told <- addr
	<-ctx.Done()
	return nil
}

func TestAnnouncingIsTriedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &announcing{failures: 2, told: make(chan string, 1)}
		sim := banyantest.Cluster(t, banyantest.Nodes("n01@sim"))
		w := &world{t: t, sim: sim, c: map[string]*cluster.Cluster{}, change: func(c *cluster.Config) { c.Discovery = []cluster.Discovery{a} }}
		w.start("n01@sim")
		select {
		case addr := <-a.told:
			if addr != w.addr("n01@sim") {
				t.Error(addr)
			}
		case <-time.After(time.Minute):
			t.Error("given up after it failed")
		}
	})
}
