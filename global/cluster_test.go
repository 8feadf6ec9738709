// SPDX-License-Identifier: Apache-2.0

package global_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/global"
)

// A link that is lost costs as many others as it takes for no node to be in two clusters.
func TestNoOverlappingPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"a@sim", "b@sim", "c@sim", "d@sim"}
		c := newSimOf(t, 1, global.Config{}.AmongErlang(), names...)
		c.Connect()
		pass(time.Minute)
		c.agree()
		c.Node("a@sim").Disconnect("b@sim")
		pass(time.Minute)
		// Whoever is connected is connected with all that the other is connected with.
		group := map[string][]atom{}
		for _, n := range names {
			group[n] = append(c.Node(n).VisibleNodes(), atom(n))
			slices.Sort(group[n])
			known, _ := global.Known(c.ctx[n])
			if known = append(known, atom(n)); len(known) != len(group[n]) {
				t.Errorf("%s knows %v, and has links to %v", n, known, group[n])
			}
		}
		for _, n := range names {
			for _, m := range group[n] {
				if !slices.Equal(group[n], group[string(m)]) {
					t.Errorf("%s is with %v, %s with %v", n, group[n], m, group[string(m)])
				}
			}
		}
		if slices.Contains(group["a@sim"], "b@sim") {
			t.Error("a and b are together")
		}
	})
}

// Among Banyan nodes a link that is lost costs no other.
func TestBanyanNodesDoNotPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim", "b@sim", "c@sim", "d@sim")
		c.Connect()
		pass(time.Minute)
		c.agree()
		c.Partition("a@sim", "b@sim")
		pass(time.Minute)
		for n, want := range map[string]int{"a@sim": 2, "b@sim": 2, "c@sim": 3, "d@sim": 3} {
			if got := c.Node(n).VisibleNodes(); len(got) != want {
				t.Errorf("%s has links to %v", n, got)
			}
		}
		c.HealAll()
		c.Connect()
		pass(time.Minute)
		c.agree()
	})
}

// A node that stops in order costs nobody else a link.
func TestOrderlyStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim", "b@sim", "c@sim")
		c.Connect()
		pass(time.Minute)
		if err := c.Node("a@sim").Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		c.agree("b@sim", "c@sim")
		if !slices.Contains(c.Node("b@sim").VisibleNodes(), "c@sim") {
			t.Error("b and c have parted")
		}
	})
}

// When the name server crashes its node leaves the cluster, and comes back.
func TestServerRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim", "b@sim", "c@sim")
		c.Connect()
		pass(time.Minute)
		p := banyantest.NewProbe(t, c.Node("b@sim"))
		if err := global.Register(c.ctx["b@sim"], "x", p.PID()); err != nil {
			t.Fatal(err)
		}
		old, _ := c.Node("a@sim").Whereis("global_name_server")
		if err := banyan.SendExit(c.ctx["a@sim"], old, banyan.ErrKill); err != nil {
			t.Fatal(err)
		}
		pass(time.Millisecond)
		c.launch("a@sim")
		pass(2 * time.Minute)
		c.Connect()
		pass(2 * time.Minute)
		c.agree()
		if pid, err := global.Whereis(c.ctx["a@sim"], "x"); err != nil || pid != p.PID() {
			t.Error(pid, err)
		}
	})
}

// Global that starts late, on nodes that are linked already.
func TestLateStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSim(t, 1, "a@sim", "b@sim")
		n := c.Start("late@sim")
		c.link("a@sim", "b@sim")
		c.link("a@sim", "late@sim")
		pass(time.Minute)
		c.launch("late@sim")
		_ = n
		pass(time.Minute)
		c.agree("a@sim", "b@sim", "late@sim")
	})
}

// Names are given and lost, nodes cut off, killed and joined at random: in the end all know the same, and each name has one
// living process.
func TestClusterConverges(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cfg := global.Config{}
			if seed%2 == 0 {
				cfg = cfg.AmongErlang()
			}
			synctest.Test(t, func(t *testing.T) { converge(t, seed, cfg) })
		})
	}
}

