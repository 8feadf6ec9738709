// SPDX-License-Identifier: Apache-2.0

package pg_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/pg"
)

const room = banyan.Atom("room")

func start(t *testing.T, n *banyan.Node, s pg.Scope) context.Context {
	t.Helper()
	if _, err := pg.Start(n, s); err != nil {
		t.Fatal(err)
	}
	return n.Context(t.Context())
}

func members(t *testing.T, ctx context.Context, s pg.Scope, group any) []banyan.PID {
	t.Helper()
	pids, err := s.Members(ctx, group)
	if err != nil {
		t.Fatal(err)
	}
	return pids
}

func TestJoinAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		ctx := start(t, n, pg.Default)
		a, b := banyantest.NewProbe(t, n), banyantest.NewProbe(t, n)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		if m := members(t, ctx, pg.Default, room); len(m) != 0 {
			t.Error(m)
		}
		must(pg.Default.Join(ctx, room, a.PID(), b.PID(), a.PID()))
		if m := members(t, ctx, pg.Default, room); len(m) != 3 {
			t.Error("a process is a member as often as it joined:", m)
		}
		must(pg.Default.Leave(ctx, room, a.PID()))
		if m, _ := pg.Default.LocalMembers(ctx, room); len(m) != 2 || !slices.Contains(m, a.PID()) {
			t.Error(m)
		}
		must(pg.Default.Leave(ctx, room, a.PID(), a.PID()))
		if err := pg.Default.Leave(ctx, room, a.PID()); !errors.Is(err, pg.ErrNotMember) {
			t.Error(err)
		}
		must(pg.Default.Join(ctx, etf.Tuple{room, 7}, b.PID()))
		if g, err := pg.Default.Groups(ctx); err != nil || len(g) != 2 {
			t.Error(g, err)
		}
		b.Exit(nil)
		synctest.Wait()
		if g, err := pg.Default.Groups(ctx); err != nil || len(g) != 0 {
			t.Error("a group is gone with its last member:", g, err)
		}
		must(pg.Default.Join(ctx, room, b.PID())) // dead already: it joins, and leaves at once
		synctest.Wait()
		if m := members(t, ctx, pg.Default, room); len(m) != 0 {
			t.Error(m)
		}
		must(pg.Default.Join(ctx, room))
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		ctx := n.Context(t.Context())
		p := banyantest.NewProbe(t, n)
		if err := pg.Default.Join(ctx, room, p.PID()); !errors.Is(err, pg.ErrNoScope) || !errors.Is(err, banyan.ErrNoProcess) {
			t.Error(err)
		}
		if _, err := pg.Default.Members(ctx, room); !errors.Is(err, pg.ErrNoScope) {
			t.Error(err)
		}
		if _, err := pg.Default.Members(t.Context(), room); !errors.Is(err, banyan.ErrNoNode) {
			t.Error(err)
		}
		start(t, n, pg.Default)
		if _, err := pg.Start(n, pg.Default); !errors.Is(err, banyan.ErrNameTaken) {
			t.Error(err)
		}
		far := banyan.PID{Node: "far@away", ID: 7, Creation: 7}
		if err := pg.Default.Join(ctx, room, far); !errors.Is(err, pg.ErrNotLocal) {
			t.Error(err)
		}
		if err := pg.Default.Join(ctx, make(chan int), p.PID()); err == nil {
			t.Error("a channel is no name")
		}
		if err := pg.Default.Join(ctx, make([]byte, 5000), p.PID()); !errors.Is(err, pg.ErrLimit) {
			t.Error(err)
		}
		banyan.Go(n, func(self *banyan.Self) error {
			small := pg.Config{Scope: "small", MaxMembers: 2}
			if _, err := small.Launch(self); err != nil {
				t.Error(err)
			}
			if err := pg.Scope("small").Join(self, room, p.PID(), p.PID(), p.PID()); !errors.Is(err, pg.ErrLimit) {
				t.Error(err)
			}
			return pg.Scope("small").Join(self, room, p.PID(), p.PID())
		})
		synctest.Wait()
		if m := members(t, ctx, "small", room); len(m) != 2 {
			t.Error(m)
		}
	})
}

