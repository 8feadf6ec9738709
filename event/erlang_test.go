// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/event"
	"github.com/banyan-go/banyan/internal/erltest"
)

// wireAlarm is {alarm, Text, Level} in Erlang.
type wireAlarm struct {
	Text  string
	Level int
}

// wireLog is a handler that keeps what it gets, and answers terms.
type wireLog struct{ got []string }

func (l *wireLog) Event(_ *banyan.Self, a wireAlarm) error {
	if a.Level > 8 {
		panic("too much")
	}
	l.got = append(l.got, a.Text)
	return nil
}

func (l *wireLog) TermCall(_ *banyan.Self, q any) (any, error) {
	if q == banyan.Atom("all") {
		return strings.Join(l.got, " "), nil
	}
	return nil, errBoom
}

func newWireLog(context.Context, *banyan.Self) (*wireLog, error) { return &wireLog{}, nil }

// Erlang's gen_event functions work on a manager; so do those of this package between two Go nodes.
func TestErlangNotifies(t *testing.T) {
	banyan.RegisterType[wireAlarm]("alarm")
	event.Register[wireAlarm]()
	port := erltest.FreePort(t)
	e := erltest.Start(t, "event1", port, "monster")
	start := func(name string) *banyan.Node {
		n, err := banyan.Start(name, banyan.WithTransport(dist.New(dist.Config{Cookie: "monster", Names: &dist.EPMD{Port: port}})))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Stop(context.Background()) })
		return n
	}
	n := start("event2@127.0.0.1")
	m, err := event.Start[wireAlarm](n, banyan.Name("alarms"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := n.Context(t.Context())
	for _, id := range []banyan.Atom{"log", "wire:1"} {
		if err := event.Add(ctx, m, id, newWireLog); err != nil {
			t.Fatal(err)
		}
	}
	const a = "{alarms, 'event2@127.0.0.1'}"
	for _, c := range []struct{ expr, want string }{
		{"gen_event:which_handlers(" + a + ")", "['wire:1',log]"},
		{"gen_event:notify(" + a + ", {alarm, <<\"one\">>, 1})", "ok"},
		{"gen_event:sync_notify(" + a + ", {alarm, <<\"two\">>, 2})", "ok"},
		{"gen_event:call(" + a + ", log, all)", "<<\"one two\">>"},
		{"gen_event:call(" + a + ", {wire, 1}, all, 5000)", "<<\"one two\">>"},
		{"gen_event:call(" + a + ", log, nothing)", "{error,<<\"boom\">>}"},
		{"gen_event:call(" + a + ", nobody, all)", "{error,bad_module}"},
		{"gen_event:notify(" + a + ", {nonsense, 1})", "ok"},
		{"element(1, gen_event:sync_notify(" + a + ", {nonsense, 1}))", "error"},
		{"gen_event:delete_handler(" + a + ", {wire, 1}, now)", "ok"},
		{"gen_event:delete_handler(" + a + ", {wire, 1}, now)", "{error,module_not_found}"},
		{"gen_event:add_handler(" + a + ", some_module, [])", "{'EXIT',undef}"},
		{"gen_event:sync_notify(" + a + ", {alarm, <<\"nine\">>, 9})", "ok"},
		{"gen_event:which_handlers(" + a + ")", "[]"},
	} {
		if got := e.Eval(t, c.expr); got != c.want {
			t.Errorf("%s is %s, want %s", c.expr, got, c.want)
		}
	}

	other := start("event3@127.0.0.1")
	far := banyan.Within(other.Context(t.Context()), time.Minute)
	if err := event.Add(ctx, m, "log", newWireLog); err != nil {
		t.Fatal(err)
	}
	to := banyan.At[*event.Manager[wireAlarm]]("alarms", "event2@127.0.0.1")
	if err := event.Notify(far, to, wireAlarm{"three", 3}); err != nil {
		t.Error(err)
	}
	if err := event.SyncNotify(far, to, wireAlarm{"four", 4}); err != nil {
		t.Error(err)
	}
	if ids, err := event.Which(far, to); err != nil || !slices.Equal(ids, []banyan.Atom{"log"}) {
		t.Error(ids, err)
	}
	if got := e.Eval(t, "gen_event:call("+a+", log, all)"); got != "<<\"three four\">>" {
		t.Error(got)
	}
	if got := e.Eval(t, "gen_event:stop("+a+")"); got != "ok" {
		t.Error(got)
	}
	if pid, ok := n.Whereis("alarms"); ok {
		t.Error("it goes on:", pid)
	}
}