func converge(t *testing.T, seed uint64, cfg global.Config) {
	names := []string{"a@sim", "b@sim", "c@sim", "d@sim"}
	c := newSimOf(t, seed, cfg, names...)
	r := rand.New(rand.NewPCG(seed, 3))
	for range 60 {
		n, m := names[r.IntN(4)], names[r.IntN(4)]
		name := fmt.Sprint("n", r.IntN(4))
		switch k := r.IntN(20); {
		case k < 7:
			p, err := banyan.Go(c.Node(n), func(self *banyan.Self) error { _, err := self.Receive(self); return err })
			if err != nil {
				t.Fatal(err)
			}
			ctx := c.ctx[n]
			go func() { // it may fail in many ways when nodes come and go
				_ = global.Register(banyan.Within(ctx, 20*time.Second), name, p)
			}()
		case k < 9:
			if pid, err := global.Whereis(c.ctx[n], name); err == nil && pid.Node == atom(n) {
				_ = banyan.SendExit(c.ctx[n], pid, banyan.ErrKill)
			}
		case k < 13 && n != m:
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_ = c.Node(n).Connect(ctx, atom(m)) // they may be cut off from each other
			cancel()
		case k < 14 && n != m:
			c.Partition(n, m)
		case k < 16 && n != m:
			c.Heal(n, m)
		case k < 17 && n != m:
			c.Reset(n, m)
		case k == 17 && r.IntN(2) == 0:
			c.Kill(n)
			c.Restart(n)
			c.launch(n)
		default:
			pass(time.Duration(r.IntN(5000)) * time.Millisecond)
		}
	}
	c.HealAll()
	pass(2 * time.Minute)
	for range 8 { // with overlapping partitions prevented a link may cost another
		for i, n := range names {
			for _, m := range names[i+1:] {
				_ = c.Node(n).Connect(t.Context(), atom(m))
			}
		}
		pass(time.Minute)
	}
	c.agree()
	for _, n := range names {
		if err := global.Sync(c.ctx[n]); err != nil {
			t.Error(n, err)
		}
		got, _ := global.Names(c.ctx[n])
		for _, name := range got {
			pid, err := global.Whereis(c.ctx[n], name)
			if err != nil {
				t.Errorf("%v has no process: %v", name, err)
			} else if _, alive := c.Node(string(pid.Node)).Info(pid); !alive {
				t.Errorf("%v is dead: %v", name, pid)
			}
		}
	}
	if err := global.Trans(c.ctx["a@sim"], global.ID{Resource: "r"}, func() error { return nil }, global.Retries(0)); err != nil {
		t.Error("a lock stayed:", err)
	}
	p := banyantest.NewProbe(t, c.Node("b@sim"))
	if err := global.Register(c.ctx["b@sim"], "last", p.PID()); err != nil {
		t.Error("the global lock stayed:", err)
	}
	c.agree()
}

// What other nodes send, whatever it is, neither ends the name server nor makes it grow.
func TestHostilePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "evil@sim"), banyantest.DistConfig(func(d *dist.Config) { d.Visible = true }))
		a, e := c.Node("a@sim"), c.Node("evil@sim")
		if _, err := banyan.Go(a, func(self *banyan.Self) error {
			if _, err := (global.Config{MaxNames: 10, MaxLocks: 10, MaxNodes: 5}).Launch(self); err != nil {
				t.Error(err)
			}
			_, err := self.Receive(self)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		server, _ := a.Whereis("global_name_server")
		ctx, ectx := a.Context(t.Context()), e.Context(t.Context())
		evil := banyantest.NewProbe(t, e)
		to := banyan.At[banyan.Foreign]("global_name_server", "a@sim")
		A := func(s string) any { return atom(s) }
		T := func(parts ...any) etf.Tuple { return parts }
		L := func(parts ...any) etf.List { return parts }
		r := rand.New(rand.NewPCG(1, 1))
		junk := []any{A("x"), 1, 1.5, -1, []byte("b"), T(), L(), T(A("global"), L(evil.PID())), evil.PID(), L(T(A("a"), evil.PID(), A("m"))),
			L(T(A("insert"), T(A("a"), evil.PID(), 1))), L(T(A("delete"), 7)), T(8, 7), T(A("locker"), 1, 2, evil.PID()), A("evil@sim"), A("a@sim"), e.Creation(),
			L(T(A("evil@sim"), 8), A("q@sim")), T(A("global"), A("r")), A("true"), L(A("b@sim"))}
		for _, tag := range []string{"init_connect", "exchange", "resolved", "new_nodes", "in_sync", "lock_set", "init_connect_ack", "cancel_connect", "lost_connection",
			"whereis", "set_lock", "del_lock", "register", "register_ext", "unregister", "sync", "registrar", "remove_connection"} {
			for size := range 7 {
				for range 20 {
					m := T(A(tag))
					for range size {
						m = append(m, junk[r.IntN(len(junk))])
					}
					if err := errors.Join(banyan.SendName(ectx, "global_name_server", "a@sim", m), banyan.Cast(ectx, to, banyan.Tell{Term: m})); err != nil {
						t.Fatal(err)
					}
					_, _ = banyan.Call(banyan.Within(ectx, time.Millisecond), to, banyan.Ask[any]{Term: m}) // most are refused
				}
			}
		}
		evil.Do(func(self *banyan.Self) {
			for i := range 100 {
				for _, m := range []any{T(A("set_lock"), T(i, 1)), T(A("register"), i, self.PID(), A("m"))} {
					if _, err := banyan.Call(self, to, banyan.Ask[any]{Term: m}); err != nil {
						t.Error(err)
					}
				}
			}
			if v, err := banyan.Call(self, to, banyan.Ask[any]{Term: T(A("set_lock"), T(1000, 1))}); err != nil || v != A("false") {
				t.Error(v, err)
			}
		})
		pass(time.Hour)
		if got, err := global.Names(ctx); err != nil || len(got) > 10 {
			t.Error(got, err)
		}
		if got, err := global.Known(ctx); err != nil || len(got) > 5 {
			t.Error(got, err)
		}
		if now, _ := a.Whereis("global_name_server"); now != server {
			t.Error("the name server has ended")
		}
		evil.Exit(nil)
		a.Disconnect("evil@sim")
		pass(time.Minute)
		if err := global.Trans(ctx, global.ID{Resource: atom("global")}, func() error { return nil }, global.Retries(0)); err != nil {
			t.Error("the global lock stayed:", err)
		}
	})
}
