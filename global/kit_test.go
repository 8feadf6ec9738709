// SPDX-License-Identifier: Apache-2.0

package global_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/global"
)

type atom = banyan.Atom

// sim is a cluster of visible nodes with global, in virtual time.
type sim struct {
	*banyantest.Sim
	t     *testing.T
	names []string
	ctx   map[string]context.Context
	cfg   global.Config
}

func newSim(t *testing.T, seed uint64, names ...string) *sim {
	t.Helper()
	return newSimOf(t, seed, global.Config{}, names...)
}

func newSimOf(t *testing.T, seed uint64, cfg global.Config, names ...string) *sim {
	t.Helper()
	c := banyantest.Cluster(t, banyantest.Nodes(names...), banyantest.Seed(seed), banyantest.TickTime(8*time.Second),
		banyantest.DistConfig(func(d *dist.Config) { d.Visible = true }))
	s := &sim{c, t, names, map[string]context.Context{}, cfg}
	for _, n := range names {
		s.launch(n)
	}
	return s
}

func (s *sim) launch(name string) {
	s.t.Helper()
	started := make(chan error, 1)
	if _, err := banyan.Go(s.Node(name), func(self *banyan.Self) error {
		_, err := s.cfg.Launch(self)
		started <- err
		<-self.Context().Done()
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.ctx[name] = s.Node(name).Context(s.t.Context())
}

// link connects two nodes.
func (s *sim) link(a, b string) {
	s.t.Helper()
	if err := s.Node(a).Connect(s.t.Context(), atom(b)); err != nil {
		s.t.Fatal(err)
	}
}

// pass lets virtual time go by.
func pass(d time.Duration) { <-time.After(d) }

// agree fails the test unless all nodes know each other, and have the same names.
func (s *sim) agree(names ...string) {
	s.t.Helper()
	if names == nil {
		names = s.names
	}
	var want []string
	for i, n := range names {
		known, err := global.Known(s.ctx[n])
		if err != nil {
			s.t.Fatal(err)
		}
		others := []atom{}
		for _, m := range names {
			if m != n {
				others = append(others, atom(m))
			}
		}
		slices.Sort(known)
		slices.Sort(others)
		if !slices.Equal(known, others) {
			s.t.Errorf("%s knows %v, want %v", n, known, others)
		}
		got := s.view(n)
		if i == 0 {
			want = got
		} else if !slices.Equal(got, want) {
			s.t.Errorf("%s has %v, %s %v", n, got, names[0], want)
		}
	}
}

// view is all names of a node with who has them.
func (s *sim) view(node string) (list []string) {
	s.t.Helper()
	names, err := global.Names(s.ctx[node])
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		if pid, err := global.Whereis(s.ctx[node], name); err == nil {
			list = append(list, fmt.Sprint(name, " ", pid))
		}
	}
	slices.Sort(list)
	return list
}
