// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan"
)

// repeats is how often a figure is taken: BANYAN_REPEAT, once without.
func repeats() int {
	if n, err := strconv.Atoi(os.Getenv("BANYAN_REPEAT")); err == nil {
		return n
	}
	return 1
}

// diskParty is a party on the real disk, whose nodes can prove each other's death.
func diskParty(t *testing.T) *party {
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	dir := t.TempDir()
	for _, name := range p.names {
		p.fs[name] = vfs.Default
	}
	p.dirs = func(name string) string {
		d := dir + "/" + name
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
		return d
	}
	p.start(p.names...)
	p.until(20*time.Second, "three voters", p.settled("3+0", "3+0"))
	p.votersOnLeases(3)
	return p
}

func (p *party) votersOnLeases(n int) {
	p.t.Helper()
	p.until(20*time.Second, "the voters on leases", func() bool {
		for _, d := range p.dbs {
			page := d.leases.Page()
			if page == nil || len(page.Conf.Lists) != 1 || len(page.Conf.Lists[0]) != n || !d.leases.Valid(d.leases.Term()) {
				return false
			}
		}
		return true
	})
}

// TestSilentOrProvedDead takes the time from a node's end until it is declared over: told by silence, and by proof. One that is only cut off from the
// network is told by silence, whatever machine it is on.
func TestSilentOrProvedDead(t *testing.T) {
	var silent, proved []time.Duration
	for i := range repeats() {
		for _, proof := range []bool{false, true} {
			p := diskParty(t)
			name := p.names[i%3]
			witness := p.dbs[p.names[(i+1)%3]]
			heard := make(chan Down, 10)
			remove := witness.OnDown(func(list []Down) {
				for _, d := range list {
					heard <- d
				}
			})
			l := p.dbs[name].leases
			began := time.Now()
			p.sim.Isolate(name)
			if proof && !l.GiveProof() {
				t.Skip("machines are not told apart here")
			}
			d := <-heard
			took := time.Since(began)
			remove()
			if d.Node != banyan.Atom(name) || d.Left {
				t.Errorf("%+v", d)
			}
			if proof {
				proved = append(proved, took)
			} else {
				silent = append(silent, took)
				if l.Valid(1) {
					t.Error("a node is declared over, and has its lease")
				}
			}
			for n, d := range p.dbs {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
				delete(p.dbs, n)
			}
		}
	}
	for what, list := range map[string][]time.Duration{"silent": silent, "proved": proved} {
		slices.Sort(list)
		t.Logf("%s: %d times, p50 %v, p99 %v, longest %v", what, len(list), list[len(list)/2], list[len(list)*99/100], list[len(list)-1])
	}
	if silent[len(silent)-1] > 10*time.Second || proved[len(proved)-1] > 5*time.Second {
		t.Error("too long")
	}
}

// TestGoodbye: a node that is closed is over at once.
func TestGoodbye(t *testing.T) {
	p := diskParty(t)
	heard := make(chan Down, 10)
	defer p.dbs["n1@sim"].OnDown(func(list []Down) {
		for _, d := range list {
			heard <- d
		}
	})()
	began := time.Now()
	if err := p.dbs["n3@sim"].Close(); err != nil {
		t.Fatal(err)
	}
	delete(p.dbs, "n3@sim")
	if d := <-heard; d.Node != "n3@sim" || !d.Left {
		t.Errorf("%+v", d)
	}
	t.Logf("after %v", time.Since(began))
	lives, err := p.dbs["n1@sim"].Lives(t.Context())
	if err != nil || len(lives) != 3 {
		t.Fatalf("%+v %v", lives, err)
	}
	for _, l := range lives {
		if l.Over != (l.Node == "n3@sim") || l.Left != l.Over {
			t.Errorf("%+v", l)
		}
	}
	// Of a parent's word for what is over already nothing comes; for one that lives, it is believed.
	if err := p.dbs["n1@sim"].Reaped(t.Context(), "n3@sim", 1); err != nil {
		t.Error(err)
	}
	if err := p.dbs["n1@sim"].Reaped(t.Context(), "n2@sim", 1); err != nil {
		t.Error(err)
	}
	if d := <-heard; d.Node != "n2@sim" || d.Left {
		t.Errorf("%+v", d)
	}
}

// BenchmarkNames is how many names are registered, by 256 processes on one of three nodes, and how long it takes to look one up.
func BenchmarkNames(b *testing.B) {
	b.Run("lookup", func(b *testing.B) {
		n, pid := benchNames(b)
		if _, err := n.Register(b.Context(), "till", pid); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, ok := n.WhereIs("till"); !ok {
				b.Fatal("the name is not found")
			}
		}
	})
	b.Run("valid", func(b *testing.B) {
		n, pid := benchNames(b)
		t, err := n.Register(b.Context(), "till", pid)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if !t.Valid() {
				b.Fatal("the token is not valid")
			}
		}
	})
	b.Run("register", func(b *testing.B) {
		n, pid := benchNames(b)
		registerAll(b, []*Names{n}, []banyan.PID{pid})
	})
}

func benchNames(b *testing.B) (*Names, banyan.PID) {
	d, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	node, err := banyan.Start("bench@local")
	if err != nil {
		b.Fatal(err)
	}
	n, err := StartNames(d, node)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		n.Close()
		if err := d.Close(); err != nil {
			b.Error(err)
		}
		_ = node.Stop(context.Background())
	})
	pid, err := banyan.Go(node, func(self *banyan.Self) error {
		_, err := self.Receive(self.Context())
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return n, pid
}
