// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

type shop struct{ left int }

var errOut = errors.New("out of stock")

func newShop(context.Context, *banyan.Self) (*shop, error) { return &shop{left: 10}, nil }

type takeTea struct {
	SKU string
	N   int
}

func (m takeTea) Call(s *shop, _ *banyan.Self) (int, error) {
	if s.left < m.N {
		return 0, fmt.Errorf("%s: %w", m.SKU, errOut)
	}
	s.left -= m.N
	return s.left, nil
}

type refillTea struct{ N int }

func (m refillTea) Cast(s *shop, _ *banyan.Self) error { s.left += m.N; return nil }

type closeShop struct{}

func (closeShop) Call(*shop, *banyan.Self) (int, error) { panic("burnt down") }

// echoText answers with what it got, in a form that is a map on the wire.
type echoText struct{ Text string }

func (m echoText) Call(*shop, *banyan.Self) (string, error) { return m.Text, nil }

// tally is the server counter of banyan_peer.erl.
type tally struct{}

type addTally struct{ K int }

func (addTally) Call(*tally, *banyan.Self) (int, error) { return 0, nil }

type crashTally struct{}

func (crashTally) Call(*tally, *banyan.Self) (int, error) { return 0, nil }

var registered sync.Once

func register() {
	registered.Do(func() {
		banyan.RegisterCall[takeTea]("take")
		banyan.RegisterCast[refillTea]("refill")
		banyan.RegisterCall[closeShop]("close")
		banyan.RegisterCall[echoText]("")
		banyan.RegisterCall[addTally]("add")
		banyan.RegisterCall[crashTally]("crash")
		banyan.RegisterError("shop.out", errOut)
	})
}

// startNode starts a node of the runtime.
func startNode(t testing.TB, name string, cfg Config) (*banyan.Node, *Transport) {
	t.Helper()
	register()
	tr := New(cfg)
	n, err := banyan.Start(name, banyan.WithTransport(tr), banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Error(name, err)
		}
	})
	return n, tr
}

// process runs f in a plain process of n and waits for it.
func process(t *testing.T, n *banyan.Node, f func(self *banyan.Self) error) {
	t.Helper()
	done := make(chan error, 1)
	_, err := banyan.Go(n, func(self *banyan.Self) error {
		self.TrapExits(true)
		err := f(self)
		done <- err
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the process hangs")
	}
}

// within is a context for one wait.
func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Second)
}

func receive[T any](self *banyan.Self) (T, error) {
	ctx, cancel := within()
	defer cancel()
	return banyan.ReceiveOf[T](ctx, self)
}

