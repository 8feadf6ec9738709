// SPDX-License-Identifier: Apache-2.0

package statem_test

import (
	"context"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/statem"
)

// gate is a machine for Erlang callers.
type gate struct {
	statem.Machine[string]
	passed int
}

func newGate(context.Context, *banyan.Self) (*gate, error) {
	return &gate{Machine: statem.In("closed")}, nil
}

type gatePass struct{ N int }

func (m gatePass) Call(g *gate, _ *banyan.Self) (int, error) {
	if g.State() == "closed" {
		return 0, g.Postpone()
	}
	g.passed += m.N
	return g.passed, nil
}

type gateState struct{}

func (gateState) Call(g *gate, _ *banyan.Self) (banyan.Atom, error) {
	return banyan.Atom(g.State()), nil
}

type gateOpen struct{ Millis int }

func (m gateOpen) Cast(g *gate, _ *banyan.Self) error {
	g.Next("open")
	statem.StateTimeout(g, time.Duration(m.Millis)*time.Millisecond, gateClose{})
	return nil
}

type gateClose struct{}

func (gateClose) Cast(g *gate, _ *banyan.Self) error { g.Next("closed"); return nil }

type gateBreak struct{}

func (gateBreak) Cast(*gate, *banyan.Self) error { return banyan.Shutdown(errBoom) }

// Erlang's gen_statem functions work on a machine, as does a proxy of real gen_statem calls made by requests.
func TestErlangCallsAMachine(t *testing.T) {
	port := erltest.FreePort(t)
	e := erltest.Start(t, "statem1", port, "monster")
	banyan.RegisterCall[gatePass]("pass")
	banyan.RegisterCall[gateState]("state")
	banyan.RegisterCast[gateOpen]("open")
	banyan.RegisterCast[gateClose]("close")
	banyan.RegisterCast[gateBreak]("break")
	n, err := banyan.Start("statem2@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{Cookie: "monster", Names: &dist.EPMD{Port: port}})))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop(context.Background())
	gateRef, err := banyan.Spawn(n, newGate, banyan.Name("gate"))
	if err != nil {
		t.Fatal(err)
	}
	const g = "{gate, 'statem2@127.0.0.1'}"
	for _, c := range []struct{ expr, want string }{
		{"gen_statem:call(" + g + ", state)", "closed"},
		{"put(r, gen_statem:send_request(" + g + ", {pass, 2})), gen_statem:wait_response(get(r), 50)", "timeout"},
		{"gen_statem:call(" + g + ", state)", "closed"},
		{"gen_statem:cast(" + g + ", {open, 3600000})", "ok"},
		{"gen_statem:receive_response(get(r), 5000)", "{reply,2}"},
		{"gen_statem:call(" + g + ", {pass, 3}, 5000)", "5"},
		{"gen_statem:call(" + g + ", state)", "open"},
		{"gen_statem:cast(" + g + ", close), gen_statem:call(" + g + ", state)", "closed"},
		{"gen_statem:cast(" + g + ", {open, 1})", "ok"},
	} {
		if got := e.Eval(t, c.expr); got != c.want {
			t.Errorf("%s is %s, want %s", c.expr, got, c.want)
		}
	}
	e.Until(t, "gen_statem:call("+g+", state)", "closed") // by its time-out
	// Who waits when the machine ends hears why.
	if got := e.Eval(t, "put(r, gen_statem:send_request("+g+", {pass, 2})), gen_statem:call("+g+", state)"); got != "closed" {
		t.Error(got)
	}
	m := make(chan error, 1)
	if _, err := banyan.Go(n, func(self *banyan.Self) error {
		ref := self.Monitor(gateRef.PID())
		d, err := banyan.ReceiveOf[banyan.Down](banyan.Within(self, time.Minute), self)
		if err == nil && d.Monitor == ref {
			err = d.Reason
		}
		m <- err
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	e.Eval(t, "gen_statem:cast("+g+", break)")
	const want = "{error,{{shutdown,{go_error,<<\"boom\">>}},{gate,'statem2@127.0.0.1'}}}"
	if got := e.Eval(t, "gen_statem:receive_response(get(r), 5000)"); got != want {
		t.Error(got)
	}
	if err := <-m; err == nil {
		t.Error("no reason")
	}
}
