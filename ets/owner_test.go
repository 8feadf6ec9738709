// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

type set = Set[string, int]

// inProcess runs f in a process and waits for its end, which the keeper has then heard of too.
func inProcess(t *testing.T, n *banyan.Node, f func(self *banyan.Self) error) {
	t.Helper()
	gone := make(chan error, 1)
	_, err := banyan.Go(n, func(self *banyan.Self) error {
		var m banyan.Reference
		_, err := banyan.Go(self, f, banyan.Monitored(&m))
		if err != nil {
			gone <- err
			return nil
		}
		down, err := banyan.ReceiveOf[banyan.Down](self, self)
		if err == nil && !errors.Is(down.Reason, banyan.ErrNormal) && !errors.Is(down.Reason, errDone) {
			err = down.Reason
		}
		gone <- err
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-gone; err != nil {
		t.Fatal(err)
	}
}

var errDone = errors.New("done")

// awaitGone waits until a handle is void.
func awaitGone(t *testing.T, err func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for err() == nil {
		if ctx.Err() != nil {
			t.Fatal("the table does not end")
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
}

func TestTableDiesWithItsOwner(t *testing.T) {
	n := startNode(t)
	var s *set
	inProcess(t, n, func(self *banyan.Self) error {
		var err error
		if s, err = NewSet[string, int](self, "mine"); err != nil {
			return err
		}
		if s.Owner() != self.PID() {
			t.Error("owner", s.Owner())
		}
		return errors.Join(s.Insert("a", 1), errDone)
	})
	// Whoever asks by name never finds a table whose owner has ended, even before the keeper has heard of it.
	if _, err := ReadSet[string, int](n, "mine"); !errors.Is(err, ErrNoTable) {
		t.Error(err)
	}
	awaitGone(t, s.Err)
	if _, ok := s.Lookup("a"); ok || s.Len() != 0 || s.Has("a") {
		t.Error("rows of a dead table")
	}
	for range s.All() {
		t.Error("rows of a dead table")
	}
	_, _, computed := s.Compute("a", func(int, bool) (int, bool) { return 1, true })
	_, added := Add(s, "a", 1)
	_, snap := s.Snapshot()
	_, got := s.Get(t.Context(), "a")
	for _, err := range []error{s.Insert("a", 1), computed, added, snap, got, s.DeleteAll(), s.Drop()} {
		if !errors.Is(err, ErrNoTable) {
			t.Error(err)
		}
	}
	if _, err := NewSet[string, int](n, "mine"); err != nil {
		t.Error("the name is free:", err)
	}
}

// TestNameIsFreeAtOnce: a supervisor that restarts the owner can make the table again, whoever hears of the death first.
func TestNameIsFreeAtOnce(t *testing.T) {
	n := startNode(t)
	for range 50 {
		inProcess(t, n, func(self *banyan.Self) error {
			_, err := NewSet[string, int](self, "again")
			return err
		})
	}
}

func TestHeir(t *testing.T) {
	n := startNode(t)
	inProcess(t, n, func(heir *banyan.Self) error {
		note := []string{"my will"}
		var old *set
		owner, err := banyan.Go(heir, func(self *banyan.Self) (err error) {
			old, err = NewSet[string, int](self, "estate", Heir(heir.PID(), note))
			if err == nil {
				err = old.Insert("house", 1)
			}
			return err
		})
		if err != nil {
			return err
		}
		got, err := banyan.ReceiveOf[Transfer[*set]](heir, heir)
		if err != nil {
			return err
		}
		note[0] = "changed"
		if v, ok := got.Table.Lookup("house"); v != 1 || !ok || got.From != owner || got.Data.([]string)[0] != "my will" {
			t.Error(v, ok, got)
		}
		if err := got.Table.Insert("car", 2); err != nil || got.Table.Owner() != heir.PID() {
			t.Error(err, got.Table.Owner())
		}
		if err := old.Insert("car", 3); !errors.Is(err, ErrNoTable) {
			t.Error("the handle of the dead still writes:", err)
		}
		if v, _ := old.Lookup("car"); v != 2 {
			t.Error("a protected table can be read by anybody:", v)
		}
		return nil
	})
	if _, err := ReadSet[string, int](n, "estate"); !errors.Is(err, ErrNoTable) {
		t.Error("the heir has no heir:", err)
	}
}

func TestHeirThatIsGone(t *testing.T) {
	n := startNode(t)
	var dead banyan.PID
	inProcess(t, n, func(self *banyan.Self) error { dead = self.PID(); return nil })
	var s *set
	inProcess(t, n, func(self *banyan.Self) (err error) {
		s, err = NewSet[string, int](self, "x", Heir(dead, nil))
		return err
	})
	awaitGone(t, s.Err)
}

func TestGiveAway(t *testing.T) {
	n := startNode(t)
	inProcess(t, n, func(self *banyan.Self) error {
		s, err := NewOrderedSet[string, int](self, "gift", With(Private))
		if err != nil {
			return err
		}
		if err := s.GiveAway(self, banyan.PID{Node: n.Name()}, nil); !errors.Is(err, banyan.ErrNoProcess) {
			t.Error(err)
		}
		if err := s.Insert("a", 1); err != nil {
			t.Error("a gift that nobody took:", err)
		}
		done := make(chan struct{})
		got := make(chan struct{})
		to, err := banyan.Go(self, func(other *banyan.Self) error {
			defer close(done)
			m, err := banyan.ReceiveOf[Transfer[*OrderedSet[string, int]]](other, other)
			if v, _ := m.Table.Lookup("a"); err != nil || v != 1 || m.Data != 42 || m.From != self.PID() {
				t.Error(err, v, m)
			}
			close(got)
			_, err = banyan.ReceiveOf[string](other, other)
			return err
		})
		if err != nil {
			return err
		}
		if err := s.GiveAway(self, to, 42); err != nil {
			t.Error(err)
		}
		<-got
		if _, ok := s.Lookup("a"); ok || !errors.Is(s.Insert("a", 2), ErrNoTable) || !errors.Is(s.Err(), ErrNoTable) {
			t.Error("a private table is still open to its old owner")
		}
		if err := s.GiveAway(self, to, nil); !errors.Is(err, ErrAccess) {
			t.Error("giving away what one does not have:", err)
		}
		err = banyan.Send(self, to, "end")
		<-done
		return err
	})
}

func TestAccess(t *testing.T) {
	n := startNode(t)
	inProcess(t, n, func(self *banyan.Self) error {
		for _, tc := range []struct {
			access      Access
			read, write error
		}{{Public, nil, nil}, {Protected, nil, ErrAccess}, {Private, ErrAccess, ErrAccess}} {
			name := banyan.Atom(tc.access.String())
			if _, err := NewBag[string, int](self, name, With(tc.access)); err != nil {
				return err
			}
			if _, err := ReadBag[string, int](n, name); !errors.Is(err, tc.read) {
				t.Error(name, "read:", err)
			}
			if _, err := OpenBag[string, int](n, name); !errors.Is(err, tc.write) {
				t.Error(name, "write:", err)
			}
			if _, err := OpenBag[string, int](self, name); err != nil {
				t.Error(name, "owner:", err)
			}
		}
		return nil
	})
}

func TestNamesAndTypes(t *testing.T) {
	n := startNode(t)
	s := must[*set](t)(NewSet[string, int](n, "s"))
	if _, err := NewDuplicateBag[int, int](n, "s"); !errors.Is(err, banyan.ErrNameTaken) {
		t.Error(err)
	}
	if _, err := ReadSet[string, string](n, "s"); !errors.Is(err, ErrTableType) {
		t.Error(err)
	}
	if _, err := ReadOrderedSet[string, int](n, "s"); !errors.Is(err, ErrTableType) {
		t.Error(err)
	}
	if _, err := ReadDuplicateBag[string, int](n, "other"); !errors.Is(err, ErrNoTable) {
		t.Error(err)
	}
	if _, err := NewSet[string, int]((*banyan.Node)(nil), ""); !errors.Is(err, banyan.ErrNoNode) {
		t.Error(err)
	}
	if list := must[[]Stats](t)(Tables(n)); len(list) != 1 || list[0].Name != "s" || list[0].Kind != "set" {
		t.Error(list)
	}
	if err := s.Drop(); err != nil {
		t.Error(err)
	}
	if list := must[[]Stats](t)(Tables(n)); len(list) != 0 {
		t.Error(list)
	}
	must[*set](t)(NewSet[string, int](n, "s"))
}

// TestTablesEndWithTheNode.
func TestTablesEndWithTheNode(t *testing.T) {
	n := startNode(t)
	s := must[*set](t)(NewSet[string, int](n, "s"))
	if err := n.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Insert("a", 1); !errors.Is(err, ErrNoTable) {
		t.Error(err)
	}
	if _, err := NewSet[string, int](n, "t"); !errors.Is(err, banyan.ErrNodeStopped) {
		t.Error(err)
	}
}
