// SPDX-License-Identifier: Apache-2.0

package rpc

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
)

func TestErlangFunctionsOfANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		n := c.Node("b@sim")
		if err := RegisterErlang(start(t, n)); err != nil {
			t.Fatal(err)
		}
		p := banyantest.NewProbe(t, n, banyan.Name("probe"))
		q := banyantest.NewProbe(t, n)
		p.Link(q.PID())
		q.Monitor(p.PID())
		q.Do(func(self *banyan.Self) { self.MonitorName("probe", "") })
		ctx := c.Node("a@sim").Context(t.Context())
		call := func(m, f banyan.Atom, args ...any) string {
			t.Helper()
			v, err := Call[any](ctx, "b@sim", m, f, args...)
			var e *Error
			if errors.As(err, &e) {
				return e.Error()
			}
			if err != nil {
				t.Error(err)
			}
			return etf.Format(v)
		}
		dead := p.PID()
		dead.ID += 1000
		pid, qid := etf.Format(p.PID()), etf.Format(q.PID())
		for _, s := range []struct {
			f    banyan.Atom
			args []any
			want string
		}{
			{"node", nil, "b@sim"},
			{"nodes", []any{a("this")}, "[b@sim]"},
			{"nodes", []any{a("hidden")}, "[a@sim]"},
			{"nodes", []any{etf.List{a("connected"), a("this")}}, "[a@sim,b@sim]"},
			{"nodes", []any{a("known")}, "[b@sim,a@sim]"},
			{"nodes", nil, "[]"},
			{"nodes", []any{a("odd")}, "error: badarg in erlang:nodes/1: argument 1: odd is none of this, visible, hidden, connected and known"},
			{"whereis", []any{a("probe")}, pid},
			{"whereis", []any{a("nobody")}, "undefined"},
			{"whereis", []any{1}, "error: badarg in erlang:whereis/1: argument 1: want banyan.Atom, got 1"},
			{"is_process_alive", []any{p.PID()}, "true"},
			{"is_process_alive", []any{dead}, "false"},
			{"is_process_alive", []any{banyan.PID{Node: "a@sim", ID: 1}}, "error: badarg in erlang:is_process_alive/1: argument 1: not a process of this node"},
			{"function_exported", []any{a("t"), a("add"), 2}, "true"},
			{"function_exported", []any{a("t"), a("add"), 3}, "false"},
			{"byte_size", []any{"hello"}, "5"},
			{"byte_size", []any{1}, "error: badarg in erlang:byte_size/1: argument 1: not a binary"},
			{"apply", []any{a("t"), a("add"), etf.List{1, 2}}, "3"},
			{"apply", []any{a("t"), a("add"), etf.List{1, a("x")}}, "error: badarg in t:add/2: argument 2: want int, got x"},
			{"apply", []any{a("os"), a("cmd"), etf.List{1}}, "error: undef in os:cmd/1"},
			{"halt", nil, "error: undef in erlang:halt/0"},
			{"process_info", []any{p.PID(), a("registered_name")}, "{registered_name,probe}"},
			{"process_info", []any{q.PID(), a("registered_name")}, "[]"},
			{"process_info", []any{q.PID(), etf.List{a("registered_name"), a("trap_exit")}}, "[{registered_name,[]},{trap_exit,true}]"},
			{"process_info", []any{q.PID(), a("links")}, "{links,[" + pid + "]}"},
			{"process_info", []any{q.PID(), a("monitored_by")}, "{monitored_by,[]}"},
			{"process_info", []any{p.PID(), a("monitored_by")}, "{monitored_by,[" + qid + "," + qid + "]}"},
			{"process_info", []any{p.PID(), a("status")}, "{status,waiting}"},
			{"process_info", []any{dead, a("status")}, "undefined"},
			{"process_info", []any{dead}, "undefined"},
			{"process_info", []any{p.PID(), a("odd")}, "error: badarg in erlang:process_info/2: argument 2: nothing is known of odd here"},
			{"process_info", []any{p.PID(), 1}, "error: badarg in erlang:process_info/2: argument 2: neither an item nor a list of items"},
			{"system_info", []any{a("wordsize")}, "8"},
			{"system_info", []any{etf.Tuple{a("wordsize"), a("external")}}, "8"},
			{"system_info", []any{a("otp_release")}, `"25"`},
			{"system_info", []any{a("odd")}, "error: badarg in erlang:system_info/1: argument 1: nothing is known of odd here"},
			{"memory", []any{a("atom")}, "0"},
			{"memory", []any{etf.List{a("atom")}}, "[{atom,0}]"},
			{"memory", []any{a("odd")}, "error: badarg in erlang:memory/1: argument 1: odd is no type of memory"},
			{"statistics", []any{a("odd")}, "error: badarg in erlang:statistics/1: argument 1: nothing is known of odd here"},
			{"system_time", []any{a("second")}, "946684800"},
			{"system_time", []any{a("year")}, "error: badarg in erlang:system_time/1: argument 1: not a unit of time"},
		} {
			if got := call("erlang", s.f, s.args...); got != s.want {
				t.Errorf("%s%v\n got %s\nwant %s", s.f, s.args, got, s.want)
			}
		}
		if v, err := Call[[]banyan.PID](ctx, "b@sim", "erlang", "processes"); err != nil || !slices.Contains(v, p.PID()) {
			t.Error(v, err)
		}
		if v, err := Call[[]banyan.Atom](ctx, "b@sim", "erlang", "registered"); err != nil || !slices.Contains(v, "probe") || !slices.Contains(v, "rex") {
			t.Error(v, err)
		}
		m, err := Call[etf.List](ctx, "b@sim", "erlang", "process_info", q.PID(), a("monitors"))
		if err == nil {
			t.Error(m)
		}
		pair, err := Call[etf.Tuple](ctx, "b@sim", "erlang", "process_info", q.PID(), a("monitors"))
		if err != nil || len(pair[1].(etf.List)) != 2 {
			t.Error(pair, err)
		}
		all, err := Call[etf.List](ctx, "b@sim", "erlang", "process_info", p.PID(), allItems())
		if err != nil || len(all) != len(processItems) {
			t.Error(all, err)
		}
		if usual, err := Call[etf.List](ctx, "b@sim", "erlang", "process_info", q.PID()); err != nil || len(usual) != len(usualItems)-1 {
			t.Error(usual, err)
		}
		for _, item := range []string{"schedulers", "process_count", "process_limit", "logical_processors", "creation"} {
			if v, err := Call[int](ctx, "b@sim", "erlang", "system_info", a(item)); err != nil || v < 1 {
				t.Error(item, v, err)
			}
		}
		for _, item := range []string{"version", "system_version", "system_architecture", "machine"} {
			if v, err := Call[string](ctx, "b@sim", "erlang", "system_info", a(item)); err != nil || v == "" {
				t.Error(item, v, err)
			}
		}
		if total, err := Call[int](ctx, "b@sim", "erlang", "memory", a("total")); err != nil || total < 1<<20 {
			t.Error(total, err)
		}
		if v, err := Call[etf.List](ctx, "b@sim", "erlang", "memory"); err != nil || len(v) != 9 {
			t.Error(v, err)
		}
		<-time.After(time.Second)
		first, err := Call[etf.Tuple](ctx, "b@sim", "erlang", "statistics", a("wall_clock"))
		if err != nil || first[0].(int) < 1000 || first[0] != first[1] {
			t.Error(first, err)
		}
		<-time.After(time.Second)
		second, err := Call[etf.Tuple](ctx, "b@sim", "erlang", "statistics", a("wall_clock"))
		if err != nil || second[0].(int)-first[0].(int) != second[1].(int) {
			t.Error(first, second, err)
		}
		for _, item := range []string{"runtime", "reductions", "garbage_collection"} {
			if v, err := Call[etf.Tuple](ctx, "b@sim", "erlang", "statistics", a(item)); err != nil {
				t.Error(item, v, err)
			}
		}
		if v, err := Call[int](ctx, "b@sim", "erlang", "statistics", a("run_queue")); err != nil || v < 1 { // this call itself
			t.Error(v, err)
		}
		if v, err := Call[int](ctx, "b@sim", "erlang", "monotonic_time", a("millisecond")); err != nil || v < 2000 {
			t.Error(v, err)
		}
	})
}

