// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/event"
	"github.com/banyan-go/banyan/supervisor"
)

var errBoom = errors.New("boom")

// note is the event of these tests.
type note string

type (
	manager = event.Manager[note]
	ref     = banyan.Ref[*manager]
)

// trace is what happened, from whatever process.
type trace struct {
	mu    sync.Mutex
	lines []string
}

func (t *trace) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

func (t *trace) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.Join(t.lines, ", ")
	t.lines = nil
	return s
}

// probe is a handler that writes down what it gets, and does what the event says.
type probe struct {
	name string
	out  *trace
	n    int
}

func (p *probe) Event(_ *banyan.Self, ev note) error {
	p.n++
	p.out.add("%s %s", p.name, ev)
	what, who, _ := strings.Cut(string(ev), " ")
	if who != p.name {
		return nil
	}
	switch what {
	case "remove":
		return event.Remove
	case "fail":
		return errBoom
	case "panic":
		panic(errBoom)
	case "swap":
		return event.SwapTo("heir", func(_ context.Context, _ *banyan.Self, old event.Handler[note]) (*probe, error) {
			return &probe{"heir", p.out, old.(*probe).n}, nil
		})
	case "badswap":
		return event.SwapTo("heir", func(context.Context, *banyan.Self, event.Handler[note]) (*probe, error) { panic("no heir") })
	}
	return nil
}

func (p *probe) Info(_ *banyan.Self, v any) error {
	if s, ok := v.(string); ok {
		p.out.add("%s info %s", p.name, s)
	}
	return nil
}

func (p *probe) Terminate(_ *banyan.Self, reason error) {
	p.out.add("%s ends: %s", p.name, reason)
	if reason == event.Remove && p.name == "sore" {
		panic("again")
	}
}

// count asks a probe how many events it has had.
type count struct{ Add int }

func (c count) Call(p *probe, _ *banyan.Self) (int, error) {
	switch c.Add {
	case 98:
		return 0, errBoom
	case 99:
		panic(errBoom)
	}
	return p.n + c.Add, nil
}

// other is a query for another type of handler.
type other struct{}

func (other) Call(*strings.Builder, *banyan.Self) (int, error) { return 0, nil }

// adder is a process that adds handlers, and hears of them.
type adder struct{ out *trace }

func (a *adder) Info(_ *banyan.Self, v any) error {
	if g, ok := v.(event.Gone); ok {
		var pe *banyan.PanicError
		if errors.As(g.Reason, &pe) {
			a.out.add("told %s: panic %s", g.ID, pe.Value)
		} else {
			a.out.add("told %s: %v", g.ID, g.Reason)
		}
	}
	if x, ok := v.(banyan.Exit); ok {
		a.out.add("exit: %v", x.Reason)
	}
	return nil
}

type do struct{ f func(*banyan.Self) error }

func (do) Immutable() {}

func (m do) Call(_ *adder, self *banyan.Self) (int, error) { return 0, m.f(self) }

type rig struct {
	*testing.T
	n     *banyan.Node
	ctx   context.Context
	m     ref
	a     banyan.Ref[*adder]
	out   *trace // of the handlers
	heard *trace // of the adder
	log   *logs
}

type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func bubble(t *testing.T, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, out: &trace{}, heard: &trace{}, log: &logs{}}
		var err error
		if r.n, err = banyan.Start("test@localhost", banyan.WithLogger(slog.New(slog.NewTextHandler(r.log, nil)))); err != nil {
			t.Fatal(err)
		}
		defer r.n.Stop(context.Background())
		r.ctx = r.n.Context(t.Context())
		if r.m, err = event.Start[note](r.n, banyan.Name("notes")); err != nil {
			t.Fatal(err)
		}
		if r.a, err = banyan.SpawnState(r.n, &adder{r.heard}, banyan.TrapExits()); err != nil {
			t.Fatal(err)
		}
		f(r)
	})
}

func (r *rig) starter(name string) event.Starter[*probe] {
	return func(context.Context, *banyan.Self) (*probe, error) { return &probe{name: name, out: r.out}, nil }
}

