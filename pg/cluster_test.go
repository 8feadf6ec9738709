// SPDX-License-Identifier: Apache-2.0

package pg_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/pg"
	"github.com/banyan-go/banyan/supervisor"
)

type worker struct{ served int }

type work struct{}

func (work) Call(w *worker, self *banyan.Self) (banyan.PID, error) {
	w.served++
	return self.PID(), nil
}

type other struct{}

func init() { banyan.RegisterCall[work]("work") }

func spawn(t *testing.T, n *banyan.Node) banyan.Ref[*worker] {
	t.Helper()
	ref, err := banyan.SpawnState(n, &worker{})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		a, b := start(t, c.Node("a@sim"), pg.Default), start(t, c.Node("b@sim"), pg.Default)
		workers := pg.In[*worker](pg.Default, "workers")
		if _, err := banyan.Call(a, workers.Any(), work{}); !errors.Is(err, pg.ErrEmpty) || !errors.Is(err, banyan.ErrNoProcess) || !errors.Is(err, banyan.ErrNotDelivered) {
			t.Error(err)
		}
		far := spawn(t, c.Node("b@sim"))
		if err := workers.Join(b, far, far); err != nil {
			t.Fatal(err)
		}
		c.Connect()
		time.Sleep(time.Second) //lint:sleep virtual time, for what is on its way
		if who, err := banyan.Call(a, workers.Any(), work{}); err != nil || who != far.PID() {
			t.Error(who, err)
		}
		near := []banyan.Ref[*worker]{spawn(t, c.Node("a@sim")), spawn(t, c.Node("a@sim"))}
		if err := workers.Join(a, near...); err != nil {
			t.Fatal(err)
		}
		seen := map[banyan.PID]int{}
		for range 100 {
			who, err := banyan.Call(a, workers.Any(), work{})
			if err != nil {
				t.Fatal(err)
			}
			seen[who]++
		}
		if len(seen) != 2 || seen[far.PID()] != 0 {
			t.Error("local ones first, and all of them:", seen)
		}
		n := 0
		for r := range banyan.CallAll(a, workers, work{}) {
			if n++; r.Err != nil || r.Value != r.From {
				t.Error(r)
			}
		}
		if n != 3 {
			t.Error("each process once:", n)
		}
		if l, err := workers.Local().ResolveAll(a); err != nil || len(l) != 2 {
			t.Error(l, err)
		}
		if err := workers.Leave(a, near...); err != nil {
			t.Error(err)
		}
		if who, err := banyan.Call(a, workers.Any(), work{}); err != nil || who != far.PID() {
			t.Error(who, err)
		}
		wrong, _ := banyan.SpawnState(c.Node("a@sim"), &other{})
		if err := pg.Default.Join(a, "workers", wrong.PID()); err != nil {
			t.Fatal(err)
		}
		if _, err := banyan.Call(a, workers.Any(), work{}); !errors.Is(err, banyan.ErrNotUnderstood) {
			t.Error(err)
		}
		bad := pg.In[*worker](pg.Default, func() {})
		if err := bad.Join(a, far); err == nil {
			t.Error("a function is no name")
		}
	})
}

// Scopes are apart from each other.
func TestScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		one, two := start(t, c.Node("a@sim"), "one"), start(t, c.Node("b@sim"), "two")
		start(t, c.Node("b@sim"), "one")
		c.Connect()
		p := banyantest.NewProbe(t, c.Node("a@sim"))
		if err := pg.Scope("one").Join(one, room, p.PID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) //lint:sleep virtual time, for what is on its way
		if m := members(t, two, "two", room); len(m) != 0 {
			t.Error(m)
		}
		if m := members(t, two, "one", room); len(m) != 1 {
			t.Error(m)
		}
	})
}

// Nodes that join and leave groups at random, are cut off and killed: in the end all see the same, and no dead process.
func TestClusterConverges(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { converge(t, seed) })
		})
	}
}

