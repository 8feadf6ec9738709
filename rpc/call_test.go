// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
)

// both runs f with a target on another node, and on the own one.
func both(t *testing.T, f func(t *testing.T, ctx context.Context, c *banyantest.Sim, node banyan.Atom)) {
	for _, node := range []banyan.Atom{"b@sim", "a@sim"} {
		t.Run(string(node), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
				start(t, c.Node(string(node)))
				f(t, c.Node("a@sim").Context(t.Context()), c, node)
			})
		})
	}
}

func got[R any](t *testing.T, want R, v R, err error) {
	t.Helper()
	if err != nil || !etf.Equal(must(etf.TermOf(v)), must(etf.TermOf(want))) {
		t.Errorf("got %v, %v, want %v", v, err, want)
	}
}

func must(t any, err error) any {
	if err != nil {
		panic(err)
	}
	return t
}

func TestTypedCalls(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, _ *banyantest.Sim, node banyan.Atom) {
		v, err := Call[string](ctx, node, "t", "hello")
		got(t, "hello", v, err)
		v, err = Call[string](ctx, node, "t", "upper", "tea")
		got(t, "TEA", v, err)
		v, err = Call[string](ctx, node, "t", "join", []string{"a", "b"}, "-", 2)
		got(t, "a-ba-b", v, err)
		if _, err := Call[OK](ctx, node, "t", "ok"); err != nil {
			t.Error(err)
		}
		n, err := Call[int](ctx, node, "t", "add", 1, 2)
		got(t, 3, n, err)
		n, err = Call[int](ctx, node, "t", "five", 1, "ab", true, 2.5, map[string]int{"x": 1})
		got(t, 6, n, err)
		list, err := Call[[]int](ctx, node, "t", "four", 1, 2, 3, 4)
		got(t, []int{4, 3, 2, 1}, list, err)
		o, err := Call[order](ctx, node, "t", "buy", order{"tea", 2}, false)
		got(t, order{"tea", 4}, o, err)
		o, err = Call[order](ctx, node, "t", "buy", etf.Tuple{a("order"), []byte("tea"), 3}, a("true"))
		got(t, order{"tea", 6}, o, err)
		raw, err := Call[any](ctx, node, "t", "raw", "x", etf.Tuple{1, 2.5})
		got(t, any(etf.List{[]byte("x"), etf.Tuple{1, 2.5}}), raw, err)
		big := bytes.Repeat([]byte("banyan"), 1<<20)
		back, err := Call[[]byte](ctx, node, "t", "echo", big)
		if err != nil || !bytes.Equal(back, big) {
			t.Error(len(back), err)
		}
		if _, err := Call[int](ctx, node, "t", "hello"); err == nil || err.Error() != `rpc call `+string(node)+` (t:hello/0): the result <<"hello">> is no int: etf: int: want integer, got a binary of 5 bytes` {
			t.Error(err)
		}
		if _, err := Call[OK](ctx, node, "t", "hello"); err == nil {
			t.Error("hello is ok")
		}
		if _, err := Call[any](ctx, node, "t", "echo", make(chan int)); err == nil {
			t.Error("a channel was sent")
		}
	})
}

// The own node gives the function copies, and gets one.
func TestLocalCallsAreIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		kept := etf.List{1, 2}
		var args []any
		start(t, n,
			Func1("t", "keep", func(_ context.Context, l etf.List) (etf.List, error) { args = l; return kept, nil }))
		ctx := n.Context(t.Context())
		sent := etf.List{[]byte("abc")}
		v, err := Call[etf.List](ctx, "", "t", "keep", sent)
		got(t, kept, v, err)
		v[0] = 7
		args[0].([]byte)[0] = 'x'
		if kept[0] != 1 || string(sent[0].([]byte)) != "abc" {
			t.Error(kept, sent)
		}
	})
}

