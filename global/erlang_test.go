// SPDX-License-Identifier: Apache-2.0

package global_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/global"
	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/rpc"
)

// mixed is a cluster of real Erlang nodes and of ours, which are all visible.
type mixed struct {
	t    *testing.T
	port int
	erl  []*erltest.Node
	nod  []*banyan.Node
	ctx  []context.Context
}

func newMixed(t *testing.T, erl, ours []string) *mixed {
	t.Helper()
	m := &mixed{t: t, port: erltest.FreePort(t)}
	for _, alive := range erl {
		e := erltest.Start(t, alive, m.port, "monster")
		e.Eval(t, "erlang:system_flag(backtrace_depth, 8)")
		m.erl = append(m.erl, e)
	}
	for _, alive := range ours {
		m.ours(alive)
	}
	return m
}

func (m *mixed) ours(alive string) *banyan.Node {
	m.t.Helper()
	n, err := banyan.Start(alive+"@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{Cookie: "monster", Visible: true,
		Names: &dist.EPMD{Port: m.port, Retry: 50 * time.Millisecond}})))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		if err := n.Stop(context.Background()); err != nil {
			m.t.Error(err)
		}
	})
	if _, err := global.Start(n); err != nil {
		m.t.Fatal(err)
	}
	m.nod = append(m.nod, n)
	m.ctx = append(m.ctx, n.Context(m.t.Context()))
	return n
}

func (m *mixed) eval(i int, expr, want string) {
	m.t.Helper()
	if got := m.erl[i].Eval(m.t, expr); got != want {
		m.t.Fatalf("%s: %s\n got %s\nwant %s", m.erl[i].Name, expr, got, want)
	}
}

func (m *mixed) connect(n int, to string) {
	m.t.Helper()
	if err := m.nod[n].Connect(m.t.Context(), atom(to)); err != nil {
		m.t.Fatal(err)
	}
}

// until waits, on a real clock.
func until(t *testing.T, what func() string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		if cond() {
			return
		}
		<-tick.C
	}
	t.Fatal("never: " + what())
}

// has waits until all nodes agree on who has a name: a node, or nobody.
func (m *mixed) has(name atom, node string) {
	m.t.Helper()
	for i, ctx := range m.ctx {
		until(m.t, func() string {
			pid, err := global.Whereis(ctx, name)
			return fmt.Sprint(m.nod[i].Name(), " has ", name, pid, err, " want ", node)
		}, func() bool {
			pid, err := global.Whereis(ctx, name)
			return node == "" && errors.Is(err, global.ErrNoName) || err == nil && string(pid.Node) == node
		})
	}
	for _, e := range m.erl {
		want := "undefined"
		if node != "" {
			want = "'" + node + "'"
		}
		e.Until(m.t, fmt.Sprintf("case global:whereis_name(%s) of undefined -> undefined; P -> node(P) end", name), want)
	}
}

// meshed waits until all nodes are linked and in step.
func (m *mixed) meshed() {
	m.t.Helper()
	all := len(m.erl) + len(m.nod) - 1
	for _, e := range m.erl {
		e.Until(m.t, "length(nodes())", fmt.Sprint(all))
	}
	for i, ctx := range m.ctx {
		until(m.t, func() string { k, _ := global.Known(ctx); return fmt.Sprint(m.nod[i].Name(), " knows ", k) }, func() bool {
			k, err := global.Known(ctx)
			return err == nil && len(k) == all && len(m.nod[i].VisibleNodes()) == all
		})
		if err := global.Sync(banyan.Within(ctx, 20*time.Second)); err != nil {
			m.t.Fatal(err)
		}
	}
	for i := range m.erl {
		m.eval(i, "global:sync()", "ok")
	}
}