// add adds probes; those whose name begins with + by the adder, supervised.
func (r *rig) add(names ...string) {
	r.Helper()
	for _, name := range names {
		var err error
		if id, sup := strings.CutPrefix(name, "+"); sup {
			_, err = banyan.Call(r.ctx, r.a, do{func(self *banyan.Self) error {
				return event.AddSup(self, r.m, banyan.Atom(id), r.starter(id))
			}})
		} else {
			err = event.Add(r.ctx, r.m, banyan.Atom(id), r.starter(id))
		}
		if err != nil {
			r.Fatal(name, err)
		}
	}
}

func (r *rig) want(want string) {
	r.Helper()
	synctest.Wait()
	got := r.out.take()
	if heard := r.heard.take(); heard != "" && got != "" { // the adder runs beside the manager: what it hears comes behind
		got += ", " + heard
	} else {
		got += heard
	}
	if got != want {
		r.Errorf("got  %s\nwant %s", got, want)
	}
}

func (r *rig) which(want ...banyan.Atom) {
	r.Helper()
	if got, err := event.Which(r.ctx, r.m); err != nil || !slices.Equal(got, want) {
		r.Error(got, err, "want", want)
	}
}

func (r *rig) sync(ev note) {
	r.Helper()
	if err := event.SyncNotify(r.ctx, r.m, ev); err != nil {
		r.Error(err)
	}
}