// A scope that comes back begins anew; watchers and members of before are not in it.
func TestScopeRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		p := banyantest.NewProbe(t, n)
		pid, err := pg.Start(n, pg.Default)
		ctx := n.Context(t.Context())
		if err != nil || pg.Default.Join(ctx, room, p.PID()) != nil {
			t.Fatal(err)
		}
		if err := banyan.SendExit(ctx, pid, banyan.ErrKill); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if m, err := pg.Default.Members(ctx, room); !errors.Is(err, pg.ErrNoScope) {
			t.Error(m, err)
		}
		start(t, n, pg.Default)
		if m := members(t, ctx, pg.Default, room); len(m) != 0 {
			t.Error(m)
		}
	})
}

func TestMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		actx, bctx := start(t, c.Node("a@sim"), pg.Default), start(t, c.Node("b@sim"), pg.Default)
		w, one, far := banyantest.NewProbe(t, c.Node("a@sim")), banyantest.NewProbe(t, c.Node("a@sim")), banyantest.NewProbe(t, c.Node("b@sim"))
		if err := pg.Default.Join(actx, room, one.PID()); err != nil {
			t.Fatal(err)
		}
		var ref, all banyan.Reference
		w.Do(func(self *banyan.Self) {
			var now []banyan.PID
			var err error
			if ref, now, err = pg.Default.Monitor(self, room); err != nil || !slices.Equal(now, []banyan.PID{one.PID()}) {
				t.Error(now, err)
			}
			var groups []pg.GroupMembers
			if all, groups, err = pg.Default.MonitorAll(self); err != nil || len(groups) != 1 || groups[0].Group != any(room) {
				t.Error(groups, err)
			}
		})
		expect := func(ref banyan.Reference, joined bool, who banyan.PID) {
			t.Helper()
			banyantest.Expect(w, time.Second, func(e pg.Event) bool {
				return e.Monitor == ref && e.Joined == joined && slices.Equal(e.PIDs, []banyan.PID{who}) && e.Group == any(room)
			})
		}
		if err := pg.Default.Join(bctx, room, far.PID()); err != nil {
			t.Fatal(err)
		}
		c.Connect()
		expect(ref, true, far.PID())
		expect(all, true, far.PID())
		c.Kill("b@sim")
		expect(ref, false, far.PID())
		expect(all, false, far.PID())
		one.Exit(nil)
		expect(ref, false, one.PID())
		expect(all, false, one.PID())
		if had, err := pg.Default.Demonitor(actx, ref); !had || err != nil {
			t.Error(had, err)
		}
		if had, err := pg.Default.Demonitor(actx, ref); had || err != nil {
			t.Error(had, err)
		}
		if err := pg.Default.Join(actx, room, w.PID()); err != nil {
			t.Fatal(err)
		}
		expect(all, true, w.PID())
		banyantest.ExpectNo[pg.Event](w, time.Second)
	})
}

