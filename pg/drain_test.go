// SPDX-License-Identifier: Apache-2.0

package pg_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/pg"
)

// The processes of a node that drains are in no group, as both nodes see it; what joins, leaves and dies meanwhile is taken into account when the
// node is back in service.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		c.Connect()
		a, b := c.Node("a@sim"), c.Node("b@sim")
		actx, bctx := start(t, a, pg.Default), start(t, b, pg.Default)
		stays, dies, leaves, comes, other := spawn(t, a), spawn(t, a), spawn(t, a), spawn(t, a), spawn(t, b)
		group := pg.In[*worker](pg.Default, banyan.Atom("workers"))
		for _, err := range []error{group.Join(actx, stays, dies, leaves), group.Join(actx, stays), group.Join(bctx, other)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(when string, pids ...banyan.PID) {
			t.Helper()
			<-time.After(time.Second)
			for _, ctx := range []context.Context{actx, bctx} {
				got := members(t, ctx, pg.Default, banyan.Atom("workers"))
				if !slices.Equal(sorted(got), sorted(pids)) {
					t.Errorf("%s, %s sees %v, want %v", when, banyan.NodeOf(ctx).Name(), got, pids)
				}
			}
		}
		want("before", stays.PID(), stays.PID(), dies.PID(), leaves.PID(), other.PID())
		a.SetDraining(true)
		want("while it drains", other.PID())
		if err := group.Join(actx, comes); err != nil {
			t.Fatal(err)
		}
		if err := group.Leave(actx, leaves); err != nil {
			t.Fatal(err)
		}
		if err := banyan.SendExit(actx, dies.PID(), banyan.ErrKill); err != nil {
			t.Fatal(err)
		}
		want("still", other.PID())
		a.SetDraining(false)
		want("back in service", stays.PID(), stays.PID(), comes.PID(), other.PID())
	})
}