// What happens to handlers, as in OTP: the newest is told first, and one that crashes is removed, alone.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		rule string
		add  []string
		do   func(r *rig)
		want string
		left []banyan.Atom
		logs int
	}{
		{"all are told, the newest first", []string{"a", "b"}, func(r *rig) { r.sync("x") }, "b x, a x", []banyan.Atom{"b", "a"}, 0},
		{"nobody is there", nil, func(r *rig) { r.sync("x") }, "", nil, 0},
		{"notify does not wait, and keeps order", []string{"a"}, func(r *rig) {
			for i := range 3 {
				if err := event.Notify(r.ctx, r.m, note(fmt.Sprint(i))); err != nil {
					r.Error(err)
				}
			}
		}, "a 0, a 1, a 2", []banyan.Atom{"a"}, 0},
		{"one removes itself", []string{"a", "b"}, func(r *rig) { r.sync("remove b"); r.sync("x") },
			"b remove b, b ends: remove the handler, a remove b, a x", []banyan.Atom{"a"}, 0},
		{"its adder is told", []string{"+a"}, func(r *rig) { r.sync("remove a") },
			"a remove a, a ends: remove the handler, told a: normal", nil, 0},
		{"one fails, the others go on", []string{"a", "b", "c"}, func(r *rig) { r.sync("fail b"); r.sync("x") },
			"c fail b, b fail b, b ends: boom, a fail b, c x, a x", []banyan.Atom{"c", "a"}, 1},
		{"one panics, the others go on, its adder is told", []string{"a", "+b"}, func(r *rig) { r.sync("panic b"); r.sync("x") },
			"b panic b, b ends: panic: boom, a panic b, a x, told b: panic boom", []banyan.Atom{"a"}, 1},
		{"a panic in Terminate as well", []string{"sore", "a"}, func(r *rig) { r.sync("remove sore"); r.sync("x") },
			"a remove sore, sore remove sore, sore ends: remove the handler, a x", []banyan.Atom{"a"}, 1},
		{"one makes place for another, which takes its state", []string{"a", "+b"}, func(r *rig) { r.sync("swap b"); r.sync("x") },
			"b swap b, b ends: swapped, a swap b, heir x, a x, told b: swapped", []banyan.Atom{"heir", "a"}, 0},
		{"the heir is the adder's as well", []string{"+b"}, func(r *rig) { r.sync("swap b"); r.sync("panic heir") },
			"b swap b, b ends: swapped, heir panic heir, heir ends: panic: boom, told b: swapped, told heir: panic boom", nil, 1},
		{"an heir that does not come", []string{"+b"}, func(r *rig) { r.sync("badswap b") },
			"b badswap b, b ends: swapped, told b: swapped, told heir: panic no heir", nil, 1},
		{"deleted", []string{"a", "+b"}, func(r *rig) {
			if err := event.Delete(r.ctx, r.m, "b"); err != nil {
				r.Error(err)
			}
			if err := event.Delete(r.ctx, r.m, "b"); !errors.Is(err, event.ErrNoHandler) {
				r.Error(err)
			}
		}, "b ends: normal, told b: normal", []banyan.Atom{"a"}, 0},
		{"swapped from outside", []string{"+a"}, func(r *rig) {
			r.sync("x")
			if err := event.Swap(r.ctx, r.m, "a", "z", func(_ context.Context, _ *banyan.Self, old event.Handler[note]) (*probe, error) {
				return &probe{"z", r.out, old.(*probe).n}, nil
			}); err != nil {
				r.Error(err)
			}
			if n, err := event.Call(r.ctx, r.m, "z", count{10}); n != 11 || err != nil {
				r.Error(n, err)
			}
		}, "a x, a ends: swapped, told a: swapped", []banyan.Atom{"z"}, 0},
		{"swapped for nobody", nil, func(r *rig) {
			if err := event.Swap(r.ctx, r.m, "a", "z", func(_ context.Context, _ *banyan.Self, old event.Handler[note]) (*probe, error) {
				r.out.add("old %v", old)
				return &probe{name: "z", out: r.out}, nil
			}); err != nil {
				r.Error(err)
			}
		}, "old <nil>", []banyan.Atom{"z"}, 0},
		{"plain messages go to Info of all", []string{"a", "b"}, func(r *rig) { _ = banyan.Send(r.ctx, r.m.PID(), "hi") },
			"b info hi, a info hi", []banyan.Atom{"b", "a"}, 0},
		{"the adder's end removes its handlers", []string{"+a", "b", "+c"}, func(r *rig) {
			_ = banyan.SendExit(r.ctx, r.a.PID(), banyan.ErrKill)
		}, "c ends: killed, a ends: killed", []banyan.Atom{"b"}, 0},
		{"also if that is normal", []string{"+a"}, func(r *rig) {
			_, _ = banyan.Call(r.ctx, r.a, do{func(self *banyan.Self) error { self.Stop(nil); return nil }})
		}, "a ends: normal", nil, 0},
		{"not after the handler has left", []string{"+a", "b"}, func(r *rig) {
			r.sync("remove a")
			synctest.Wait()
			_ = banyan.SendExit(r.ctx, r.a.PID(), banyan.ErrKill)
		}, "b remove a, a remove a, a ends: remove the handler, told a: normal", []banyan.Atom{"b"}, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.add(c.add...)
				c.do(r)
				r.want(c.want)
				r.which(c.left...)
				if n := r.log.count("level=ERROR"); n != c.logs {
					t.Errorf("%d log records, want %d: %s", n, c.logs, r.log.b.String())
				}
			})
		})
	}
}

// The end of the manager ends its handlers, and adders are told. They get an exit signal only if it is killed.
func TestManagerEnds(t *testing.T) {
	bubble(t, func(r *rig) {
		r.add("a", "+b")
		_ = banyan.SendExit(r.ctx, r.m.PID(), banyan.ErrKill)
		r.want("exit: killed")
	})
	bubble(t, func(r *rig) {
		tree := supervisor.New("top", supervisor.OneForOne, supervisor.Worker("more", event.New[note], supervisor.With(banyan.Name("more"))))
		top, err := tree.Start(r.n)
		if err != nil {
			t.Fatal(err)
		}
		pid, _ := r.n.Whereis("more")
		if r.m, err = banyan.RefOf[*manager](r.n, pid); err != nil {
			t.Fatal(err)
		}
		r.add("a", "+b")
		if err := supervisor.Stop(r.ctx, top, nil); err != nil {
			t.Error(err)
		}
		r.want("b ends: shutdown, a ends: shutdown, told b: shutdown")
	})
}

