// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/etf"
)

func TestBlockCallsRunOneAfterTheOther(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, c *banyantest.Sim, node banyan.Atom) {
		began := time.Now()
		type end struct {
			at  time.Duration
			err error
		}
		ends := make(chan end, 3)
		for range 3 {
			go func() {
				_, err := BlockCall[OK](ctx, node, "t", "sleep", 1000)
				ends <- end{time.Since(began).Round(100 * time.Millisecond), err}
			}()
		}
		<-time.After(time.Millisecond)
		if _, err := Call[OK](ctx, node, "t", "ok"); err != nil || time.Since(began) > 100*time.Millisecond { // others go on
			t.Error(err)
		}
		for i := range 3 {
			if e := <-ends; e.err != nil || e.at != time.Duration(i+1)*time.Second {
				t.Error(i, e)
			}
		}
		n, err := BlockCall[int](ctx, node, "t", "add", 1, 2)
		got(t, 3, n, err)
		v, err := BlockCall[any](ctx, node, "t", "throw", a("ball"))
		got(t, any(a("ball")), v, err)
		var e *Error
		if _, err = BlockCall[int](ctx, node, "t", "exit", a("gone")); !errors.As(err, &e) || e.Class != ClassExit || e.Reason != a("gone") {
			t.Error(err)
		}
		if _, err = BlockCall[int](ctx, node, "t", "add", 1, a("x")); !errors.As(err, &e) || e.Reason != badargAtom || causeOf(e.Stack[0].(etf.Tuple)[3]) == "" {
			t.Error(err)
		}
		var undef *banyan.UndefinedError
		if _, err = BlockCall[int](ctx, node, "no", "where"); !errors.As(err, &undef) {
			t.Error(err)
		}
		if _, err = BlockCall[int](ctx, node, "t", "die", a("kill")); !errors.As(err, &e) || e.Class != ClassExit || e.Reason != a("killed") {
			t.Error(err)
		}
		if _, err = BlockCall[int](ctx, node, "t", "hello"); err == nil {
			t.Error("hello is a number")
		}
		if _, err := BlockCall[OK](ctx, "x@sim", "t", "ok"); !errors.Is(err, banyan.ErrNoConnection) {
			t.Error(err)
		}
		if _, err := BlockCall[OK](t.Context(), node, "t", "ok"); !errors.Is(err, banyan.ErrNoNode) {
			t.Error(err)
		}
		if _, err := BlockCall[OK](banyan.Within(ctx, time.Second), node, "t", "sleep", 2000); !errors.Is(err, banyan.ErrTimeout) {
			t.Error(err)
		}
	})
}

func TestRexMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		start(t, c.Node("b@sim"))
		here := banyantest.NewProbe(t, c.Node("a@sim"))
		there := banyantest.NewProbe(t, c.Node("b@sim"), banyan.Name("board"))
		tell := func(m any) {
			here.Do(func(self *banyan.Self) {
				if err := banyan.SendName(self, "rex", "b@sim", etf.Tuple{self.PID(), m}); err != nil {
					t.Error(err)
				}
			})
		}
		expect := func(p *banyantest.Probe, want any) {
			t.Helper()
			banyantest.Expect(p, time.Second, func(m any) bool { return etf.Equal(m, want) })
		}
		b, name := a("b@sim"), a("board")
		for _, s := range []struct{ send, want any }{
			{a("features_request"), etf.Tuple{a("features_reply"), b, etf.List{a("erpc")}}},
			{etf.Tuple{a("call"), a("t"), a("add"), etf.List{1, 2}, a("user")}, etf.Tuple{a("rex"), 3}},
			{etf.Tuple{a("call"), a("t"), a("exit"), etf.List{a("x")}, a("user")}, etf.Tuple{a("rex"), etf.Tuple{a("badrpc"), etf.Tuple{a("EXIT"), a("x")}}}},
			{etf.Tuple{a("call"), a("t"), a("nil"), etf.List{}, a("user")},
				etf.Tuple{a("rex"), etf.Tuple{a("badrpc"), etf.Tuple{a("EXIT"), etf.Tuple{a("undef"), etf.List{etf.Tuple{a("t"), a("nil"), etf.List{}, etf.List{}}}}}}}},
			{etf.Tuple{a("sbcast"), name, a("all")}, etf.Tuple{a("rex"), b, b}},
			{etf.Tuple{a("sbcast"), a("nobody"), a("all")}, etf.Tuple{a("rex"), b, etf.Tuple{a("nonexisting_name"), a("nobody")}}},
			{etf.Tuple{a("send"), a("nobody"), a("all")}, etf.Tuple{a("rex"), b, etf.Tuple{a("nonexisting_name"), a("nobody")}}},
		} {
			tell(s.send)
			expect(here, s.want)
		}
		tell(etf.Tuple{a("send"), name, a("one")})
		expect(there, a("all"))
		expect(there, etf.Tuple{here.PID(), a("one")})
		for _, m := range []any{1, a("x"), etf.Tuple{a("send")}, etf.Tuple{a("odd"), name, 1}, etf.Tuple{1, 2, 3, 4, 5}} {
			tell(m) // ignored
		}
		here.ExpectNothing(time.Second)
		// gen_server calls, as rpc:call of old makes them.
		ctx := c.Node("a@sim").Context(t.Context())
		ask := func(q any) (any, error) {
			return banyan.Call(ctx, banyan.At[banyan.Foreign]("rex", "b@sim"), banyan.Ask[any]{Term: q})
		}
		v, err := ask(etf.Tuple{a("call"), a("t"), a("add"), etf.List{1, 2}, here.PID()})
		got(t, any(3), v, err)
		v, err = ask(etf.Tuple{a("call"), a("t"), a("leader"), etf.List{}, here.PID()})
		got(t, any(here.PID()), v, err)
		v, err = ask(etf.Tuple{a("call"), a("t"), a("error"), etf.List{a("bad")}, a("user")})
		got(t, any(etf.Tuple{a("badrpc"), etf.Tuple{a("EXIT"), etf.Tuple{a("bad"), etf.List{etf.Tuple{a("t"), a("error"), 1, etf.List{}}}}}}), v, err)
		if _, err = ask(a("what")); !errors.Is(err, banyan.ErrNotUnderstood) {
			t.Error(err)
		}
	})
}

func TestRexIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		s := New(MaxCalls(2))
		if err := errors.Join(s.Register(functions()...), s.Start(n)); err != nil {
			t.Fatal(err)
		}
		ctx := n.Context(t.Context())
		for range 2 {
			go func() { _, _ = BlockCall[OK](ctx, "", "t", "sleep", 1000) }()
		}
		<-time.After(100 * time.Millisecond)
		if _, err := BlockCall[OK](ctx, "", "t", "ok"); !errors.Is(err, ErrSystemLimit) {
			t.Error(err)
		}
		<-time.After(2 * time.Second)
		if _, err := BlockCall[OK](ctx, "", "t", "ok"); err != nil || s.Refused() != 1 {
			t.Error(err, s.Refused())
		}
	})
}

func TestServersStartAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		n := c.Node("a@sim")
		ctx := n.Context(t.Context())
		s := start(t, n)
		if _, err := Start(n); !errors.Is(err, banyan.ErrNameTaken) {
			t.Error(err)
		}
		if err := s.Start(c.Node("b@sim")); err == nil {
			t.Error("one server, two nodes")
		}
		if err := s.Register(Func1("t", "bad", func(context.Context, chan int) (OK, error) { return OK{}, nil })); err == nil {
			t.Error("a channel as argument")
		}
		if err := s.Register(Func0("t", "bad", func(context.Context) (func(), error) { return nil, nil })); err == nil {
			t.Error("a function as result")
		}
		if err := s.Register(Function{}); err == nil {
			t.Error("no function at all")
		}
		if err := s.Register(Func0("t", "hello", func(context.Context) (string, error) { return "bye", nil })); err != nil {
			t.Error(err)
		}
		v, err := Call[string](ctx, "", "t", "hello")
		got(t, "bye", v, err)
		if !s.Unregister("t", "hello", 0) || s.Unregister("t", "hello", 0) {
			t.Error("unregister")
		}
		var undef *banyan.UndefinedError
		if _, err := Call[string](ctx, "", "t", "hello"); !errors.As(err, &undef) {
			t.Error(err)
		}
		if fs := s.Functions(); fs[0].Signature() != "t:add(int, int) int" || fs[0].String() != "t:add/2" || fs[len(fs)-2].Signature() != "t:upper(string) string" {
			t.Error(fs)
		}
		running := Async[OK](ctx, "", "t", "sleep", 1000)
		synctest.Wait()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
		if _, err := Call[OK](ctx, "", "t", "ok"); !errors.Is(err, ErrNoServer) {
			t.Error(err)
		}
		if _, err := running.Await(ctx); err != nil {
			t.Error(err)
		}
		if err := errors.Join(s.Stop(ctx), s.Start(n)); err != nil {
			t.Error(err)
		}
		if _, err := Call[OK](ctx, "", "t", "ok"); err != nil {
			t.Error(err)
		}
	})
}

// A killed server is started again by its supervisor, with all its functions.
func TestServerAsAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		s := New()
		if err := s.Register(functions()...); err != nil {
			t.Fatal(err)
		}
		p := banyantest.NewProbe(t, n)
		for range 2 {
			p.Do(func(self *banyan.Self) {
				pid, err := s.Launch(self)
				if err != nil {
					t.Error(err)
				}
				if _, err := Call[OK](self, "", "t", "ok"); err != nil {
					t.Error(err)
				}
				_ = banyan.SendExit(self, pid, banyan.ErrKill)
			})
		}
		if s.Name() != "rpc" {
			t.Error(s.Name())
		}
	})
}