// Two nodes of the runtime: calls, casts, errors, monitors and links across the wire.
func TestTwoNodes(t *testing.T) {
	m := newMemory()
	na, ta := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	ref, err := banyan.Spawn(nb, newShop, banyan.Name("shop"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := na.Context(t.Context())
	at := banyan.At[*shop]("shop", "nb@h")
	remote, err := banyan.RefOf[*shop](na, ref.PID())
	if err != nil {
		t.Fatal(err)
	}
	if left, err := banyan.Call(ctx, at, takeTea{"tea", 2}); err != nil || left != 8 {
		t.Fatal(left, err)
	}
	if err := banyan.Cast(ctx, remote, refillTea{100}); err != nil {
		t.Fatal(err)
	}
	if left, err := banyan.Call(ctx, remote, takeTea{"tea", 1}); err != nil || left != 107 {
		t.Fatal(left, err)
	}
	if _, err := banyan.Call(ctx, at, takeTea{"tea", 1000}); !errors.Is(err, errOut) || !strings.Contains(err.Error(), "tea: out of stock") {
		t.Errorf("%v", err)
	}
	long := strings.Repeat("x", 3_000_000)
	if got, err := banyan.Call(ctx, at, echoText{long}); err != nil || got != long {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := banyan.Call(ctx, at, takeTea{"tea", 0}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	process(t, na, func(self *banyan.Self) error {
		mon := self.MonitorName("shop", "nb@h")
		if err := self.Link(ref.PID()); err != nil {
			return err
		}
		if _, err := banyan.Call(self, at, closeShop{}); err == nil {
			t.Error("no error from a crash")
		}
		down, err := receive[banyan.Down](self)
		var p *banyan.PanicError
		if err != nil || down.Monitor != mon || !errors.As(down.Reason, &p) || p.Value != "burnt down" {
			t.Errorf("%+v %v", down, err)
		}
		exit, err := receive[banyan.Exit](self)
		if err != nil || exit.From != ref.PID() || !errors.As(exit.Reason, &p) {
			t.Errorf("%+v %v", exit, err)
		}
		// The other node goes: a monitor says so.
		other, err := banyan.Spawn(nb, newShop)
		if err != nil {
			return err
		}
		mon = self.Monitor(other.PID())
		if _, err := banyan.Call(self, banyan.At[*shop]("shop", "nb@h"), takeTea{"tea", 1}); !errors.Is(err, banyan.ErrNoProcess) {
			t.Errorf("nobody there, but %v", err)
		}
		na.Disconnect("nb@h")
		if down, err = receive[banyan.Down](self); err != nil || down.Monitor != mon || !errors.Is(down.Reason, banyan.ErrNoConnection) {
			t.Errorf("%+v %v", down, err)
		}
		return nil
	})
	if st := ta.Stats(); st.Undecodable != 0 {
		t.Errorf("%+v", st)
	}
}

// A node of the runtime and a real Erlang node.
func TestNodeAndErlang(t *testing.T) {
	port := freePort(t)
	n, _ := startNode(t, "go9@127.0.0.1", Config{Cookie: "monster", Names: &EPMD{Port: port, Retry: 50 * time.Millisecond}})
	e := startErlang(t, "er9", port, "monster")
	ref, err := banyan.Spawn(n, newShop, banyan.Name("shop"))
	if err != nil {
		t.Fatal(err)
	}
	shopAt := "{shop, 'go9@127.0.0.1'}"
	for _, step := range []struct{ expr, want string }{
		{"net_adm:ping('go9@127.0.0.1')", "pong"},
		{"gen_server:call(" + shopAt + `, {take, <<"tea">>, 3})`, "7"},
		{"gen_server:cast(" + shopAt + ", {refill, 5})", "ok"},
		{"gen_server:call(" + shopAt + `, {take, "tea", 2})`, "10"},
		{"gen_server:call(" + shopAt + `, {take, <<"tea">>, 500})`, `{error,{'shop.out',<<"tea: out of stock">>}}`},
		{"element(1, gen_server:call(" + shopAt + `, {take, <<"tea">>, many}))`, "error"},
		{"element(1, gen_server:call(" + shopAt + `, nonsense))`, "error"},
		{`gen_server:call({nobody, 'go9@127.0.0.1'}, x)`, "{exit,{noproc,{gen_server,call,[{nobody,'go9@127.0.0.1'},x]}}}"},
		{"{ok, B} = {ok, gen_server:call(" + shopAt + `, {take, <<"tea">>, 0})}, B`, "10"},
	} {
		if got := e.eval(t, step.expr); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
	}
	ctx := n.Context(t.Context())
	counter := banyan.At[*tally]("counter", e.name)
	for want := 5; want < 500; want += 5 {
		if got, err := banyan.Call(ctx, counter, addTally{5}); err != nil || got != want {
			t.Fatal(got, err)
		}
	}
	var term *banyan.TermError
	if _, err := banyan.Call(ctx, counter, crashTally{}); !errors.As(err, &term) || !etf.Equal(term.Term, etf.Tuple{etf.Atom("oops"), 495}) {
		t.Errorf("%v", err)
	}
	process(t, n, func(self *banyan.Self) error {
		// By name, and by the pid that answers.
		if err := banyan.SendName(self, "echo", e.name, etf.Tuple{self.PID(), etf.Atom("hi")}); err != nil {
			return err
		}
		m, err := receive[etf.Tuple](self)
		if err != nil || len(m) != 3 || m[2] != etf.Atom("hi") {
			return fmt.Errorf("%v %v", m, err)
		}
		echo := m[1].(banyan.PID)
		if err := banyan.Send(self, echo, etf.Tuple{self.PID(), 2}); err != nil {
			return err
		}
		if m, err = receive[etf.Tuple](self); err != nil || m[2] != 2 {
			return fmt.Errorf("%v %v", m, err)
		}
		// Ours watches and is linked to theirs.
		mon := self.Monitor(echo)
		if err := self.Link(echo); err != nil {
			return err
		}
		if err := banyan.SendExit(self, echo, banyan.ErrKill); err != nil {
			return err
		}
		down, err := receive[banyan.Down](self)
		if err != nil || down.Monitor != mon || down.Reason != banyan.ErrKilled {
			return fmt.Errorf("%+v %v", down, err)
		}
		exit, err := receive[banyan.Exit](self)
		if err != nil || exit.From != echo || exit.Reason != banyan.ErrKilled {
			return fmt.Errorf("%+v %v", exit, err)
		}
		nobody := self.MonitorName("nobody", e.name)
		if down, err = receive[banyan.Down](self); err != nil || down.Monitor != nobody || !errors.Is(down.Reason, banyan.ErrNoProcess) {
			return fmt.Errorf("%+v %v", down, err)
		}
		return nil
	})
	// Theirs watches and is linked to ours.
	e.eval(t, fmt.Sprintf("register(watcher, spawn(fun() -> process_flag(trap_exit, true), Shop = rpc:call(node(), erlang, list_to_atom, [\"shop\"]), M = monitor(process, {Shop, 'go9@127.0.0.1'}), receive {'DOWN', M, process, W, R} -> ok end, receive {ask, F} -> F ! {down, W, R} end end))"))
	e.until(t, "process_info(whereis(watcher), monitors)", "{monitors,[{process,{shop,'go9@127.0.0.1'}}]}")
	e.until(t, "net_adm:ping('go9@127.0.0.1')", "pong") // behind the monitor, which has arrived then
	banyan.Call(ctx, ref, closeShop{})
	if got := e.eval(t, "watcher ! {ask, self()}, receive {down, W, R} -> {W, element(1, R), element(2, R)} end"); got != "{{shop,'go9@127.0.0.1'},panic,<<\"burnt down\">>}" {
		t.Error(got)
	}
	// The Erlang node goes.
	process(t, n, func(self *banyan.Self) error {
		mon := self.MonitorName("counter", e.name)
		e.tell(t, "halt(0)")
		if down, err := receive[banyan.Down](self); err != nil || down.Monitor != mon || !errors.Is(down.Reason, banyan.ErrNoConnection) {
			return fmt.Errorf("%+v %v", down, err)
		}
		return nil
	})
}