// What other nodes send, whatever it is, neither ends a scope nor makes it grow.
func TestHostilePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "evil@sim"))
		a := c.Node("a@sim")
		banyan.Go(a, func(self *banyan.Self) error {
			pg.Config{MaxMembers: 10, MaxName: 40}.Launch(self)
			_, err := self.Receive(self)
			return err
		})
		synctest.Wait()
		ctx := a.Context(t.Context())
		evil := banyantest.NewProbe(t, c.Node("evil@sim"), banyan.Name("pg"))
		ectx := c.Node("evil@sim").Context(t.Context())
		scope, _ := a.Whereis("pg")
		tell := func(m any) {
			t.Helper()
			if err := banyan.Send(ectx, scope, m); err != nil {
				t.Fatal(err)
			}
		}
		cast := func(m any) {
			t.Helper()
			ref, _ := banyan.RefOf[banyan.Foreign](c.Node("evil@sim"), scope)
			if err := banyan.Cast(ectx, ref, banyan.Tell{Term: m}); err != nil {
				t.Fatal(err)
			}
		}
		A := func(s string) etf.Atom { return etf.Atom(s) }
		me := evil.PID()
		mine := func(i int) banyan.PID { return banyan.PID{Node: me.Node, ID: uint32(1000 + i), Creation: me.Creation} }
		tell(etf.Tuple{A("join"), me, room, mine(1)}) // from a stranger
		tell(etf.Tuple{A("discover"), banyan.PID{Node: "nowhere@sim", ID: 1, Creation: 1}})
		tell(etf.Tuple{A("discover"), scope})
		for _, m := range []any{A("boo"), 1, etf.Tuple{}, etf.Tuple{A("discover")}, etf.Tuple{A("discover"), 1}, etf.Tuple{A("join"), me},
			etf.Tuple{A("join"), me, room, etf.List{1}}, etf.Tuple{A("leave"), me, me, room}, etf.Tuple{A("leave"), me, room, etf.List{}},
			etf.Tuple{A("leave"), me, mine(1), etf.List{room, room}}} {
			tell(m)
			cast(m)
		}
		cast(etf.Tuple{A("sync"), me, etf.List{etf.Tuple{room, 1}}})
		cast(etf.Tuple{A("sync"), me, etf.List{etf.Tuple{room}}})
		cast(etf.Tuple{A("sync"), me, 1})
		if m := members(t, ctx, pg.Default, room); len(m) != 0 {
			t.Error(m)
		}
		tell(etf.Tuple{A("discover"), me, A("future")})
		synctest.Wait()
		for i := range 100 {
			tell(etf.Tuple{A("join"), me, room, mine(i)})
			tell(etf.Tuple{A("join"), me, make([]byte, 100), mine(i)})
			tell(etf.Tuple{A("join"), me, room, etf.List{scope, banyan.PID{Node: "third@sim", ID: 3, Creation: 3}}}) // not its own
		}
		time.Sleep(time.Second) //lint:sleep virtual time, for what is on its way
		if m := members(t, ctx, pg.Default, room); len(m) != 10 {
			t.Errorf("%d members", len(m))
		}
		if g, _ := pg.Default.Groups(ctx); len(g) != 1 {
			t.Error(g)
		}
		// When it has left enough, it is asked for what was refused.
		for i := range 5 {
			tell(etf.Tuple{A("leave"), me, mine(i), etf.List{room}})
		}
		banyantest.Expect(evil, time.Second, func(m etf.Tuple) bool { return m[0] == any(A("discover")) }) // the first one
		banyantest.Expect(evil, time.Second, func(m etf.Tuple) bool { return m[0] == any(A("discover")) })
		banyantest.Expect(evil, time.Second, func(m etf.Tuple) bool { return m[0] == any(A("discover")) })
		cast(etf.Tuple{A("sync"), me, etf.List{etf.Tuple{A("other"), etf.List{mine(1)}}, etf.Tuple{A("other"), etf.List{mine(1)}}}})
		// A second scope of one node takes the place of the first.
		second := banyantest.NewProbe(t, c.Node("evil@sim")).PID()
		tell(etf.Tuple{A("discover"), second})
		tell(etf.Tuple{A("join"), second, room, mine(78)})
		time.Sleep(time.Second) //lint:sleep virtual time, for what is on its way
		if m := members(t, ctx, pg.Default, room); !slices.Equal(m, []banyan.PID{mine(78)}) {
			t.Error(m)
		}
		if now, _ := a.Whereis("pg"); now != scope {
			t.Error("the scope has ended")
		}
	})
}

// A link that is full holds up nobody; when there is room all is told.
func TestFullLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim", "c@sim"))
		ctx := map[string]context.Context{}
		for _, n := range []string{"a@sim", "b@sim", "c@sim"} {
			ctx[n] = start(t, c.Node(n), pg.Default)
		}
		c.Connect()
		p, sink := banyantest.NewProbe(t, c.Node("a@sim")), banyantest.NewProbe(t, c.Node("b@sim"))
		c.Partition("a@sim", "b@sim")
		nowait := banyan.NoWait(ctx["a@sim"])
		for banyan.Send(nowait, sink.PID(), make([]byte, 32<<10)) == nil {
		}
		for banyan.Send(nowait, sink.PID(), 1) == nil {
		}
		for i := range 200 {
			if err := pg.Default.Join(ctx["a@sim"], etf.Tuple{room, i % 3}, p.PID()); err != nil {
				t.Fatal(err)
			}
			if i%2 == 1 {
				if err := pg.Default.Leave(ctx["a@sim"], etf.Tuple{room, i % 3}, p.PID()); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(10 * time.Millisecond) //lint:sleep virtual time, for what is on its way
		if m := members(t, ctx["c@sim"], pg.Default, etf.Tuple{room, 0}); len(m) == 0 {
			t.Error("c hears nothing")
		}
		c.HealAll()
		time.Sleep(time.Minute) //lint:sleep virtual time, for what is on its way
		for i := range 3 {
			want := len(members(t, ctx["a@sim"], pg.Default, etf.Tuple{room, i}))
			if got := len(members(t, ctx["b@sim"], pg.Default, etf.Tuple{room, i})); got != want {
				t.Errorf("b sees %d, want %d", got, want)
			}
		}
	})
}
