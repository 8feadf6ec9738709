// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

var registerShop = sync.OnceFunc(func() { banyan.RegisterSpawn("shop", newShop) })

// What gen_server, gen_statem and monitors of a real Erlang node do with servers of ours, after the remote parts of OTP's
// own test suites.
func TestErlangServers(t *testing.T) {
	port := freePort(t)
	n, _ := startNode(t, "goq@127.0.0.1", Config{Cookie: "monster", Visible: true, Names: &EPMD{Port: port, Retry: 50 * time.Millisecond}})
	e := startErlang(t, "erq", port, "monster")
	for _, name := range []banyan.Atom{"shop", "doomed"} {
		if _, err := banyan.Spawn(n, newShop, banyan.Name(name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := banyan.SpawnState(n, &switchboard{}, banyan.Name("board")); err != nil {
		t.Fatal(err)
	}
	registerShop()
	const shop, board = "{shop, 'goq@127.0.0.1'}", "{board, 'goq@127.0.0.1'}"
	for _, step := range []struct{ expr, want string }{
		{"net_adm:ping('goq@127.0.0.1')", "pong"},
		// Calls: the reply, an error that is the answer, what nobody takes, nobody there, too late.
		{"gen_server:call(" + shop + ", {take, <<\"tea\">>, 2})", "8"},
		{"{error, {'shop.out', T}} = gen_server:call(" + shop + ", {take, <<\"tea\">>, 100}), T", `<<"tea: out of stock">>`},
		{"gen_server:call(" + shop + ", nonsense)", "{error,'banyan.undelivered.not_understood'}"},
		{"gen_server:call({nobody, 'goq@127.0.0.1'}, x)", "{exit,{noproc,{gen_server,call,[{nobody,'goq@127.0.0.1'},x]}}}"},
		{"gen_server:call({x, 'nowhere@127.0.0.1'}, x)", "{exit,{{nodedown,'nowhere@127.0.0.1'},{gen_server,call,[{x,'nowhere@127.0.0.1'},x]}}}"},
		{"sys:suspend(" + shop + "), R = (catch gen_server:call(" + shop + ", {take, <<\"tea\">>, 1}, 50)), sys:resume(" + shop + "), element(1, element(2, R))", "timeout"},
		{"receive Late -> {late, Late} after 50 -> nothing end", "nothing"}, // the alias is gone
		{"gen_server:call(" + shop + ", {take, <<\"tea\">>, 1}, infinity)", "6"},
		// Casts, in order with calls.
		{"gen_server:cast(" + shop + ", {refill, 4}), gen_server:call(" + shop + ", {take, <<\"tea\">>, 1})", "9"},
		{"gen_server:cast({nobody, 'goq@127.0.0.1'}, x)", "ok"},
		{"gen_server:abcast(['goq@127.0.0.1', node()], board, {any, thing}), gen_server:call(" + board + ", told)", "1"},
		{"gen_server:abcast(board, another), gen_server:call(" + board + ", told)", "2"}, // to all visible nodes
		{"gen_server:cast(" + board + ", stray), " + board + " ! {not_a, request}, gen_server:call(" + board + ", told)", "3"},
		// Several nodes at once; those without the name are the bad ones.
		{"gen_server:multi_call(['goq@127.0.0.1', node()], board, hello, 5000)", "{[{'goq@127.0.0.1',hello}],['erq@127.0.0.1']}"},
		{"gen_server:multi_call(['goq@127.0.0.1'], nobody, hello, 5000)", "{[],['goq@127.0.0.1']}"},
		{"gen_server:multi_call(board, {a, request})", "{[{'goq@127.0.0.1',{a,request}}],['erq@127.0.0.1']}"},
		{"gen_server:multi_call(['goq@127.0.0.1'], board, later)", "{[{'goq@127.0.0.1',{ok,1}}],[]}"},
		// Requests that are sent and answered later, in any order.
		{"Rs = [gen_server:send_request(" + board + ", Q) || Q <- [later, one, two]], [gen_server:receive_response(R, 5000) || R <- lists:reverse(Rs)]", "[{reply,two},{reply,one},{reply,{ok,1}}]"},
		{"R = gen_server:send_request({nobody, 'goq@127.0.0.1'}, x), {error, {W, _}} = gen_server:receive_response(R, 5000), W", "noproc"},
		{"R = gen_server:send_request(" + board + ", {deep, [#{a => {1.5, <<1:3>>}}]}), gen_server:wait_response(R, 5000)", "{reply,{deep,[#{a => {1.5,<<1:3>>}}]}}"},
		{"C0 = gen_server:reqids_new(), C1 = gen_server:send_request(" + board + ", a, la, C0), C2 = gen_server:send_request(" + board + ", b, lb, C1), " +
			"{R1, L1, C3} = gen_server:receive_response(C2, 5000, true), {R2, L2, _} = gen_server:receive_response(C3, 5000, true), lists:sort([{R1, L1}, {R2, L2}])", "[{{reply,a},la},{{reply,b},lb}]"},
		// gen_statem and gen_event clients speak the same.
		{"gen_statem:call(" + board + ", {state, 1})", "{state,1}"},
		{"gen_statem:call(" + board + ", {state, 1}, {clean_timeout, 5000})", "{state,1}"},
		{"gen_statem:cast(" + board + ", event), gen_statem:call(" + board + ", told, {dirty_timeout, 5000})", "4"},
		{"R = gen_statem:send_request(" + board + ", x), gen_statem:receive_response(R, 5000)", "{reply,x}"},
		{"gen:call(" + board + ", '$gen_call', plain)", "{ok,plain}"},
		// A reply to a pid alone, as C nodes and old nodes ask.
		{"R = make_ref(), " + board + " ! {'$gen_call', {self(), R}, bare}, receive {R, V} -> V end", "bare"},
		{board + " ! {'$gen_call', {self(), {any, tag}}, bare}, receive {{any, tag}, V} -> V end", "bare"},
		// A crash in the call is the caller's exit, and a call that waits behind it ends too; by noproc, if the crash was faster
		// than that call.
		{"put(d, spawn('goq@127.0.0.1', banyan, shop, [])), R = gen_server:send_request(get(d), close), Q = gen_server:send_request(get(d), {take, <<\"tea\">>, 1}), " +
			"[begin {error, {W, _}} = gen_server:receive_response(X, 5000), case W of noproc when X =:= Q -> panic; _ -> element(1, W) end end || X <- [R, Q]]", "[panic,panic]"},
		// Monitors by name.
		{"M = monitor(process, {nobody, 'goq@127.0.0.1'}), receive {'DOWN', M, process, O, R} -> {O, R} end", "{{nobody,'goq@127.0.0.1'},noproc}"},
		{"M = monitor(process, {doomed, 'goq@127.0.0.1'}), demonitor(M, [flush, info])", "true"},
		{"M = monitor(process, {doomed, 'goq@127.0.0.1'}), catch gen_server:call({doomed, 'goq@127.0.0.1'}, {close}), receive {'DOWN', M, process, O, R} -> {O, R} after 0 -> alive end", "alive"},
		{"put(m, monitor(process, {doomed, 'goq@127.0.0.1'}, [{alias, demonitor}, {tag, fallen}])), {'EXIT', {{panic, Why, _}, _}} = (catch gen_server:call({doomed, 'goq@127.0.0.1'}, close)), Why", `<<"burnt down">>`},
		{"receive {fallen, M, process, O, {panic, W, _}} -> {M =:= get(m), O, W} end", `{true,{doomed,'goq@127.0.0.1'},<<"burnt down">>}`},
	} {
		if got := e.eval(t, step.expr); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
	}
	// The other way: a gen_server of Erlang, by its own module.
	ctx := n.Context(t.Context())
	if got := e.eval(t, "{ok, P} = gen_event:start({local, bus}), is_pid(P)"); got != "true" {
		t.Fatal(got)
	}
	v, err := banyan.Call(ctx, banyan.At[banyan.Foreign]("kernel_safe_sup", e.name), banyan.Ask[any]{Term: etf.Atom("count_children")})
	if l, ok := v.(etf.List); err != nil || !ok || len(l) != 4 {
		t.Error("supervisor:count_children:", v, err)
	}
	_, err = banyan.Call(banyan.Within(ctx, 5*time.Second), banyan.At[banyan.Foreign]("nobody", e.name), banyan.Ask[any]{Term: 1})
	if !errors.Is(err, banyan.ErrNoProcess) || !errors.Is(err, banyan.ErrNotDelivered) {
		t.Error(err)
	}
	process(t, n, func(self *banyan.Self) error {
		self.MonitorName("nobody", e.name)
		if d, err := receive[banyan.Down](self); err != nil || d.Name != "nobody" || d.Node != e.name || d.Reason != banyan.ErrNoProcess {
			return fmt.Errorf("%+v %w", d, err)
		}
		mon := self.MonitorName("bus", e.name)
		bus := etf.Atom("bus")
		if _, err := banyan.RunAt(self, e.name, "gen_event", "stop", []any{bus}); err != nil {
			return err
		}
		d, err := receive[banyan.Down](self)
		if err != nil || d.Monitor != mon || d.Name != "bus" || d.Reason != banyan.ErrNormal {
			return fmt.Errorf("%+v %w", d, err)
		}
		return nil
	})
}