func TestErrorsOfCalls(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, _ *banyantest.Sim, node banyan.Atom) {
		stack := func(f string, arityOrArgs any) etf.List {
			return etf.List{etf.Tuple{a("t"), a(f), arityOrArgs, etf.List{}}}
		}
		bad := func(f string, arg int, text string, args ...any) etf.List {
			info := etf.Map{{Key: a("argument"), Value: arg}, {Key: a("cause"), Value: []byte(text)}}
			return etf.List{etf.Tuple{a("t"), a(f), etf.List(args), etf.List{etf.Tuple{a("error_info"), info}}}}
		}
		for _, c := range []struct {
			f    string
			args []any
			want Error
			is   error
		}{
			{"throw", []any{a("ball")}, Error{Class: ClassThrow, Reason: a("ball")}, nil},
			{"exit", []any{etf.Tuple{a("no"), 1}}, Error{Class: ClassExit, Reason: etf.Tuple{a("no"), 1}}, nil},
			{"exit", []any{a("shutdown")}, Error{Class: ClassExit, Reason: a("shutdown")}, banyan.ErrShutdown},
			{"error", []any{a("badarith")}, Error{Class: ClassError, Reason: a("badarith"), Stack: stack("error", 1)}, nil},
			{"goerror", nil, Error{Class: ClassError, Reason: etf.Tuple{a("go_error"), []byte("plain")}, Stack: stack("goerror", 0)}, nil},
			{"soldout", nil, Error{Class: ClassError, Reason: a("rpctest.sold_out"), Stack: stack("soldout", 0)}, errSoldOut},
			{"buy", []any{order{"tea", 11}, true}, Error{Class: ClassError, Reason: a("rpctest.sold_out"), Stack: stack("buy", 2)}, errSoldOut},
			{"nothing", []any{1}, Error{Class: ClassError, Reason: a("undef"), Stack: stack("nothing", etf.List{1})}, nil},
			{"add", []any{1}, Error{Class: ClassError, Reason: a("undef"), Stack: stack("add", etf.List{1})}, nil},
			{"undef", nil, Error{Class: ClassError, Reason: a("undef"), Stack: etf.List{etf.Tuple{a("x"), a("y"), etf.List{1}, etf.List{}}}}, nil},
			{"add", []any{1, a("two")}, Error{Class: ClassError, Reason: a("badarg"), Stack: bad("add", 2, "argument 2: want int, got two", 1, a("two"))}, nil},
			{"join", []any{etf.List{}, "", 300}, Error{Class: ClassError, Reason: a("badarg"),
				Stack: bad("join", 3, "argument 3: want int8, got 300", etf.List{}, []byte(""), 300)}, nil},
			{"join", []any{etf.List{1}, "", 3}, Error{Class: ClassError, Reason: a("badarg"),
				Stack: bad("join", 1, "argument 1: want []string, got [1] ([]string[0]: want binary or string, got integer 1)", etf.List{1}, []byte(""), 3)}, nil},
			{"buy", []any{etf.Tuple{a("order"), 1, 2}, true}, Error{Class: ClassError, Reason: a("badarg"),
				Stack: bad("buy", 1, "argument 1: want rpc.order, got {order,1,2} (rpc.order.Item: want binary or string, got integer 1)", etf.Tuple{a("order"), 1, 2}, a("true"))}, nil},
			{"buy", []any{order{"tea", 0}, true}, Error{Class: ClassError, Reason: a("badarg"),
				Stack: bad("buy", 1, "argument 1: count must be positive", etf.Tuple{a("order"), []byte("tea"), 0}, a("true"))}, nil},
			{"die", []any{a("kill")}, Error{Class: ClassExit, Reason: a("killed"), Signal: true}, banyan.ErrKilled},
			{"die", []any{a("why")}, Error{Class: ClassExit, Reason: a("why"), Signal: true}, nil},
		} {
			_, err := Call[any](ctx, node, "t", banyan.Atom(c.f), c.args...)
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%s%v: %v", c.f, c.args, err)
				continue
			}
			if e.Class != c.want.Class || e.Signal != c.want.Signal || !etf.Equal(e.Reason, c.want.Reason) || !etf.Equal(e.stackTerm(), c.want.stackTerm()) {
				t.Errorf("%s%v:\n got %s %v %s %s\nwant %s %v %s %s", c.f, c.args, e.Class, e.Signal, etf.Format(e.Reason), etf.Format(e.Stack),
					c.want.Class, c.want.Signal, etf.Format(c.want.Reason), etf.Format(c.want.Stack))
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%s%v: %v is not %v", c.f, c.args, err, c.is)
			}
			var undef *banyan.UndefinedError
			if is := errors.As(err, &undef); is != (e.Reason == a("undef")) {
				t.Errorf("%s%v: undefined %v", c.f, c.args, is)
			}
		}
		_, err := Call[any](ctx, node, "t", "panic", "oh")
		var p *banyan.PanicError
		var e *Error
		if !errors.As(err, &p) || p.Value != "oh" || !errors.As(err, &e) || len(e.Stack) != 1 {
			t.Error(err)
		} else if s := etf.Format(e.Stack); !bytes.Contains([]byte(s), []byte(`{t,panic,1,[{file,"kit_test.go"},{line,`)) {
			t.Error(s)
		}
		if _, err = Call[any](ctx, node, "t", "chan"); !errors.As(err, &e) || e.Class != ClassError {
			t.Error(err)
		}
	})
}

