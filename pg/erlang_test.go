// SPDX-License-Identifier: Apache-2.0

package pg_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/pg"
)

// goNode starts a Banyan node for Erlang nodes, with the scopes pg and extra.
func goNode(t *testing.T, alive string, port int, visible bool) (*banyan.Node, context.Context) {
	t.Helper()
	n, err := banyan.Start(alive+"@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{Cookie: "monster", Visible: visible,
		Names: &dist.EPMD{Port: port, Retry: 50 * time.Millisecond}})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	start(t, n, "extra")
	return n, start(t, n, pg.Default)
}

// until waits, on a real clock, until cond holds.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if cond() {
			return
		}
		<-tick.C
	}
	t.Fatal("never: " + what)
}

// Two Erlang nodes and two of ours, over visible and over hidden links: all see the same members.
func TestErlang(t *testing.T) {
	for _, visible := range []bool{true, false} {
		t.Run(fmt.Sprintf("visible=%v", visible), func(t *testing.T) { erlang(t, visible) })
	}
}

func erlang(t *testing.T, visible bool) {
	port := erltest.FreePort(t)
	e1 := erltest.Start(t, "pge1", port, "monster")
	e2 := erltest.Start(t, "pge2", port, "monster")
	ga, actx := goNode(t, "pga", port, visible)
	gb, bctx := goNode(t, "pgb", port, visible)
	eval := func(e *erltest.Node, expr, want string) {
		t.Helper()
		if got := e.Eval(t, expr); got != want {
			t.Fatalf("%s: %s\n got %s\nwant %s", e.Name, expr, got, want)
		}
	}
	for _, e := range []*erltest.Node{e1, e2} {
		eval(e, "{ok, P} = pg:start(pg), {ok, Q} = pg:start(extra), register(m, spawn(fun F() -> receive _ -> F() end end)), is_pid(P) and is_pid(Q)", "true")
		eval(e, "pg:join(pg, {room, 1}, [whereis(m), whereis(m)])", "ok")
		eval(e, "pg:join(extra, <<\"x\">>, whereis(m))", "ok")
	}
	room1 := etf.Tuple{etf.Atom("room"), 1}
	pa, pb := banyantest.NewProbe(t, ga), banyantest.NewProbe(t, gb)
	for ctx, p := range map[context.Context]*banyantest.Probe{actx: pa, bctx: pb} {
		if err := pg.Default.Join(ctx, room1, p.PID(), p.PID()); err != nil {
			t.Fatal(err)
		}
		if err := pg.Scope("extra").Join(ctx, "x", p.PID()); err != nil {
			t.Fatal(err)
		}
	}
	eval(e1, fmt.Sprintf("net_kernel:connect_node('%s')", e2.Name), "true")
	for _, n := range []*banyan.Node{ga, gb} {
		for _, e := range []*erltest.Node{e1, e2} {
			if err := n.Connect(t.Context(), banyan.Atom(e.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := ga.Connect(t.Context(), gb.Name()); err != nil {
		t.Fatal(err)
	}
	counts := func(s pg.Scope, group any, want int) {
		t.Helper()
		for name, ctx := range map[string]context.Context{"a": actx, "b": bctx} {
			until(t, fmt.Sprintf("%s sees %d in %v of %s", name, want, group, s), func() bool { return len(members(t, ctx, s, group)) == want })
		}
		for _, e := range []*erltest.Node{e1, e2} {
			if e != nil {
				e.Until(t, fmt.Sprintf("length(pg:get_members(%s, %s))", s, etf.Format(mustTerm(group))), fmt.Sprint(want))
			}
		}
	}
	counts(pg.Default, room1, 8)
	counts("extra", "x", 4)
	eval(e1, "length(pg:get_local_members({room, 1}))", "2")
	// Joins and leaves while connected, of one and of several.
	eval(e1, "pg:join(#{k => [1.5]}, whereis(m))", "ok")
	group := etf.Map{{Key: etf.Atom("k"), Value: etf.List{1.5}}}
	counts(pg.Default, group, 1)
	if err := pg.Default.Join(bctx, group, pb.PID(), pb.PID(), pb.PID()); err != nil {
		t.Fatal(err)
	}
	counts(pg.Default, group, 4)
	if err := pg.Default.Leave(bctx, group, pb.PID(), pb.PID()); err != nil {
		t.Fatal(err)
	}
	eval(e1, "pg:leave(#{k => [1.5]}, [whereis(m)])", "ok")
	counts(pg.Default, group, 1)
	// Messages reach members both ways.
	eval(e1, fmt.Sprintf("[P ! {hello, 1} || P <- pg:get_members({room, 1}), node(P) =:= '%s'], ok", ga.Name()), "ok")
	banyantest.Expect(pa, 5*time.Second, func(m etf.Tuple) bool { return etf.Equal(m, etf.Tuple{etf.Atom("hello"), 1}) })
	// A monitor of pg sees our processes leave when they die.
	eval(e2, "{R, _} = pg:monitor({room, 1}), put(r, R), ok", "ok")
	pa.Exit(nil)
	eval(e2, "receive {_, leave, {room, 1}, Ps} -> node(hd(Ps)) after 5000 -> late end", fmt.Sprintf("'%s'", ga.Name()))
	counts(pg.Default, room1, 6)
	// A member of Erlang's dies; a whole node does, by kill -9.
	eval(e2, "exit(whereis(m), kill)", "true")
	counts(pg.Default, room1, 4)
	crashed := func(e *erltest.Node) {
		t.Helper()
		if got := e.Eval(t, "is_pid(whereis(pg)) andalso is_pid(whereis(extra))"); got != "true" {
			t.Errorf("a scope on %s has crashed", e.Name)
		}
	}
	crashed(e1)
	e1.Kill(t)
	e1 = e2
	counts(pg.Default, room1, 2)
	crashed(e2)
	// A scope of theirs that is started anew is found, at once or (hidden) after a while; ours likewise.
	scope, _ := gb.Whereis("pg")
	if err := banyan.SendExit(bctx, scope, banyan.ErrKill); err != nil {
		t.Fatal(err)
	}
	e2.Until(t, "length(pg:get_members({room, 1}))", "0")
	until(t, "pg can start again", func() bool { _, err := pg.Start(gb, pg.Default); return err == nil })
	if err := pg.Default.Join(bctx, room1, pb.PID()); err != nil {
		t.Fatal(err)
	}
	counts(pg.Default, room1, 1)
	crashed(e2)
	e2.Eval(t, "exit(whereis(pg), kill)")
	e2.Until(t, "element(1, pg:start(pg))", "ok")
	if visible {
		counts(pg.Default, room1, 1)
	} else {
		tick := time.NewTimer(11 * time.Second)
		<-tick.C
		counts(pg.Default, room1, 1)
	}
}

func mustTerm(v any) any {
	t, err := etf.TermOf(v)
	if err != nil {
		panic(err)
	}
	return t
}

// The whole node of theirs is cut off and comes back, many times, while members come and go: its scope survives.
func TestErlangFlickers(t *testing.T) {
	port := erltest.FreePort(t)
	e := erltest.Start(t, "pgf", port, "monster")
	n, ctx := goNode(t, "pgg", port, true)
	e.Eval(t, "{ok, P} = pg:start(pg), put(p, P), register(m, spawn(fun F() -> receive _ -> F() end end)), pg:join(g, whereis(m))")
	p := banyantest.NewProbe(t, n)
	for i := range 30 {
		if err := n.Connect(t.Context(), banyan.Atom(e.Name)); err != nil {
			t.Fatal(err)
		}
		if err := pg.Default.Join(ctx, room, p.PID(), p.PID()); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			e.Eval(t, fmt.Sprintf("erlang:disconnect_node('%s')", n.Name()))
		} else {
			n.Disconnect(banyan.Atom(e.Name))
		}
		if err := pg.Default.Leave(ctx, room, p.PID(), p.PID()); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "their member is seen", func() bool {
		return n.Connect(t.Context(), banyan.Atom(e.Name)) == nil && len(members(t, ctx, pg.Default, banyan.Atom("g"))) == 1
	})
	e.Until(t, "length(pg:get_members(room))", "0")
	if got := e.Eval(t, "whereis(pg) =:= get(p)"); !strings.Contains(got, "true") {
		t.Error("the scope has crashed")
	}
}
