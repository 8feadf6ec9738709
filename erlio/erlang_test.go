// SPDX-License-Identifier: Apache-2.0

package erlio

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/internal/erltest"
)

// Processes of a real Erlang node use a Banyan group leader, and Banyan's one of Erlang.
func TestErlang(t *testing.T) {
	port := erltest.FreePort(t)
	n := startNode(t, "goio@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{Cookie: "monster", Names: &dist.EPMD{Port: port, Retry: 50 * time.Millisecond}})))
	e := erltest.Start(t, "erio", port, "monster")
	out := new(page)
	leader := spawnLeader(t, n, Config{Out: out, In: strings.NewReader("Joe\nRobert\nMike and Björn\nrest"), Columns: 72}, banyan.Name("user"))
	n.Export("go", "leader", 1, func(self *banyan.Self, args []any) error {
		return banyan.Send(self, args[0].(banyan.PID), etf.Tuple{etf.Atom("leader"), leader})
	})
	n.Export("go", "print", 1, func(self *banyan.Self, args []any) error {
		_, err := fmt.Fprintf(NewWriter(self), "%s", args[0])
		return err
	})
	n.Export("go", "ask", 1, func(self *banyan.Self, args []any) error {
		s, err := GetLine(self, self.GroupLeader(), string(args[0].([]byte)))
		if err != nil {
			return err
		}
		return &banyan.TermError{Term: etf.Tuple{etf.Atom("line"), s}}
	})
	for _, step := range []struct{ expr, want, printed string }{
		{"spawn('goio@127.0.0.1', go, leader, [self()]), receive {leader, P} -> put(gl, P) end, node(get(gl))", "'goio@127.0.0.1'", ""},
		{`io:format(get(gl), "~p ~w ~s ~ts ~b~n", [{ok, "text"}, "ab", <<"bin">>, <<"\x{3B1}\x{3B2}"/utf8>>, 42])`, "ok", "{ok,\"text\"} [97,98] bin αβ 42\n"},
		{`io:format(get(gl), "~10.3f|~-10s|~8.16.0B~n", [2.5, "left", 48879])`, "ok", "     2.500|left      |0000BEEF\n"},
		{`io:format(get(gl), "~p~n", [lists:seq(1000, 1030)])`, "ok", "[1000,1001,1002,1003,1004,1005,1006,1007,1008,1009,1010,1011,1012,1013,1014,\n 1015,1016,1017,1018,1019,1020,1021,1022,1023,1024,1025,1026,1027,1028,1029,\n 1030]\n"},
		{`io:format(get(gl), "~p ~p~n", [one])`, "{error,badarg}", ""},
		{`io:format(get(gl), "~f~n", [one])`, "{error,badarg}", ""},
		{`io:put_chars(get(gl), [<<"binary">>, $,, "list"]), io:nl(get(gl)), io:write(get(gl), {1, "a"})`, "ok", "binary,list\n{1,[97]}"},
		{`io:requests(get(gl), [{put_chars, unicode, "a"}, nl, {format, "~p", [b]}])`, "ok", "a\nb"},
		{`io:get_line(get(gl), "name? ")`, `"Joe\n"`, "name? "},
		{`io:get_chars(get(gl), 'chars>', 3)`, `"Rob"`, "chars>"},
		{`io:setopts(get(gl), [binary, {encoding, unicode}]), io:get_line(get(gl), "")`, `<<"ert\n">>`, ""},
		{`lists:sort(io:getopts(get(gl)))`, "[{binary,true},{encoding,unicode}]", ""},
		{`io:get_line(get(gl), "") =:= <<"Mike and Bj\x{F6}rn\n"/utf8>>`, "true", ""},
		{`{io:columns(get(gl)), io:rows(get(gl))}`, "{{ok,72},{error,enotsup}}", ""},
		{`io:setopts(get(gl), [{echo, false}])`, "{error,enotsup}", ""},
		{`io:read(get(gl), "term> ")`, "{error,enotsup}", ""},
		{`io:get_line(get(gl), "")`, `<<"rest">>`, ""},
		{`io:get_line(get(gl), "")`, `eof`, ""},
		{`io:request(get(gl), {make, coffee})`, "{error,request}", ""},
		// As the leader of processes there.
		{`Old = group_leader(), group_leader(get(gl), self()), io:format("mine ~p~n", [1]), P = spawn_monitor(fun() -> io:format("child~n") end), receive {'DOWN', _, _, _, R} -> R end, group_leader(Old, self()), R`,
			"normal", "mine 1\nchild\n"},
		{`group_leader(get(gl), whereis(echo)), process_info(whereis(echo), group_leader) =:= {group_leader, get(gl)}`, "true", ""},
	} {
		if got := e.Eval(t, step.expr); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
		if got := out.take(); got != step.printed {
			t.Errorf("%s\nprinted %q\nwant %q", step.expr, got, step.printed)
		}
	}
	// A function that is run there for us prints here.
	ctx := n.Context(t.Context())
	name := banyan.Atom(e.Name)
	if reason, err := banyan.RunAt(ctx, name, "io", "format", []any{chars("printed by ~p~n"), etf.List{etf.Atom("you")}}); err != nil || reason != banyan.ErrNormal || out.take() != "printed by you\n" {
		t.Error(reason, err)
	}
	// The leader is one of Erlang's, which keeps what it gets.
	collect := `put(got, spawn(fun L() -> receive {io_request, F, R, {put_chars, unicode, C}} -> F ! {io_reply, R, ok}, main ! {printed, C}, L(); ` +
		`{io_request, F, R, {get_line, unicode, P}} -> main ! {prompt, P}, F ! {io_reply, R, "typed\n"}, L(); ` +
		`{io_request, F, R, _} -> F ! {io_reply, R, {error, nothing}}, L() end end)), register(main, self()), put(old, group_leader()), ok`
	for _, step := range []struct{ expr, want string }{
		{collect, "ok"},
		{`group_leader(get(got), self()), P = spawn('goio@127.0.0.1', go, print, [<<"hello from Go">>]), group_leader(get(old), self()), receive {printed, C} -> C end`, `<<"hello from Go">>`},
		{`group_leader(get(got), self()), {P, M} = spawn_monitor('goio@127.0.0.1', go, ask, [<<"? ">>]), group_leader(get(old), self()), R = receive {'DOWN', M, _, P, W} -> W end, {receive {prompt, Q} -> Q end, R}`, `{<<"? ">>,{line,<<"typed\n">>}}`},
	} {
		if got := e.Eval(t, step.expr); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
	}
	done := make(chan error, 1)
	if _, err := banyan.Go(n, func(self *banyan.Self) error {
		done <- func() error {
			if err := n.Register("leading", self.PID()); err != nil {
				return err
			}
			e.Tell(t, `{leading, 'goio@127.0.0.1'} ! get(got)`)
			theirs, err := banyan.ReceiveOf[banyan.PID](self, self)
			if err != nil {
				return err
			}
			if err := Format(self, theirs, "~p and ~ts", etf.Tuple{1, 2}, "Gö"); err != nil {
				return err
			}
			if s, err := GetLine(self, theirs, "type: "); s != "typed\n" || err != nil {
				return fmt.Errorf("%q %w", s, err)
			}
			var te *banyan.TermError
			if _, err := GetChars(self, theirs, "", 3); !errors.As(err, &te) || te.Term != etf.Atom("nothing") {
				return fmt.Errorf("get_chars: %w", err)
			}
			if err := banyan.SendExit(self, theirs, banyan.ErrKill); err != nil {
				return err
			}
			if s, err := GetLine(self, theirs, ""); err == nil || errors.Is(err, io.EOF) {
				return fmt.Errorf("a dead leader gave %q %w", s, err)
			}
			return nil
		}()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	e.Answer(t)
	if got := e.Eval(t, `receive {printed, C} -> {unicode:characters_to_list(C) =:= "{1,2} and G\x{F6}", receive {prompt, P} -> P end} end`); got != `{true,<<"type: ">>}` {
		t.Error(got)
	}
}