func TestAddFails(t *testing.T) {
	bubble(t, func(r *rig) {
		r.add("a")
		if err := event.Add(r.ctx, r.m, "a", r.starter("a")); !errors.Is(err, event.ErrHandlerExists) {
			t.Error(err)
		}
		var he *event.HandlerError
		if err := event.Add(r.ctx, r.m, "b", func(context.Context, *banyan.Self) (*probe, error) { return nil, errBoom }); !errors.Is(err, errBoom) || !errors.As(err, &he) {
			t.Error(err)
		}
		if err := event.Add(r.ctx, r.m, "b", func(context.Context, *banyan.Self) (*probe, error) { panic(errBoom) }); !errors.Is(err, errBoom) {
			t.Error(err)
		}
		r.which("a")
		small, err := banyan.Spawn(r.n, event.Config[note]{MaxHandlers: 1}.New)
		if err != nil {
			t.Fatal(err)
		}
		r.m = small
		r.add("a")
		if err := event.Add(r.ctx, r.m, "b", r.starter("b")); !errors.Is(err, event.ErrTooManyHandlers) {
			t.Error(err)
		}
	})
}

func TestCall(t *testing.T) {
	bubble(t, func(r *rig) {
		r.add("a", "+b")
		r.sync("x")
		if n, err := event.Call(r.ctx, r.m, "a", count{1}); n != 2 || err != nil {
			t.Error(n, err)
		}
		if n, err := event.Call(r.ctx, banyan.At[*manager]("notes", ""), "a", count{2}); n != 3 || err != nil {
			t.Error(n, err)
		}
		if _, err := event.Call(r.ctx, r.m, "z", count{}); !errors.Is(err, event.ErrNoHandler) {
			t.Error(err)
		}
		if _, err := event.Call(r.ctx, r.m, "a", other{}); !errors.Is(err, banyan.ErrNotUnderstood) {
			t.Error(err)
		}
		if _, err := event.Call(r.ctx, r.m, "b", count{98}); err != errBoom {
			t.Error(err)
		}
		r.which("b", "a")
		var he *event.HandlerError
		if _, err := event.Call(r.ctx, r.m, "b", count{99}); !errors.As(err, &he) || he.ID != "b" || !errors.Is(err, errBoom) {
			t.Error(err)
		}
		r.which("a")
		r.want("b x, a x, b ends: panic: boom, told b: panic boom")
	})
}

// A manager whose events are of several types.
func TestOn(t *testing.T) {
	bubble(t, func(r *rig) {
		m, err := event.Start[any](r.n)
		if err != nil {
			t.Fatal(err)
		}
		if err := event.Add(r.ctx, m, "ints", event.On[any](func(_ *banyan.Self, n int) error { r.out.add("int %d", n); return nil })); err != nil {
			t.Fatal(err)
		}
		if err := event.Add(r.ctx, m, "errors", event.On[any](func(_ *banyan.Self, err error) error { r.out.add("error %v", err); return nil })); err != nil {
			t.Fatal(err)
		}
		for _, ev := range []any{1, "x", errBoom, 2} {
			if err := event.SyncNotify(r.ctx, m, ev); err != nil {
				t.Error(err)
			}
		}
		r.want("int 1, error boom, int 2")
	})
}

func TestSyncNotifyToNobody(t *testing.T) {
	bubble(t, func(r *rig) {
		if err := event.SyncNotify(r.ctx, banyan.At[*manager]("nobody", ""), note("x")); !errors.Is(err, banyan.ErrNoProcess) {
			t.Error(err)
		}
		r.add("slow")
		if err := event.Add(r.ctx, r.m, "sleeper", event.On[note](func(*banyan.Self, note) error { <-time.After(time.Minute); return nil })); err != nil {
			t.Fatal(err)
		}
		if err := event.SyncNotify(r.ctx, r.m, note("x"), banyan.Timeout(time.Second)); !errors.Is(err, banyan.ErrTimeout) {
			t.Error(err)
		}
		<-time.After(time.Hour) // virtual: until the handler is done
	})
}
