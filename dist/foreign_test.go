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

// switchboard serves terms, as a server for Erlang callers does.
type switchboard struct{ told []any }

func (s *switchboard) TermCall(self *banyan.Self, request any) (any, error) {
	switch request {
	case etf.Atom("who"):
		return self.Caller(), nil
	case etf.Atom("later"):
		later := banyan.Defer[any](self)
		go later.Reply(etf.Tuple{etf.Atom("ok"), 1})
		return nil, nil
	case etf.Atom("refuse"):
		return etf.Tuple{etf.Atom("error"), etf.Atom("refused")}, nil
	case etf.Atom("fail"):
		return nil, errOut
	case etf.Atom("told"):
		return len(s.told), nil
	}
	return request, nil
}

func (s *switchboard) TermCast(_ *banyan.Self, note any) error {
	s.told = append(s.told, note)
	return nil
}

func TestForeignCalls(t *testing.T) {
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	if _, err := banyan.SpawnState(nb, &switchboard{}, banyan.Name("board")); err != nil {
		t.Fatal(err)
	}
	if _, err := banyan.Spawn(nb, newShop, banyan.Name("shop")); err != nil {
		t.Fatal(err)
	}
	board := banyan.At[banyan.Foreign]("board", "nb@h")
	for _, n := range []*banyan.Node{na, nb} { // from another node, and from its own
		ctx := n.Context(t.Context())
		ask := func(q any) (any, error) { return banyan.Call(ctx, board, banyan.Ask[any]{Term: q}) }
		if v, err := ask(etf.Tuple{etf.Atom("x"), 1}); err != nil || !etf.Equal(v, etf.Tuple{etf.Atom("x"), 1}) {
			t.Error(n.Name(), v, err)
		}
		if v, err := ask(etf.Atom("later")); err != nil || !etf.Equal(v, etf.Tuple{etf.Atom("ok"), 1}) {
			t.Error(n.Name(), v, err)
		}
		if v, err := ask(etf.Atom("refuse")); err != nil || !etf.Equal(v, etf.Tuple{etf.Atom("error"), etf.Atom("refused")}) {
			t.Error(n.Name(), v, err)
		}
		if n, err := banyan.Call(ctx, board, banyan.Ask[int]{Term: 7}); err != nil || n != 7 {
			t.Error(n, err)
		}
		if err := banyan.Cast(ctx, board, banyan.Tell{Term: etf.Atom("hi")}); err != nil {
			t.Error(err)
		}
		if _, err := banyan.Call(ctx, board, banyan.Ask[int]{Term: etf.Atom("fail")}); !errors.Is(err, errOut) {
			t.Error(n.Name(), err)
		}
		shop := banyan.At[banyan.Foreign]("shop", "nb@h")
		if v, err := banyan.Call(ctx, shop, banyan.Ask[any]{Term: etf.Atom("what")}); !errors.Is(err, banyan.ErrNotUnderstood) {
			t.Error(n.Name(), v, err)
		}
	}
	ctx := na.Context(t.Context())
	if told, err := banyan.Call(ctx, board, banyan.Ask[int]{Term: etf.Atom("told")}); err != nil || told != 2 {
		t.Error(told, err)
	}
	// What is typed is asked by a term of its shape, too.
	if left, err := banyan.Call(ctx, banyan.At[banyan.Foreign]("shop", "nb@h"), banyan.Ask[int]{Term: etf.Tuple{etf.Atom("take"), []byte("tea"), 3}}); err != nil || left != 7 {
		t.Error(left, err)
	}
	process(t, na, func(self *banyan.Self) error {
		if who, err := banyan.Call(self, board, banyan.Ask[banyan.PID]{Term: etf.Atom("who")}); err != nil || who != self.PID() {
			return fmt.Errorf("%v %v", who, err)
		}
		return nil
	})
}

func TestExportedFunctions(t *testing.T) {
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m, Visible: true})
	nb.Export("jobs", "sum", 2, func(_ *banyan.Self, args []any) error {
		return &banyan.TermError{Term: etf.Tuple{etf.Atom("sum"), args[0].(int) + args[1].(int)}}
	})
	nb.Export("jobs", "wait", 0, func(self *banyan.Self, _ []any) error {
		_, err := self.Receive(self)
		return err
	})
	ctx := na.Context(t.Context())
	reason, err := banyan.RunAt(ctx, "nb@h", "jobs", "sum", []any{1, 2})
	var term *banyan.TermError
	if err != nil || !errors.As(reason, &term) || !etf.Equal(term.Term, etf.Tuple{etf.Atom("sum"), 3}) {
		t.Error(reason, err)
	}
	var undef *banyan.UndefinedError
	if reason, err = banyan.RunAt(ctx, "nb@h", "jobs", "sum", []any{1}); err != nil || !errors.As(reason, &term) && !errors.As(reason, &undef) {
		t.Error(reason, err)
	}
	if _, err := banyan.RunAt(banyan.Within(ctx, 20*time.Millisecond), "nb@h", "jobs", "wait", nil); !errors.Is(err, banyan.ErrTimeout) {
		t.Error(err)
	}
	if _, err := banyan.RunAt(ctx, "nx@h", "jobs", "wait", nil); !errors.Is(err, banyan.ErrNoConnection) {
		t.Error(err)
	}
	process(t, na, func(self *banyan.Self) error {
		var mon banyan.Reference
		pid, err := banyan.SpawnFunc(self, "nb@h", "jobs", "wait", nil, banyan.Linked(), banyan.Monitored(&mon))
		if err != nil {
			return err
		}
		if err := banyan.SendExit(self, pid, errOut); err != nil {
			return err
		}
		if exit, err := receive[banyan.Exit](self); err != nil || exit.From != pid || exit.Reason != errOut {
			return fmt.Errorf("%+v %v", exit, err)
		}
		if down, err := receive[banyan.Down](self); err != nil || down.Monitor != mon || down.Reason != errOut {
			return fmt.Errorf("%+v %v", down, err)
		}
		return nil
	})
	if v := na.VisibleNodes(); len(v) != 0 {
		t.Error("a link of a hidden node is visible:", v)
	}
}