func converge(t *testing.T, seed uint64) {
	names := []string{"a@sim", "b@sim", "c@sim", "d@sim"}
	c := banyantest.Cluster(t, banyantest.Nodes(names...), banyantest.Seed(seed), banyantest.TickTime(8*time.Second),
		banyantest.DistConfig(func(d *dist.Config) { d.Visible = seed%2 == 0 }))
	r := rand.New(rand.NewPCG(seed, 2))
	ctx := map[string]context.Context{}
	live := map[string][]banyan.PID{}
	for _, n := range names {
		ctx[n] = start(t, c.Node(n), pg.Default)
	}
	c.Connect()
	for range 150 {
		n, m := names[r.IntN(4)], names[r.IntN(4)]
		group := banyan.Atom(fmt.Sprint("g", r.IntN(3)))
		switch k := r.IntN(20); {
		case k < 8:
			pid, err := banyan.Go(c.Node(n), func(self *banyan.Self) error { _, err := self.Receive(self); return err })
			if err != nil || pg.Default.Join(ctx[n], group, pid, pid) != nil {
				t.Fatal(err)
			}
			live[n] = append(live[n], pid)
		case k < 11 && len(live[n]) > 0:
			if err := pg.Default.Leave(ctx[n], group, live[n][r.IntN(len(live[n]))]); err != nil && !errors.Is(err, pg.ErrNotMember) {
				t.Fatal(err)
			}
		case k < 14 && len(live[n]) > 0:
			i := r.IntN(len(live[n]))
			if err := banyan.SendExit(ctx[n], live[n][i], banyan.ErrKill); err != nil {
				t.Fatal(err)
			}
			live[n] = slices.Delete(live[n], i, i+1)
		case k < 15 && n != m:
			c.Partition(n, m)
		case k < 17 && n != m:
			c.Heal(n, m)
		case k < 18 && n != m:
			c.Reset(n, m)
		case k == 18 && r.IntN(3) == 0:
			c.Kill(n)
			ctx[n] = start(t, c.Restart(n), pg.Default)
			live[n] = nil
		default:
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond) //lint:sleep virtual time
		}
	}
	c.HealAll()
	time.Sleep(time.Minute) //lint:sleep virtual time, for ticks to end what is broken
	c.Connect()
	time.Sleep(time.Minute) //lint:sleep virtual time, for what is on its way
	alive := map[banyan.PID]bool{}
	for _, pids := range live {
		for _, p := range pids {
			alive[p] = true
		}
	}
	for i := range 3 {
		group := banyan.Atom(fmt.Sprint("g", i))
		want := sorted(members(t, ctx["a@sim"], pg.Default, group))
		for _, n := range names[1:] {
			if got := sorted(members(t, ctx[n], pg.Default, group)); !slices.Equal(got, want) {
				t.Errorf("%s sees %v, a %v", n, got, want)
			}
		}
		for _, p := range members(t, ctx["a@sim"], pg.Default, group) {
			if !alive[p] {
				t.Errorf("%v is dead", p)
			}
		}
	}
}

func sorted(pids []banyan.PID) (s []string) {
	for _, p := range pids {
		s = append(s, p.String())
	}
	slices.Sort(s)
	return s
}

// A scope is a child of a supervisor like any other.
func TestSupervised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		tree := supervisor.New("top", supervisor.OneForOne, supervisor.Spec{ID: "pg", Start: pg.Default.Launch})
		if _, err := tree.Start(n); err != nil {
			t.Fatal(err)
		}
		ctx := n.Context(t.Context())
		first, _ := n.Whereis("pg")
		if err := banyan.SendExit(ctx, first, banyan.ErrKill); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := pg.Default.Join(ctx, room, first); err != nil {
			t.Error(err)
		}
		if second, _ := n.Whereis("pg"); second == first || second.IsZero() {
			t.Error(second)
		}
	})
}
