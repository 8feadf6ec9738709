// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/banyan-go/banyan"
)

func TestNames(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Name("a"))
		_, b := spawnLab(t, n)
		if pid, ok := n.Whereis("a"); !ok || pid != a.PID() {
			t.Fatalf("a is %v, %v", pid, ok)
		}
		if _, ok := n.Whereis("b"); ok {
			t.Fatal("b is known")
		}
		errorIs(t, n.Register("a", b.PID()), banyan.ErrNameTaken)
		if err := n.Register("b", b.PID()); err != nil {
			t.Fatal(err)
		}
		if err := n.Register("b2", b.PID()); err != nil { // a process may have several
			t.Fatal(err)
		}
		if got := n.Registered(); !slices.Equal(got, []banyan.Atom{"a", "b", "b2"}) {
			t.Fatalf("registered: %v", got)
		}
		if i, _ := n.Info(b.PID()); !slices.Equal(i.Names, []banyan.Atom{"b", "b2"}) {
			t.Fatalf("names: %v", i.Names)
		}
		if !n.Unregister("b") || n.Unregister("b") {
			t.Fatal("Unregister tells lies")
		}
		if i, _ := n.Info(b.PID()); !slices.Equal(i.Names, []banyan.Atom{"b2"}) {
			t.Fatalf("names: %v", i.Names)
		}
		fail(t, n, b, nil)
		gone(t, n, b.PID())
		if got := n.Registered(); !slices.Equal(got, []banyan.Atom{"a"}) {
			t.Fatalf("registered: %v", got)
		}
		errorIs(t, n.Register("c", b.PID()), banyan.ErrNoProcess)
	})
}

func TestSpawnWithTakenName(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		spawnLab(t, n, banyan.Name("a"))
		_, err := banyan.SpawnState(n, newLab(), banyan.Name("a"))
		errorIs(t, err, banyan.ErrNameTaken)
		ran := false
		_, err = banyan.Spawn(n, func(context.Context, *banyan.Self) (*lab, error) { ran = true; return newLab(), nil }, banyan.Name("a"))
		errorIs(t, err, banyan.ErrNameTaken)
		_, err = banyan.Go(n, func(*banyan.Self) error { ran = true; return nil }, banyan.Name("a"))
		errorIs(t, err, banyan.ErrNameTaken)
		if got := n.Stats().Processes; got != 1 || ran {
			t.Fatalf("%d processes, ran %v", got, ran)
		}
	})
}

