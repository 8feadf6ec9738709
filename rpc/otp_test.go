// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/internal/erltest"
)

// withErlang starts a Banyan node and an Erlang node that reach each other.
func withErlang(t *testing.T, name string) (*banyan.Node, *erltest.Node) {
	port := erltest.FreePort(t)
	n, err := banyan.Start(name+"@127.0.0.1", banyan.WithLogger(slog.New(slog.DiscardHandler)), banyan.WithTransport(dist.New(dist.Config{Cookie: "monster", Visible: true,
		Names: &dist.EPMD{Port: port, Retry: 50 * time.Millisecond}})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	e := erltest.Start(t, "er"+name, port, "monster")
	if got := e.Eval(t, "net_adm:ping('"+name+"@127.0.0.1')"); got != "pong" {
		t.Fatal(got)
	}
	return n, e
}

type step struct{ expr, want string }

func evalAll(t *testing.T, e *erltest.Node, target string, steps []step) {
	t.Helper()
	for _, s := range steps {
		expr := strings.ReplaceAll(s.expr, "@G", "'"+target+"'")
		want := strings.ReplaceAll(s.want, "@G", "'"+target+"'")
		if got := e.Eval(t, expr); got != want {
			t.Errorf("%s\n got %s\nwant %s", expr, got, want)
		}
	}
}

// What erpc_SUITE and rpc_SUITE ask of a node, asked of ours by a real Erlang.
func TestErlangCallsUs(t *testing.T) {
	n, e := withErlang(t, "gorpc")
	start(t, n)
	evalAll(t, e, "gorpc@127.0.0.1", []step{
		// erpc:call, and each class of exception.
		{"erpc:call(@G, t, add, [1, 2])", "3"},
		{"erpc:call(@G, t, add, [1, 2], 5000)", "3"},
		{"erpc:call(@G, t, upper, [\"tea\"])", `<<"TEA">>`},
		{"erpc:call(@G, t, upper, [<<\"tea\">>])", `<<"TEA">>`},
		{"erpc:call(@G, t, buy, [{order, <<\"tea\">>, 2}, true])", `{order,<<"tea">>,4}`},
		{"erpc:call(@G, t, five, [1, <<>>, false, 2, #{<<\"k\">> => 1}])", "4"},
		{"erpc:call(@G, t, raw, [a, {b}])", "[a,{b}]"},
		{"erpc:call(@G, t, ok, [])", "ok"},
		{"erpc:call(@G, t, throw, [ball])", "{throw,ball}"},
		{"erpc:call(@G, t, exit, [{no, 1}])", "{exit,{exception,{no,1}}}"},
		{"erpc:call(@G, t, error, [badarith])", "{error,{exception,badarith,[{t,error,1,[]}]}}"},
		{"erpc:call(@G, t, goerror, [])", `{error,{exception,{go_error,<<"plain">>},[{t,goerror,0,[]}]}}`},
		{"erpc:call(@G, t, soldout, [])", "{error,{exception,'rpctest.sold_out',[{t,soldout,0,[]}]}}"},
		{"erpc:call(@G, t, nothing, [1, \"a\"])", "{error,{exception,undef,[{t,nothing,[1,\"a\"],[]}]}}"},
		{"erpc:call(@G, t, add, [1])", "{error,{exception,undef,[{t,add,[1],[]}]}}"},
		{"erpc:call(@G, t, add, [1, two])",
			`{error,{exception,badarg,[{t,add,[1,two],[{error_info,#{argument => 2,cause => <<"argument 2: want int, got two">>}}]}]}}`},
		{"try erpc:call(@G, t, panic, [<<\"oh\">>]) catch error:{exception, {panic, V, S}, [{M, F, A, L}]} -> {V, is_binary(S), M, F, A, proplists:get_value(file, L), proplists:get_value(line, L) > 0} end",
			`{<<"oh">>,true,t,panic,1,"kit_test.go",true}`},
		{"erpc:call(@G, t, die, [kill])", "{exit,{signal,killed}}"},
		{"erpc:call(@G, t, die, [why])", "{exit,{signal,why}}"},
		{"erpc:call(@G, t, sleep, [3000], 50)", "{error,{erpc,timeout}}"},
		{"erpc:call('nix@127.0.0.1', t, ok, [])", "{error,{erpc,noconnection}}"},
		{"erpc:call(@G, t, whoami, []) =:= self()", "true"},
		{"erpc:call(@G, t, leader, []) =:= group_leader()", "true"},
		{"byte_size(erpc:call(@G, t, echo, [binary:copy(<<\"x\">>, 10000000)]))", "10000000"},
		{"length(erpc:call(@G, t, echo, [lists:seq(1, 100000)]))", "100000"},
		// rpc:call of today goes by erpc, and has words of its own.
		{"rpc:call(@G, t, add, [1, 2])", "3"},
		{"rpc:call(@G, t, throw, [ball])", "ball"},
		{"rpc:call(@G, t, exit, [gone])", "{badrpc,{'EXIT',gone}}"},
		{"rpc:call(@G, t, error, [badarith])", "{badrpc,{'EXIT',{badarith,[{t,error,1,[]}]}}}"},
		{"rpc:call(@G, t, nothing, [1])", "{badrpc,{'EXIT',{undef,[{t,nothing,[1],[]}]}}}"},
		{"rpc:call(@G, t, add, [x, 1])",
			`{badrpc,{'EXIT',{badarg,[{t,add,[x,1],[{error_info,#{argument => 1,cause => <<"argument 1: want int, got x">>}}]}]}}}`},
		{"rpc:call(@G, t, sleep, [3000], 50)", "{badrpc,timeout}"},
		{"rpc:call('nix@127.0.0.1', t, ok, [])", "{badrpc,nodedown}"},
		{"rpc:call(@G, t, die, [kill])", "{badrpc,{'EXIT',killed}}"},
		// Several, later, without waiting.
		{"erpc:multicall([@G, 'nix@127.0.0.1', @G], t, add, [1, 2])", "[{ok,3},{error,{erpc,noconnection}},{ok,3}]"},
		{"erpc:multicall([@G], t, exit, [x])", "[{exit,{exception,x}}]"},
		{"rpc:multicall([@G, 'nix@127.0.0.1'], t, add, [1, 2])", "{[3],['nix@127.0.0.1']}"},
		{"R = erpc:send_request(@G, t, sleep, [50]), no_response = erpc:wait_response(R, 0), erpc:receive_response(R)", "ok"},
		{"R = erpc:send_request(@G, t, throw, [x]), erpc:receive_response(R)", "{throw,x}"},
		{"K = rpc:async_call(@G, t, add, [2, 3]), rpc:yield(K)", "5"},
		{"erpc:cast(@G, t, notify, [self(), one]), receive one -> got end", "got"},
		{"rpc:cast(@G, t, notify, [self(), two]), receive two -> got end", "got"},
		{"erpc:multicast([@G, @G], t, notify, [self(), three]), receive three -> receive three -> twice end end", "twice"},
		// rex.
		{"rpc:block_call(@G, t, add, [1, 2])", "3"},
		{"rpc:block_call(@G, t, exit, [x])", "{badrpc,{'EXIT',x}}"},
		{"rpc:block_call(@G, t, nothing, [])", "{badrpc,{'EXIT',{undef,[{t,nothing,[],[]}]}}}"},
		{"rpc:block_call(@G, t, sleep, [1000], 50)", "{badrpc,timeout}"},
		{"gen_server:call({rex, @G}, {call, t, add, [4, 5], group_leader()})", "9"},
		{"register(me, self()), {rex, @G} ! {self(), features_request}, receive {features_reply, N, F} -> {N, F} end", "{@G,[erpc]}"},
		{"rpc:sbcast([@G, 'nix@127.0.0.1'], rex, hello)", "{[@G],['nix@127.0.0.1']}"},
		{"rpc:sbcast([@G], nobody, hello)", "{[],[@G]}"},
		{"rpc:server_call(@G, rex, features_reply, features_request)", "[erpc]"},
		{"rpc:pmap({erlang, abs}, [], [-1])", "[1]"},
		{"rpc:eval_everywhere([@G], t, notify, [self(), four]), receive four -> got end", "got"},
		// What must not work.
		{"try erpc:call(@G, fun() -> 1 end) catch error:{exception, undef, [{erlang, apply, [_, []], []}]} -> no end", "no"},
		{"rpc:call(@G, os, cmd, [\"id\"])", `{badrpc,{'EXIT',{undef,[{os,cmd,["id"],[]}]}}}`},
		{"rpc:call(@G, erlang, halt, [])", `{badrpc,{'EXIT',{undef,[{erlang,halt,[],[]}]}}}`},
	})
}

func TestWeCallErlang(t *testing.T) {
	n, er := withErlang(t, "gocaller")
	ctx := n.Context(t.Context())
	node := banyan.Atom(er.Name)
	sum, err := Call[int](ctx, node, "lists", "sum", []int{1, 2, 3})
	got(t, 6, sum, err)
	s, err := Call[string](ctx, node, "string", "uppercase", "tea")
	got(t, "TEA", s, err)
	s, err = Call[string](ctx, node, "erlang", "integer_to_list", 42) // a list of code points
	got(t, "42", s, err)
	b, err := Call[bool](ctx, node, "erlang", "is_atom", a("x"))
	got(t, true, b, err)
	m, err := Call[map[string]int](ctx, node, "maps", "put", "b", 2, map[string]int{"a": 1})
	got(t, map[string]int{"a": 1, "b": 2}, m, err)
	o, err := Call[order](ctx, node, "erlang", "setelement", 3, order{"tea", 1}, 7)
	got(t, order{"tea", 7}, o, err)
	big := bytes.Repeat([]byte("b"), 20<<20)
	back, err := Call[[]byte](ctx, node, "binary", "copy", big)
	if err != nil || !bytes.Equal(big, back) {
		t.Error(len(back), err)
	}
	if _, err := Call[OK](ctx, node, "erlang", "halt_not"); err == nil {
		t.Error("no error")
	}
	for _, c := range []struct {
		m, f banyan.Atom
		args []any
		want string
		is   error
	}{
		{"erlang", "throw", []any{a("ball")}, "throw: ball", nil},
		{"erlang", "exit", []any{etf.Tuple{a("no"), 1}}, "exit: {no,1}", nil},
		{"erlang", "exit", []any{a("shutdown")}, "exit: shutdown", banyan.ErrShutdown},
		{"erlang", "error", []any{a("oops")}, "error: oops", nil},
		{"nomod", "nofun", []any{1}, "error: undef in nomod:nofun/1", nil},
		{"erlang", "+", []any{1, a("a")}, "error: badarith in erlang:'+'/2", nil},
		{"erlang", "exit", []any{a("kill")}, "exit: kill", nil},
	} {
		_, err := Call[any](ctx, node, c.m, c.f, c.args...)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), c.want) || e.Signal {
			t.Errorf("%s:%s%v: %v, want %s", c.m, c.f, c.args, err, c.want)
		}
		if c.is != nil && !errors.Is(err, c.is) {
			t.Error(err)
		}
		var undef *banyan.UndefinedError
		if errors.As(err, &undef) != (c.m == "nomod") {
			t.Error(err)
		}
	}
	if _, err := Call[any](banyan.Within(ctx, 50*time.Millisecond), node, "timer", "sleep", 3000); !errors.Is(err, banyan.ErrTimeout) {
		t.Error(err)
	}
	// Output of what runs there has nowhere to go: it fails, and does not hang.
	if _, err := Call[any](ctx, node, "io", "format", "hello~n"); err == nil {
		t.Error("io:format wrote somewhere")
	}
	er.Eval(t, "register(here, self())")
	if err := Cast(ctx, node, "erlang", "send", a("here"), a("hi")); err != nil {
		t.Error(err)
	}
	if got := er.Eval(t, "receive hi -> got end"); got != "got" {
		t.Error(got)
	}
	v, err := BlockCall[int](ctx, node, "erlang", "abs", -3)
	got(t, 3, v, err)
	var e *Error
	if _, err := BlockCall[int](ctx, node, "erlang", "exit", a("x")); !errors.As(err, &e) || e.Class != ClassExit || e.Reason != a("x") {
		t.Error(err)
	}
	outcomes := 0
	for o := range MultiCall[banyan.Atom](ctx, []banyan.Atom{node, "nix@127.0.0.1", node}, "erlang", "node") {
		outcomes++
		if (o.Node == node) != (o.Err == nil && o.Value == node) {
			t.Error(o)
		}
	}
	if outcomes != 3 {
		t.Error(outcomes)
	}
	// Killed in the call, and the node gone in the call. First the call that timed out above must be over there.
	sleepers := "length([P || P <- processes(), {current_function, {timer, sleep, 1}} <- [process_info(P, current_function)]])"
	er.Until(t, sleepers, "0")
	f := Async[any](ctx, node, "erlang", "apply", a("timer"), a("sleep"), etf.List{a("infinity")})
	er.Until(t, sleepers, "1")
	er.Eval(t, "[exit(P, kill) || P <- processes(), {current_function, {timer, sleep, 1}} <- [process_info(P, current_function)]]")
	if _, err := f.Await(ctx); !errors.As(err, &e) || !e.Signal || !errors.Is(err, banyan.ErrKilled) {
		t.Error(err)
	}
	f = Async[any](ctx, node, "timer", "sleep", a("infinity"))
	er.Until(t, sleepers, "1")
	er.Kill(t)
	if _, err := f.Await(ctx); !errors.Is(err, banyan.ErrNoConnection) {
		t.Error(err)
	}
}

// An Erlang caller whose call is running when our node goes.
func TestErlangHearsOfOurEnd(t *testing.T) {
	n, e := withErlang(t, "goending")
	start(t, n)
	e.Tell(t, "erpc:call('goending@127.0.0.1', t, sleep, [100000])")
	for deadline := time.Now().Add(20 * time.Second); ; {
		running := false
		n.Processes(func(i banyan.ProcessInfo) bool {
			running = running || i.Parent.Node == banyan.Atom(e.Name)
			return true
		})
		if running {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the call does not begin")
		}
		<-time.After(5 * time.Millisecond)
	}
	n.Disconnect(banyan.Atom(e.Name))
	if got := e.Answer(t); got != "{error,{erpc,noconnection}}" {
		t.Error(got)
	}
}