func TestErrorTexts(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Class: ClassThrow, Reason: a("ball")}, "throw: ball"},
		{Error{Class: ClassExit, Reason: a("killed"), Signal: true}, "ended by an exit signal: killed"},
		{Error{Class: ClassError, Reason: a("badarg"), Stack: etf.List{etf.Tuple{a("t"), a("f"), etf.List{1, 2},
			etf.List{etf.Tuple{a("error_info"), etf.Map{{Key: a("cause"), Value: []byte("argument 1: want string, got 1")}}}}}}},
			"error: badarg in t:f/2: argument 1: want string, got 1"},
		{Error{Class: ClassError, Reason: a("badarith"), Stack: etf.List{etf.Tuple{a("erlang"), a("+"), 2, etf.List{}}}}, "error: badarith in erlang:'+'/2"},
		{Error{Class: ClassError, Reason: a("odd"), Stack: etf.List{1}}, "error: odd"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestTimeouts(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, _ *banyantest.Sim, node banyan.Atom) {
		began := time.Now()
		if _, err := Call[OK](banyan.Within(ctx, time.Second), node, "t", "sleep", 3000); !errors.Is(err, banyan.ErrTimeout) {
			t.Error(err)
		}
		if d := time.Since(began); d < time.Second || d > time.Second+5*time.Millisecond {
			t.Error(d)
		}
		cctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := Call[OK](cctx, node, "t", "sleep", 3000); !errors.Is(err, banyan.ErrTimeout) {
			t.Error(err)
		}
		if _, err := Call[OK](ctx, node, "t", "sleep", 60_000); err != nil { // no default
			t.Error(err)
		}
	})
}

func TestNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim", "c@sim"))
		start(t, c.Node("b@sim"))
		ctx := c.Node("a@sim").Context(t.Context())
		if _, err := Call[OK](ctx, "x@sim", "t", "ok"); !errors.Is(err, banyan.ErrNoConnection) {
			t.Error(err)
		}
		if _, err := Call[OK](ctx, "c@sim", "t", "ok"); !errors.Is(err, ErrNoServer) {
			t.Error(err)
		}
		if _, err := Call[OK](ctx, "a@sim", "t", "ok"); !errors.Is(err, ErrNoServer) {
			t.Error(err)
		}
		if _, err := Call[OK](t.Context(), "b@sim", "t", "ok"); !errors.Is(err, banyan.ErrNoNode) {
			t.Error(err)
		}
		f := Async[OK](ctx, "b@sim", "t", "sleep", 60_000)
		<-time.After(time.Second)
		c.Kill("b@sim")
		if _, err := f.Await(ctx); !errors.Is(err, banyan.ErrNoConnection) {
			t.Error(err)
		}
	})
}