// The same with a real Erlang node, visible.
func TestForeignErlang(t *testing.T) {
	port := freePort(t)
	n, _ := startNode(t, "gof@127.0.0.1", Config{Cookie: "monster", Visible: true, Names: &EPMD{Port: port, Retry: 50 * time.Millisecond}})
	e := startErlang(t, "erf", port, "monster")
	if _, err := banyan.SpawnState(n, &switchboard{}, banyan.Name("board")); err != nil {
		t.Fatal(err)
	}
	n.Export("jobs", "die", 1, func(_ *banyan.Self, args []any) error { return &banyan.TermError{Term: args[0]} })
	for _, step := range []struct{ expr, want string }{
		{"net_adm:ping('gof@127.0.0.1')", "pong"},
		{"nodes()", "['gof@127.0.0.1']"},
		{"gen_server:call({board, 'gof@127.0.0.1'}, {any, #{a => [1.5]}})", "{any,#{a => [1.5]}}"},
		{"gen_server:call({board, 'gof@127.0.0.1'}, who) =:= self()", "true"},
		{"gen_server:call({board, 'gof@127.0.0.1'}, later)", "{ok,1}"},
		{"gen_server:cast({board, 'gof@127.0.0.1'}, {any, thing}), gen_server:call({board, 'gof@127.0.0.1'}, told)", "1"},
		{"{P, M} = spawn_monitor('gof@127.0.0.1', jobs, die, [{bye, 1}]), receive {'DOWN', M, process, P, R} -> R end", "{bye,1}"},
		{"{P, M} = spawn_monitor('gof@127.0.0.1', jobs, nothing, [a]), receive {'DOWN', M, process, P, R} -> R end", "{undef,[{jobs,nothing,[a],[]}]}"},
	} {
		if got := e.eval(t, step.expr); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
	}
	if v := n.VisibleNodes(); len(v) != 1 || v[0] != e.name {
		t.Error(v)
	}
	ctx := n.Context(t.Context())
	reason, err := banyan.RunAt(ctx, e.name, "erlang", "exit", []any{etf.Tuple{etf.Atom("result"), 42}})
	var term *banyan.TermError
	if err != nil || !errors.As(reason, &term) || !etf.Equal(term.Term, etf.Tuple{etf.Atom("result"), 42}) {
		t.Error(reason, err)
	}
	v, err := banyan.Call(ctx, banyan.At[banyan.Foreign]("counter", e.name), banyan.Ask[any]{Term: etf.Atom("crash")})
	if err != nil || !etf.Equal(v, etf.Tuple{etf.Atom("error"), etf.Tuple{etf.Atom("oops"), 0}}) {
		t.Error(v, err)
	}
	via := &one[banyan.Foreign]{to: banyan.At[banyan.Foreign]("counter", e.name)} // asked as Erlang knows it, and no load is told
	if v, err := banyan.Call(ctx, via, banyan.Ask[int]{Term: etf.Tuple{etf.Atom("add"), 3}}); err != nil || v != 3 || via.load.Known {
		t.Error(v, err, via.load)
	}
}

// Who waits for what is too large hears that, instead of nothing.
func TestTooLargeAnswers(t *testing.T) {
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m, MaxMessage: 1 << 20})
	nb.Export("jobs", "much", 0, func(*banyan.Self, []any) error {
		return &banyan.TermError{Term: make([]byte, 2<<20), Answer: true}
	})
	if _, err := banyan.SpawnState(nb, &swollen{}, banyan.Name("swollen")); err != nil {
		t.Fatal(err)
	}
	ctx := na.Context(t.Context())
	var remote *banyan.RemoteError
	if reason, err := banyan.RunAt(ctx, "nb@h", "jobs", "much", nil); err != nil || !errors.As(reason, &remote) {
		t.Errorf("%.100v %v", reason, err)
	}
	v, err := banyan.Call(ctx, banyan.At[banyan.Foreign]("swollen", "nb@h"), banyan.Ask[[]byte]{Term: etf.Atom("all")})
	if !errors.As(err, &remote) {
		t.Error(len(v), err)
	}
}

// swollen answers with too much.
type swollen struct{}

func (*swollen) TermCall(*banyan.Self, any) (any, error) { return make([]byte, 2<<20), nil }