// Who hears that a process is dead finds its name free: a supervisor may restart it at once.
func TestNameIsFreeBeforeAnybodyHears(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				again := make(chan error, 2)
				var one sync.Mutex // both hear of it: one at a time takes the name
				restart := func(self *banyan.Self) error {
					one.Lock()
					defer one.Unlock()
					_, err := banyan.SpawnState(self, newLab(), banyan.Name("a"))
					if err == nil {
						n.Unregister("a")
					}
					again <- err
					return nil
				}
				_, a := spawnLab(t, n, banyan.Name("a"))
				for _, relate := range []func(*banyan.Self){
					func(self *banyan.Self) { _ = self.Link(a.PID()) },
					func(self *banyan.Self) { self.Monitor(a.PID()) },
				} {
					ready := make(chan struct{})
					_, err := banyan.Go(n, func(self *banyan.Self) error {
						relate(self)
						close(ready)
						if _, err := self.Receive(self); err != nil {
							return err
						}
						return restart(self)
					}, banyan.TrapExits())
					if err != nil {
						t.Fatal(err)
					}
					<-ready
				}
				later(t, n, a, e.end)
				for range 2 {
					if err := next(t, again); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestNamesUnderWayStress(t *testing.T) {
	n := quietNode(t)
	_, boss := spawnLab(t, n, banyan.TrapExits())
	in(t, n, boss, func(self *banyan.Self) {
		for i := range 500 {
			_, err := banyan.Spawn(self, func(context.Context, *banyan.Self) (*lab, error) {
				if i%3 == 0 {
					return nil, errBoom
				}
				return newLab(), nil
			}, banyan.Name("worker"))
			if i%3 == 0 {
				errorIs(t, err, errBoom)
				continue
			}
			if err != nil {
				t.Fatal(i, err)
			}
			pid, _ := n.Whereis("worker")
			_ = banyan.SendExit(self, pid, banyan.ErrKill) // a kill frees it before SendExit returns
		}
	})
}

func TestAliases(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		var x, y banyan.Reference
		in(t, n, a, func(self *banyan.Self) { x, y = self.Alias(), self.Alias() })
		if x == y {
			t.Fatal("the same alias twice")
		}
		send := func(ref banyan.Reference, m any) {
			t.Helper()
			if err := banyan.SendAlias(outside(n), ref, m); err != nil {
				t.Fatal(err)
			}
		}
		send(x, 1)
		send(y, 2)
		for i := range 2 {
			if got := nextOf[int](t, l.infos); got != i+1 {
				t.Fatalf("got %d", got)
			}
		}
		in(t, n, a, func(self *banyan.Self) {
			if !self.Unalias(x) || self.Unalias(x) {
				t.Error("Unalias tells lies")
			}
		})
		send(x, 3) // dropped
		send(y, 4)
		if got := nextOf[int](t, l.infos); got != 4 {
			t.Fatalf("got %d", got)
		}
		fail(t, n, a, nil)
		gone(t, n, a.PID())
		send(y, 5)
		none(t, l.infos)
	})
}

func TestAnotherCannotUnalias(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		_, b := spawnLab(t, n)
		var x banyan.Reference
		in(t, n, a, func(self *banyan.Self) { x = self.Alias() })
		in(t, n, b, func(self *banyan.Self) {
			self.Alias()
			if self.Unalias(x) {
				t.Error("took another's alias away")
			}
		})
		_ = banyan.SendAlias(outside(n), x, "still there")
		if got := nextOf[string](t, l.infos); got != "still there" {
			t.Fatal(got)
		}
	})
}

func TestSendByName(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, _ := spawnLab(t, n, banyan.Name("a"))
		for i, node := range []banyan.Atom{"", n.Name()} {
			if err := banyan.SendName(outside(n), "a", node, i); err != nil {
				t.Fatal(err)
			}
			if got := nextOf[int](t, l.infos); got != i {
				t.Fatal(got)
			}
		}
		errorIs(t, banyan.SendName(outside(n), "b", "", 1), banyan.ErrNoProcess, banyan.ErrNotDelivered)
		errorIs(t, banyan.SendName(outside(n), "b", "other@host", 1), banyan.ErrNoConnection)
	})
}

func TestNameOfAnotherTypeOfServer(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		spawnLab(t, n, banyan.Name("lab"))
		_, err := banyan.Call(outside(n), banyan.At[*stock]("lab", ""), take{"tea", 1})
		errorIs(t, err, banyan.ErrNotUnderstood, banyan.ErrNotDelivered)
		for _, s := range []string{"*banyan_test.lab", "*banyan_test.stock"} {
			if !contains(err, s) {
				t.Errorf("%q does not name %s", err, s)
			}
		}
		pid, err := banyan.Go(n, func(self *banyan.Self) error { _, err := self.Receive(self); return err }, banyan.Name("plain"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = banyan.Call(outside(n), banyan.At[*stock]("plain", ""), take{"tea", 1})
		errorIs(t, err, banyan.ErrNotUnderstood, banyan.ErrNotDelivered)
		if _, err = banyan.RefOf[*stock](n, pid); err == nil {
			t.Error("a plain process is no server")
		}
		if got := fmt.Sprint(banyan.At[*stock]("lab", "x@y")); got != "lab at x@y" {
			t.Error(got)
		}
	})
}