func TestCallersAndContexts(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, c *banyantest.Sim, node banyan.Atom) {
		n := c.Node("a@sim")
		p := banyantest.NewProbe(t, n)
		leader := banyantest.NewProbe(t, n, banyan.Name("user"))
		p.Do(func(self *banyan.Self) {
			who, err := Call[banyan.PID](self, node, "t", "whoami")
			got(t, self.PID(), who, err)
		})
		who, err := Call[banyan.PID](ctx, node, "t", "whoami")
		if err != nil || who.Node != "a@sim" {
			t.Error(who, err)
		}
		l, err := Call[banyan.PID](ctx, node, "t", "leader")
		got(t, leader.PID(), l, err)
		// A function may call on; its errors are the caller's.
		n2, err := Call[int](ctx, node, "t", "relay", node, a("t"), a("add"), etf.List{3, 4})
		got(t, 7, n2, err)
		var e *Error
		_, err = Call[int](ctx, node, "t", "relay", node, a("t"), a("throw"), etf.List{a("far")})
		if !errors.As(err, &e) || e.Class != ClassThrow || e.Reason != a("far") {
			t.Error(err)
		}
		if _, ok := From(ctx); ok {
			t.Error("a request from nowhere")
		}
	})
}

func TestCasts(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, c *banyantest.Sim, node banyan.Atom) {
		p := banyantest.NewProbe(t, c.Node("a@sim"))
		err := errors.Join(Cast(ctx, node, "t", "relay", a("a@sim"), a("x"), a("y"), etf.List{}), // fails, is logged
			Cast(ctx, node, "t", "nothing"), Cast(ctx, node, "t", "notify", p.PID(), "hello"))
		if err != nil {
			t.Error(err)
		}
		banyantest.Expect(p, time.Second, func(m any) bool { return etf.Equal(must(etf.TermOf(m)), []byte("hello")) })
		if err := Cast(ctx, "x@sim", "t", "ok"); !errors.Is(err, banyan.ErrNoConnection) {
			t.Error(err)
		}
		if err := Cast(t.Context(), node, "t", "ok"); !errors.Is(err, banyan.ErrNoNode) {
			t.Error(err)
		}
		if err := Cast(ctx, node, "t", "ok", make(chan int)); err == nil {
			t.Error("a channel was sent")
		}
	})
}

func TestMaxCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		s := New(MaxCalls(3))
		if err := errors.Join(s.Register(functions()...), s.Start(c.Node("b@sim"))); err != nil {
			t.Fatal(err)
		}
		ctx := c.Node("a@sim").Context(t.Context())
		var fs []*Future[OK]
		for range 3 {
			fs = append(fs, Async[OK](ctx, "b@sim", "t", "sleep", 1000))
		}
		<-time.After(500 * time.Millisecond)
		if _, err := Call[OK](ctx, "b@sim", "t", "ok"); !errors.Is(err, ErrSystemLimit) || s.Running() != 3 || s.Refused() != 1 {
			t.Error(err, s.Running(), s.Refused())
		}
		for _, f := range fs {
			if _, err := f.Await(ctx); err != nil {
				t.Error(err)
			}
		}
		if _, err := Call[OK](ctx, "b@sim", "t", "ok"); err != nil || s.Running() != 0 {
			t.Error(err, s.Running())
		}
	})
}

