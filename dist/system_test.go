// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// showy shows what cannot travel.
type showy struct{}

func (*showy) Inspect() any { return banyan.Shutdown }

// An Erlang node treats our servers by module sys and by gen_server:stop as it does its own.
func TestErlangSystemMessages(t *testing.T) {
	port := freePort(t)
	n, _ := startNode(t, "gos@127.0.0.1", Config{Cookie: "monster", Visible: true, Names: &EPMD{Port: port, Retry: 50 * time.Millisecond}})
	e := startErlang(t, "ers", port, "monster")
	for _, name := range []banyan.Atom{"shop", "sold", "closing"} {
		if _, err := banyan.Spawn(n, newShop, banyan.Name(name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := banyan.SpawnState(n, &switchboard{told: []any{"x"}}, banyan.Name("board")); err != nil {
		t.Fatal(err)
	}
	if _, err := banyan.SpawnState(n, &showy{}, banyan.Name("showy")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ expr, want string }{
		{"sys:get_state({shop, 'gos@127.0.0.1'})", "#{left => 10}"},
		{"put(shop, {shop, 'gos@127.0.0.1'})", "undefined"},
		{"sys:get_state({board, 'gos@127.0.0.1'})", "#{told => [<<\"x\">>]}"},
		{"binary:part(sys:get_state({showy, 'gos@127.0.0.1'}), 0, 25)", `<<"the state cannot be shown">>`},
		{"sys:get_state({nobody, 'gos@127.0.0.1'})", "{exit,{noproc,{sys,get_state,[{nobody,'gos@127.0.0.1'}]}}}"},
		// In order with what the same process sent before.
		{"gen_server:cast({board, 'gos@127.0.0.1'}, {any, thing}), #{told := L} = sys:get_state({board, 'gos@127.0.0.1'}), length(L)", "2"},
		{"{status, P, {module, M}, [D, S, Parent, Debug, Misc]} = sys:get_status(get(shop)), {node(P), M, D, S, Parent =:= P, Debug, length(Misc)}",
			"{'gos@127.0.0.1','dist.shop',[],running,true,[],3}"},
		{"{status, _, _, [_, _, _, _, Misc]} = sys:get_status(get(shop)), proplists:get_value(header, Misc)", `"Status for Banyan server shop"`},
		{"{status, _, _, [_, _, _, _, Misc]} = sys:get_status(get(shop)), [proplists:get_value(K, D) || {data, D} <- Misc, {K, _} <- D, K =/= \"Parent\"]",
			`[running,[],<<"*dist.shop">>,#{left => 10}]`},
		{"sys:suspend(get(shop))", "ok"},
		{"{status, _, _, [_, S, _, _, _]} = sys:get_status(get(shop)), S", "suspended"},
		{"put(call, gen_server:send_request(get(shop), {take, <<\"tea\">>, 3})), gen_server:wait_response(get(call), 50)", "timeout"},
		{"sys:get_state(get(shop))", "#{left => 10}"},
		{"sys:resume(get(shop))", "ok"},
		{"gen_server:receive_response(get(call), 5000)", "{reply,7}"},
		{"sys:get_state(get(shop))", "#{left => 7}"},
		{"sys:replace_state(get(shop), fun(S) -> S end)", `{error,{not_supported,<<"the state of a Banyan server is a Go value: it cannot be replaced from outside">>}}`},
		{"element(1, sys:change_code(get(shop), m, undefined, x))", "error"},
		{"{sys:statistics(get(shop), get), sys:log(get(shop), get), sys:no_debug(get(shop)), sys:trace(get(shop), false)}", "{{ok,no_statistics},{ok,[]},ok,ok}"},
		{"element(1, sys:trace(get(shop), true))", "error"},
		{"sys:remove(get(shop), fun(_, _, _) -> ok end)", "ok"},
		{"element(1, sys:install(get(shop), {fun(_, _, _) -> ok end, 1}))", "error"},
		{"{ok, {error, R}} = gen:call(get(shop), system, whatever), R", "{unknown_system_msg,whatever}"},
		{"M = monitor(process, {shop, 'gos@127.0.0.1'}), R = gen_server:stop(get(shop)), receive {'DOWN', M, _, _, Why} -> {R, Why} end", "{ok,normal}"},
		{"M = monitor(process, {sold, 'gos@127.0.0.1'}), R = gen_server:stop({sold, 'gos@127.0.0.1'}, {shutdown, sale}, 5000), receive {'DOWN', M, _, _, Why} -> {R, Why} end",
			"{ok,{shutdown,sale}}"},
		{"sys:suspend({closing, 'gos@127.0.0.1'}), M = monitor(process, {closing, 'gos@127.0.0.1'}), R = gen_server:stop({closing, 'gos@127.0.0.1'}), " +
			"receive {'DOWN', M, _, _, Why} -> {R, Why} end", "{ok,normal}"},
		{"gen_server:stop({sold, 'gos@127.0.0.1'}, normal, 5000)", "{exit,noproc}"},
	} {
		if got := e.eval(t, step.expr); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
	}
	// And we treat Erlang's so.
	if got := e.eval(t, "put(log, self()), {ok, A} = gen_event:start({local, reports}), is_pid(A)"); got != "true" {
		t.Fatal(got)
	}
	ctx := n.Context(t.Context())
	v, err := banyan.Call(ctx, banyan.At[banyan.Foreign]("net_kernel", e.name), banyan.Ask[any]{Term: etf.Tuple{etf.Atom("is_auth"), n.Name()}})
	if err != nil || v != etf.Atom("yes") {
		t.Error(v, err)
	}
	process(t, n, func(self *banyan.Self) error {
		banyan.SendName(self, "echo", e.name, etf.Tuple{self.PID(), etf.Atom("whereis")})
		m, err := receive[etf.Tuple](self)
		if err != nil {
			return err
		}
		echo := m[1].(banyan.PID) // a plain process: no answer, as in Erlang
		if _, err := banyan.Inspect(banyan.Within(self, 100*time.Millisecond), echo); !errors.Is(err, banyan.ErrTimeout) {
			return fmt.Errorf("inspect a plain process: %w", err)
		}
		return nil
	})
	pid := e.registered(t, n, "reports")
	if v, err := banyan.Inspect(ctx, pid); err != nil || !etf.Equal(v, etf.List{}) {
		t.Error(v, err)
	}
	if err := banyan.Suspend(ctx, pid); err != nil {
		t.Error(err)
	}
	if got := e.eval(t, "{status, _, _, [_, S | _]} = sys:get_status(reports), S"); got != "suspended" {
		t.Error(got)
	}
	if err := banyan.Resume(ctx, pid); err != nil {
		t.Error(err)
	}
	if got := e.eval(t, "gen_event:which_handlers(reports)"); got != "[]" {
		t.Error(got)
	}
}

// registered finds the pid of a process of the Erlang node.
func (e *erlang) registered(t *testing.T, n *banyan.Node, name banyan.Atom) (pid banyan.PID) {
	t.Helper()
	process(t, n, func(self *banyan.Self) error {
		if err := n.Register("asking", self.PID()); err != nil {
			return err
		}
		e.tell(t, fmt.Sprintf("{asking, '%s'} ! {pid, whereis(%s)}", n.Name(), name))
		m, err := receive[etf.Tuple](self)
		if err == nil {
			pid = m[1].(banyan.PID)
		}
		return err
	})
	e.answer(t)
	return pid
}

// The same between two Banyan nodes.
func TestSystemMessagesBetweenNodes(t *testing.T) {
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	ref, err := banyan.Spawn(nb, newShop)
	if err != nil {
		t.Fatal(err)
	}
	ctx := na.Context(t.Context())
	if v, err := banyan.Inspect(ctx, ref.PID()); err != nil || !etf.Equal(v, etf.Map{{Key: etf.Atom("left"), Value: 10}}) {
		t.Error(v, err)
	}
	if err := banyan.Suspend(ctx, ref.PID()); err != nil {
		t.Error(err)
	}
	shop, err := banyan.RefOf[*shop](na, ref.PID())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := banyan.Call(banyan.Within(ctx, 50*time.Millisecond), shop, takeTea{"tea", 1}); !errors.Is(err, banyan.ErrTimeout) {
		t.Error(err)
	}
	if err := banyan.Resume(ctx, ref.PID()); err != nil {
		t.Error(err)
	}
	if left, err := banyan.Call(ctx, shop, takeTea{"tea", 1}); err != nil || left > 9 {
		t.Error(left, err)
	}
	gone := ref.PID()
	gone.Serial++
	if v, err := banyan.Inspect(banyan.Within(ctx, time.Second), gone); !errors.Is(err, banyan.ErrNoProcess) {
		t.Error(v, err)
	}
}
