// SPDX-License-Identifier: Apache-2.0

package global_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/global"
)

type till struct{}

type who struct{}

func (who) Call(_ *till, self *banyan.Self) (banyan.PID, error) { return self.PID(), nil }

type other struct{}

func init() { banyan.RegisterCall[who]("who") }

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim", "b@sim", "c@sim")
		c.link("a@sim", "b@sim")
		c.link("b@sim", "c@sim") // a and c find each other by b
		pass(30 * time.Second)
		c.agree()
		a, b := c.ctx["a@sim"], c.ctx["b@sim"]
		if err := global.Sync(a); err != nil {
			t.Error(err)
		}
		ref, _ := banyan.SpawnState(c.Node("a@sim"), &till{})
		p := banyantest.NewProbe(t, c.Node("b@sim"))
		name := etf.Tuple{atom("till"), 1}
		if err := global.Register(a, name, ref.PID()); err != nil {
			t.Fatal(err)
		}
		c.agree()
		for _, n := range c.names {
			if pid, err := banyan.Call(c.ctx[n], global.Name[*till](name), who{}); err != nil || pid != ref.PID() {
				t.Error(n, pid, err)
			}
		}
		if err := global.Register(b, name, p.PID()); !errors.Is(err, global.ErrTaken) {
			t.Error(err)
		}
		if err := global.Register(b, "second", ref.PID()); err != nil { // any node may, for any process, more names
			t.Error(err)
		}
		if err := global.Reregister(b, name, p.PID()); err != nil {
			t.Error(err)
		}
		c.agree()
		if err := global.Send(c.ctx["c@sim"], name, atom("hello")); err != nil {
			t.Error(err)
		}
		banyantest.Expect(p, time.Second, func(m atom) bool { return m == "hello" })
		if err := global.Unregister(a, name); err != nil {
			t.Error(err)
		}
		if err := global.Unregister(a, name); err != nil {
			t.Error(err)
		}
		if _, err := banyan.Call(b, global.Name[*till](name), who{}); !errors.Is(err, global.ErrNoName) || !errors.Is(err, banyan.ErrNoProcess) || !errors.Is(err, banyan.ErrNotDelivered) {
			t.Error(err)
		}
		if err := banyan.SendExit(a, ref.PID(), banyan.ErrKill); err != nil {
			t.Error(err)
		}
		pass(time.Second)
		for _, n := range c.names {
			if v := c.view(n); len(v) != 0 {
				t.Error("a dead process has a name:", n, v)
			}
		}
		wrong, _ := banyan.SpawnState(c.Node("a@sim"), &other{})
		if err := global.Register(a, "wrong", wrong.PID()); err != nil {
			t.Error(err)
		}
		if _, err := banyan.Call(a, global.Name[*till]("wrong"), who{}); !errors.Is(err, banyan.ErrNotUnderstood) {
			t.Error(err)
		}
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		ctx := n.Context(t.Context())
		p := banyantest.NewProbe(t, n)
		for _, err := range []error{global.Register(ctx, "x", p.PID()), global.Unregister(ctx, "x"), global.Sync(ctx), global.Trans(ctx, global.ID{Resource: 1}, func() error { return nil })} {
			if !errors.Is(err, global.ErrNotRunning) {
				t.Error(err)
			}
		}
		if _, err := global.Whereis(ctx, "x"); !errors.Is(err, global.ErrNotRunning) {
			t.Error(err)
		}
		if _, err := global.Names(ctx); !errors.Is(err, global.ErrNotRunning) {
			t.Error(err)
		}
		if _, err := global.Whereis(t.Context(), "x"); !errors.Is(err, banyan.ErrNoNode) {
			t.Error(err)
		}
		if err := global.Register(t.Context(), "x", p.PID()); !errors.Is(err, banyan.ErrNoNode) {
			t.Error(err)
		}
		if _, err := global.Start(n); err != nil {
			t.Fatal(err)
		}
		if _, err := global.Start(n); !errors.Is(err, banyan.ErrNameTaken) {
			t.Error(err)
		}
		if err := global.Register(ctx, make(chan int), p.PID()); err == nil {
			t.Error("a channel is no name")
		}
		if _, err := global.Name[*till](make(chan int)).Resolve(ctx); err == nil {
			t.Error("a channel is no name")
		}
		if err := global.Register(ctx, "x", p.PID()); err != nil { // alone it works, too
			t.Error(err)
		}
		if pid, err := global.Whereis(ctx, "x"); err != nil || pid != p.PID() {
			t.Error(pid, err)
		}
	})
}