func TestErlangNames(t *testing.T) {
	m := newMixed(t, []string{"ge1", "ge2"}, []string{"ga"})
	e1, e2, ga := m.erl[0], m.erl[1], m.nod[0]
	m.connect(0, e1.Name)
	m.eval(1, fmt.Sprintf("net_kernel:connect_node('%s')", ga.Name()), "true") // e1 and e2 find each other by us
	m.meshed()
	gz := m.ours("gz") // and one of ours joins by an Erlang node
	m.connect(1, e2.Name)
	m.meshed()

	// Names of each side are seen by all, and are gone when their process dies.
	p := banyantest.NewProbe(t, ga)
	m.eval(0, "yes = global:register_name(theirs, spawn(fun F() -> receive {P, M} -> P ! {got, M}, F() end end))", "yes")
	if err := global.Register(m.ctx[0], atom("ours"), p.PID()); err != nil {
		t.Fatal(err)
	}
	m.has("theirs", e1.Name)
	m.has("ours", string(ga.Name()))
	m.eval(1, "P = global:send(ours, {hello, 1}), node(P)", fmt.Sprintf("'%s'", ga.Name()))
	banyantest.Expect(p, 10*time.Second, func(m etf.Tuple) bool { return etf.Equal(m, etf.Tuple{atom("hello"), 1}) })
	if err := global.Send(p.Node().Context(t.Context()), atom("theirs"), etf.Tuple{p.PID(), 7}); err != nil {
		t.Error(err)
	}
	banyantest.Expect(p, 10*time.Second, func(m etf.Tuple) bool { return etf.Equal(m, etf.Tuple{atom("got"), 7}) })
	m.eval(1, "global:register_name(ours, self())", "no")
	if err := global.Register(m.ctx[1], atom("theirs"), p.PID()); !errors.Is(err, global.ErrTaken) {
		t.Error(err)
	}
	// A server of theirs by the ordinary destination type.
	m.eval(1, "global:re_register_name(srv, whereis(rex))", "yes")
	m.has("srv", e2.Name)
	v, err := banyan.Call(m.ctx[0], global.Name[banyan.Foreign](atom("srv")), banyan.Ask[any]{Term: etf.Tuple{atom("call"), atom("erlang"), atom("abs"), etf.List{-3}, p.PID()}})
	if err != nil || v != any(3) {
		t.Error(v, err)
	}
	m.eval(1, "global:unregister_name(srv)", "ok")
	m.has("srv", "")
	m.eval(0, "exit(global:whereis_name(theirs), kill)", "true")
	m.has("theirs", "")
	p.Exit(nil)
	m.has("ours", "")
	q := banyantest.NewProbe(t, gz)
	if err := global.Reregister(m.ctx[0], atom("moves"), q.PID()); err != nil {
		t.Error(err)
	}
	m.has("moves", string(gz.Name()))
	m.eval(0, "global:re_register_name(moves, self())", "yes")
	m.has("moves", e1.Name)
	if err := global.Unregister(m.ctx[1], atom("moves")); err != nil {
		t.Error(err)
	}
	m.has("moves", "")
	// The death of a node, by kill -9, takes its names along.
	m.eval(0, "global:register_name(fated, spawn(fun() -> receive _ -> ok end end))", "yes")
	m.has("fated", e1.Name)
	e1.Kill(t)
	m.erl = m.erl[1:]
	m.has("fated", "")
}