func allItems() (list etf.List) {
	for item := range processItems {
		list = append(list, item)
	}
	return list
}

// notebook is a Printer.
type notebook struct{ lines []string }

func (b *notebook) Format(_ context.Context, _ banyan.PID, format any, args etf.List) error {
	b.lines = append(b.lines, etf.Format(format)+etf.Format(args))
	return nil
}

func (b *notebook) PutChars(_ context.Context, _ banyan.PID, chars any) error {
	if chars == a("bad") {
		return errors.New("no string")
	}
	b.lines = append(b.lines, etf.Format(chars))
	return nil
}

func TestPrinting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		ctx := n.Context(t.Context())
		s := start(t, n)
		if err := RegisterErlang(s); err != nil {
			t.Fatal(err)
		}
		if _, err := Call[OK](ctx, "", "io", "format", "x"); err == nil {
			t.Error("printed for nobody")
		}
		b := &notebook{}
		if err := RegisterErlang(s, PrintTo(b)); err != nil {
			t.Fatal(err)
		}
		_, err1 := Call[OK](ctx, "", "io", "format", "a~p", etf.List{1})
		_, err2 := Call[OK](ctx, "", "io", "nl")
		_, err3 := Call[OK](ctx, "", "io", "put_chars", "text")
		if err := errors.Join(err1, err2, err3); err != nil || !slices.Equal(b.lines, []string{`<<"a~p">>[1]`, `<<"\n">>`, `<<"text">>`}) {
			t.Error(b.lines, err)
		}
		if _, err := Call[OK](ctx, "", "io", "put_chars", a("bad")); err == nil {
			t.Error("printed what is no string")
		}
	})
}