// Clusters that are joined: a name that both have stays with one of the two, everywhere, and the other is told.
func TestClash(t *testing.T) {
	pick := global.NewMethod("greatest", func(_ context.Context, _ any, a, b banyan.PID) banyan.PID {
		if a.Node > b.Node {
			return a
		}
		return b
	})
	bad := global.NewMethod("bad", func(context.Context, any, banyan.PID, banyan.PID) banyan.PID { panic("oh") })
	for _, c := range []struct {
		name   string
		method []global.Method
		keeps  string // "" is nobody
		told   func(t *testing.T, a, d *banyantest.Probe)
	}{
		{"default", nil, "a@sim", func(t *testing.T, _, d *banyantest.Probe) {
			// d is killed: its monitor on itself cannot tell, so the name's absence and the node's count do.
			if _, ok := d.Node().Info(d.PID()); ok {
				t.Error("the loser lives")
			}
		}},
		{"notify", []global.Method{global.RandomNotify}, "a@sim", func(t *testing.T, _, d *banyantest.Probe) {
			banyantest.Expect(d, 0, func(m etf.Tuple) bool { return etf.Equal(m, etf.Tuple{atom("global_name_conflict"), []byte("x")}) })
		}},
		{"notify all", []global.Method{global.NotifyAll}, "", func(t *testing.T, a, d *banyantest.Probe) {
			banyantest.Expect(a, 0, func(m etf.Tuple) bool { return m[2] == any(d.PID()) })
			banyantest.Expect(d, 0, func(m etf.Tuple) bool { return m[2] == any(a.PID()) })
		}},
		{"own", []global.Method{pick}, "d@sim", func(*testing.T, *banyantest.Probe, *banyantest.Probe) {}},
		{"panics", []global.Method{bad}, "", func(*testing.T, *banyantest.Probe, *banyantest.Probe) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSim(t, 1, "a@sim", "b@sim", "c@sim", "d@sim")
				s.link("a@sim", "b@sim")
				s.link("c@sim", "d@sim")
				pass(30 * time.Second)
				s.agree("a@sim", "b@sim")
				s.agree("c@sim", "d@sim")
				a, d := banyantest.NewProbe(t, s.Node("a@sim")), banyantest.NewProbe(t, s.Node("d@sim"))
				if err := errors.Join(global.Register(s.ctx["b@sim"], "x", a.PID(), c.method...), global.Register(s.ctx["c@sim"], "x", d.PID(), c.method...),
					global.Register(s.ctx["a@sim"], "left", a.PID()), global.Register(s.ctx["c@sim"], "right", d.PID())); err != nil {
					t.Fatal(err)
				}
				s.link("b@sim", "c@sim") // neither has the name's process, so the method is called on another node
				pass(time.Minute)
				s.agree()
				for _, n := range s.names {
					pid, err := global.Whereis(s.ctx[n], "x")
					if c.keeps == "" && !errors.Is(err, global.ErrNoName) || c.keeps != "" && pid.Node != atom(c.keeps) {
						t.Errorf("on %s %v has it, %v", n, pid, err)
					}
				}
				c.told(t, a, d)
			})
		})
	}
}

// What a hidden node has stays there.
func TestHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		for _, n := range []string{"a@sim", "b@sim"} {
			if _, err := global.Start(c.Node(n)); err != nil {
				t.Fatal(err)
			}
		}
		c.Connect()
		spy := banyantest.NewProbe(t, c.Node("b@sim"))
		ctx, far := c.Node("a@sim").Context(t.Context()), c.Node("b@sim").Context(t.Context())
		if err := global.Register(ctx, "x", spy.PID()); err != nil {
			t.Fatal(err)
		}
		if err := global.Sync(ctx); err != nil {
			t.Error(err)
		}
		pass(time.Minute)
		if _, err := global.Whereis(far, "x"); !errors.Is(err, global.ErrNoName) {
			t.Error(err)
		}
		if k, err := global.Known(ctx); err != nil || len(k) != 0 {
			t.Error(k, err)
		}
	})
}