// Two clusters, each with an Erlang node and one of ours, have the same names and meet: one keeps each name, and all agree.
func TestErlangClash(t *testing.T) {
	m := newMixed(t, []string{"ce", "cz"}, []string{"ca", "cx"})
	e1, e2, ca, cx := m.erl[0], m.erl[1], m.nod[0], m.nod[1]
	server := rpc.New() // with package rpc the method of resolution is one of its functions
	if err := errors.Join(server.Register(rpc.Func4("global", "resolve_it", global.ResolveIt)), server.Start(ca)); err != nil {
		t.Fatal(err)
	}
	m.connect(0, e1.Name)
	m.connect(1, e2.Name)
	for i := range m.erl {
		m.erl[i].Until(t, "length(nodes())", "1")
	}
	for _, ctx := range m.ctx {
		if err := global.Sync(banyan.Within(ctx, 20*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	spawn := "spawn(fun() -> receive _ -> ok end end)"
	for i := range m.erl {
		m.eval(i, "global:sync()", "ok")
		m.eval(i, "register(clash, "+spawn+"), global:register_name(both_erl, whereis(clash))", "yes")
	}
	var probes []*banyantest.Probe
	for i, n := range m.nod {
		p := banyantest.NewProbe(t, n)
		probes = append(probes, p)
		for name, method := range map[string]global.Method{"both_go": global.RandomNotify, "both_exit": global.RandomExit} {
			q := p
			if name == "both_exit" {
				q = banyantest.NewProbe(t, n)
			}
			if err := global.Register(m.ctx[i], atom(name), q.PID(), method); err != nil {
				t.Fatal(err)
			}
		}
	}
	// One name with us on one side, and with Erlang on the other.
	m.eval(1, "register(mixed, "+spawn+"), global:register_name(mixed, whereis(mixed))", "yes")
	mine := banyantest.NewProbe(t, ca)
	if err := global.Register(m.ctx[0], atom("mixed"), mine.PID()); err != nil {
		t.Fatal(err)
	}
	m.eval(0, fmt.Sprintf("net_kernel:connect_node('%s')", e2.Name), "true")
	m.meshed()
	m.has("both_erl", e1.Name)
	m.has("both_go", string(ca.Name()))
	m.has("both_exit", string(ca.Name()))
	m.has("mixed", string(ca.Name()))
	banyantest.Expect(probes[1], 10*time.Second, func(m etf.Tuple) bool {
		return etf.Equal(m, etf.Tuple{atom("global_name_conflict"), atom("both_go")})
	})
	m.erl[1].Until(t, "whereis(clash)", "undefined") // killed
	m.erl[1].Until(t, "whereis(mixed)", "undefined")
	if _, alive := cx.Info(probes[1].PID()); !alive {
		t.Error("who was to be notified is dead")
	}
}

// Locks exclude each other across Erlang and Go.
func TestErlangLocks(t *testing.T) {
	m := newMixed(t, []string{"le"}, []string{"la", "lz"})
	m.connect(0, m.erl[0].Name)
	m.connect(1, m.erl[0].Name)
	m.meshed()
	id := global.ID{Resource: atom("res")}
	m.eval(0, "global:set_lock({res, self()})", "true")
	if _, err := global.SetLock(m.ctx[0], id, global.Retries(0)); !errors.Is(err, global.ErrLocked) {
		t.Error(err)
	}
	m.eval(0, "global:del_lock({res, self()})", "true")
	l, err := global.SetLock(m.ctx[1], id, global.Retries(0))
	if err != nil {
		t.Fatal(err)
	}
	m.eval(0, "global:set_lock({res, self()}, [node() | nodes()], 0)", "false")
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	m.eval(0, "global:trans({res, self()}, fun() -> inside end, [node() | nodes()], 0)", "inside")
	// Both sides count in transactions, reading and writing in two steps: nothing is lost.
	var counter atomic.Int64
	if _, err := banyan.SpawnState(m.nod[0], &cell{&counter}, banyan.Name("cell")); err != nil {
		t.Fatal(err)
	}
	m.erl[0].Tell(t, fmt.Sprintf(`C = {cell, '%s'}, [global:trans({res, self()}, fun() -> N = gen_server:call(C, get), gen_server:call(C, {put, N + 1}) end) || _ <- lists:seq(1, 10)], done`, m.nod[0].Name()))
	for range 10 {
		if err := global.Trans(m.ctx[1], id, func() error {
			to := banyan.At[banyan.Foreign]("cell", m.nod[0].Name())
			v, err := banyan.Call(m.ctx[1], to, banyan.Ask[int]{Term: atom("get")})
			if err != nil {
				return err
			}
			_, err = banyan.Call(m.ctx[1], to, banyan.Ask[any]{Term: etf.Tuple{atom("put"), v + 1}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.erl[0].Answer(t); got != "done" || counter.Load() != 20 {
		t.Error(got, counter.Load())
	}
}

type cell struct{ n *atomic.Int64 }

func (c *cell) TermCall(_ *banyan.Self, q any) (any, error) {
	if t, ok := q.(etf.Tuple); ok {
		c.n.Store(int64(t[1].(int)))
		return atom("ok"), nil
	}
	return int(c.n.Load()), nil
}

// A link that is cut between two of the nodes: afterwards nobody is in two clusters.
func TestErlangPartition(t *testing.T) {
	m := newMixed(t, []string{"pe1", "pe2"}, []string{"pa", "pz"})
	for i := range m.nod {
		for _, e := range m.erl {
			m.connect(i, e.Name)
		}
	}
	m.meshed()
	for _, cut := range []func(){
		func() { m.eval(0, fmt.Sprintf("erlang:disconnect_node('%s')", m.erl[1].Name), "true") },
		func() { m.eval(0, fmt.Sprintf("erlang:disconnect_node('%s')", m.nod[0].Name()), "true") },
		func() { m.nod[0].Disconnect(m.nod[1].Name()) },
		func() { m.nod[1].Disconnect(atom(m.erl[0].Name)) },
	} {
		cut()
		m.noOverlap()
		// And it can be healed.
		for range 20 {
			for i := range m.nod {
				for _, e := range m.erl {
					_ = m.nod[i].Connect(t.Context(), atom(e.Name)) // one link may yet cost another
				}
			}
			if m.whole() {
				break
			}
		}
		m.meshed()
	}
}

// views gives, by node, who is with it, itself included, sorted; as Erlang prints it.
func (m *mixed) views() map[string]string {
	v := map[string]string{}
	for _, e := range m.erl {
		v[e.Name] = e.Eval(m.t, "lists:sort([node() | nodes()])")
	}
	for _, n := range m.nod {
		all := append(n.VisibleNodes(), n.Name())
		slices.Sort(all)
		list := etf.List{}
		for _, a := range all {
			list = append(list, a)
		}
		v[string(n.Name())] = etf.Format(list)
	}
	return v
}

func (m *mixed) whole() bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 30 {
		first, same := "", true
		for _, v := range m.views() {
			if first == "" {
				first = v
			}
			same = same && v == first
		}
		if same {
			return true
		}
		<-tick.C
	}
	return false
}

// noOverlap waits until whoever is with another is with the same nodes as that, and it stays so.
func (m *mixed) noOverlap() {
	m.t.Helper()
	calm := 0
	until(m.t, func() string { return fmt.Sprint("no overlap in ", m.views()) }, func() bool {
		v := m.views()
		whole := true
		groups := map[string]bool{}
		for _, g := range v {
			groups[g] = true
			whole = whole && len(groups) == 1
		}
		ok := true
		for node, g := range v {
			for other, h := range v {
				if node != other && g != h && strings.Contains(g, "'"+other+"'") {
					ok = false
				}
			}
		}
		if calm++; !ok || whole { // whole: the cut is not seen everywhere yet
			calm = 0
		}
		return calm > 10
	})
}