func TestFutures(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, c *banyantest.Sim, node banyan.Atom) {
		f := Async[int](ctx, node, "t", "add", 1, 2)
		slow := Async[OK](ctx, node, "t", "sleep", 2000)
		v, err := f.Await(ctx)
		got(t, 3, v, err)
		if _, err, ok := slow.Poll(); ok {
			t.Error(err)
		}
		if _, err := slow.Await(banyan.Within(ctx, time.Second)); !errors.Is(err, banyan.ErrTimeout) {
			t.Error(err)
		}
		if _, err := slow.Await(ctx); err != nil {
			t.Error(err)
		}
		if _, err, ok := slow.Poll(); err != nil || !ok {
			t.Error(err, ok)
		}
		gone := Async[OK](ctx, node, "t", "sleep", 2000)
		gone.Cancel()
		if _, err := gone.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		late := Async[OK](banyan.Within(ctx, time.Second), node, "t", "sleep", 2000)
		if _, err := late.Await(ctx); !errors.Is(err, banyan.ErrTimeout) {
			t.Error(err)
		}
		bad := Async[OK](ctx, node, "t", "echo", make(chan int))
		if _, err := bad.Await(ctx); err == nil {
			t.Error("a channel was sent")
		}
		// It outlives the handler that began it, but not the process.
		p := banyantest.NewProbe(t, c.Node("a@sim"))
		var kept, lost *Future[OK]
		p.Do(func(self *banyan.Self) {
			kept = Async[OK](self, node, "t", "sleep", 1000)
			lost = Async[OK](self, node, "t", "sleep", 5000)
		})
		p.Do(func(self *banyan.Self) {
			if _, err := kept.Await(self); err != nil {
				t.Error(err)
			}
		})
		p.Exit(nil)
		if _, err := lost.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestMultiCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim", "c@sim", "d@sim"),
			banyantest.DistConfig(func(d *dist.Config) { d.SetupTime = 20 * time.Second }))
		for i, name := range []string{"a@sim", "b@sim", "c@sim"} {
			start(t, c.Node(name), Func0("t", "slow", func(ctx context.Context) (string, error) {
				<-time.After(time.Duration(3-i) * time.Second)
				return name, nil
			}))
		}
		ctx := c.Node("a@sim").Context(t.Context())
		c.Kill("d@sim")
		nodes := []banyan.Atom{"a@sim", "d@sim", "b@sim", "x@sim", "c@sim", "b@sim"}
		run := func(ctx context.Context) (order string) {
			for o := range MultiCall[string](ctx, nodes, "t", "slow") {
				switch {
				case o.Err == nil && o.Value == string(o.Node):
					order += o.Value[:1]
				case errors.Is(o.Err, banyan.ErrNoConnection):
					order += "-"
				default:
					order += fmt.Sprint("!", o.Err)
				}
			}
			return order
		}
		if s := run(ctx); s != "--cbba" {
			t.Error(s)
		}
		p := banyantest.NewProbe(t, c.Node("a@sim"))
		p.Do(func(self *banyan.Self) {
			if s := run(self); s != "--cbba" {
				t.Error(s)
			}
		})
		n, late := 0, 0
		for o := range MultiCall[string](banyan.Within(ctx, 1500*time.Millisecond), nodes, "t", "slow") {
			n++
			if errors.Is(o.Err, banyan.ErrTimeout) {
				late++
			}
		}
		if n != 6 || late != 3 {
			t.Error(n, late)
		}
		began := time.Now()
		for range MultiCall[string](ctx, nodes, "t", "slow") {
			break
		}
		if d := time.Since(began); d > time.Second {
			t.Error(d)
		}
		for o := range MultiCall[any](ctx, nodes[:2], "t", "echo", make(chan int)) {
			if o.Err == nil {
				t.Error(o)
			}
		}
		for range MultiCall[any](ctx, nil, "t", "echo") {
			t.Error("an outcome of none")
		}
	})
}

// lines is a log handler that keeps what is logged at error.
type lines struct {
	slog.Handler
	n *atomic.Int64
}

func (l lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (l lines) Handle(context.Context, slog.Record) error        { l.n.Add(1); return nil }
func (l lines) WithAttrs([]slog.Attr) slog.Handler               { return l }

func TestAnswersAreNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"),
			banyantest.NodeOptions(banyan.WithLogger(slog.New(lines{slog.DiscardHandler, &n}))))
		for _, name := range []string{"a@sim", "b@sim"} {
			start(t, c.Node(name))
		}
		ctx := c.Node("a@sim").Context(t.Context())
		for _, node := range []banyan.Atom{"a@sim", "b@sim"} {
			_, _ = Call[any](ctx, node, "t", "hello")
			_, _ = Call[any](ctx, node, "t", "throw", 1)
			_, _ = Call[any](ctx, node, "t", "error", 1)
			_, _ = BlockCall[any](ctx, node, "t", "exit", 1)
		}
		synctest.Wait()
		if n.Load() != 0 {
			t.Errorf("%d records", n.Load())
		}
		_, _ = Call[any](ctx, "b@sim", "t", "panic", "oh") // a panic is a defect of this program
		if err := Cast(ctx, "b@sim", "t", "error", 1); err != nil {
			t.Error(err)
		}
		<-time.After(time.Second)
		if n.Load() != 2 {
			t.Errorf("%d records", n.Load())
		}
	})
}
