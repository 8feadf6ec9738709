// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/cluster"
)

// spread is the least, the middle and the greatest of some times.
type spread []time.Duration

func (s spread) String() string {
	if len(s) == 0 {
		return "none"
	}
	slices.Sort(s)
	ms := func(d time.Duration) string { return fmt.Sprintf("%.3g s", d.Seconds()) }
	return fmt.Sprintf("least %s, middle %s, most %s (%d)", ms(s[0]), ms(s[len(s)/2]), ms(s[len(s)-1]), len(s))
}

// quietWorld is a world that does not log.
func quietWorld(t *testing.T, n int) *world {
	w := &world{t: t, names: nodeNames3(n), c: map[string]*cluster.Cluster{}}
	w.sim = banyantest.Cluster(t, banyantest.Nodes(w.names...), banyantest.NodeOptions(banyan.WithLogger(slog.New(slog.DiscardHandler))))
	for _, name := range w.names[:3] {
		w.seeds = append(w.seeds, w.addr(name))
	}
	return w
}

func nodeNames3(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("n%03d@sim", i+1))
	}
	return names
}

// startAll starts all at once, and does something with each when it has started.
func (w *world) startAll(then func(c *cluster.Cluster)) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, name := range w.names {
		wg.Go(func() {
			c, err := cluster.Start(w.t.Context(), w.sim.Node(name), w.config(name))
			if err != nil {
				w.t.Error(err)
				return
			}
			mu.Lock()
			w.c[name] = c
			mu.Unlock()
			then(c)
		})
	}
	wg.Wait()
}

// together starts all at once, and gives how long each took until it saw all.
func (w *world) together() (all spread) {
	var mu sync.Mutex
	start := time.Now()
	w.startAll(func(c *cluster.Cluster) {
		w.reaches(c, usable(w.names...))
		mu.Lock()
		defer mu.Unlock()
		all = append(all, time.Since(start))
	})
	return all
}

// reaches waits until a node sees what is wanted.
func (w *world) reaches(c *cluster.Cluster, ok func([]cluster.Member) bool) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	for range c.Events(ctx) {
		if ok(list(c)) {
			return
		}
	}
	w.t.Errorf("%s does not come to see it", c.Node().Name())
}

// each waits for all of some nodes at once.
func (w *world) each(names []string, ok func([]cluster.Member) bool) (all spread) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for _, name := range names {
		wg.Go(func() {
			w.reaches(w.c[name], ok)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, time.Since(start))
		})
	}
	wg.Wait()
	return all
}