// What operators type at a real node.
func TestErlangOperators(t *testing.T) {
	n, e := withErlang(t, "gotools")
	if err := RegisterErlang(start(t, n)); err != nil {
		t.Fatal(err)
	}
	evalAll(t, e, "gotools@127.0.0.1", []step{
		{"rpc:call(@G, erlang, node, [])", "@G"},
		{"rpc:call(@G, erlang, nodes, [])", "['ergotools@127.0.0.1']"},
		{"is_pid(rpc:call(@G, erlang, whereis, [rex]))", "true"},
		{"rpc:call(@G, erlang, system_info, [otp_release])", `"25"`},
		{"lists:all(fun(P) -> node(P) =:= @G end, rpc:call(@G, erlang, processes, []))", "true"},
		{"proplists:get_value(registered_name, rpc:call(@G, erlang, process_info, [rpc:call(@G, erlang, whereis, [rex])]))", "rex"},
		{"length(rpc:call(@G, erlang, memory, []))", "9"},
		{"rpc:call(@G, erlang, memory, [total]) > 0", "true"},
		{"rpc:call(@G, erlang, process_info, [self()])", `{badrpc,{'EXIT',{badarg,[{erlang,process_info,[` + e.Eval(t, "self()") +
			`],[{error_info,#{argument => 1,cause => <<"argument 1: not a process of this node">>}}]}]}}}`},
		// Output comes to the caller's group leader.
		{"L = group_leader(), Me = self(), P = spawn(fun() -> receive {io_request, F, R, Q} -> F ! {io_reply, R, ok}, Me ! Q end end), " +
			"group_leader(P, self()), X = rpc:call(@G, io, format, [\"~p and ~s~n\", [{a}, b]]), group_leader(L, self()), receive Q -> {X, Q} end",
			`{ok,{put_chars,unicode,io_lib,format,["~p and ~s~n",[{a},b]]}}`},
		{"rpc:call(@G, io, put_chars, [\"=> hello\\n\"])", "hello"}, // printed by this node, before the result
	})
	if got := e.Answer(t); got != "ok" {
		t.Error(got)
	}
}
