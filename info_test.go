// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// deaf is a server without Info.
type deaf struct{}

type poke struct{ V int }

func (m poke) Call(*deaf, *banyan.Self) (int, error) { return m.V, nil }

// moody is a server whose Info fails on an error and panics on a string.
type moody struct{}

func (moody) Info(_ *banyan.Self, m any) error {
	switch v := m.(type) {
	case error:
		return v
	case string:
		panic(v)
	}
	return nil
}

func TestUnhandledIsCounted(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ref, err := banyan.SpawnState(n, &deaf{})
		if err != nil {
			t.Fatal(err)
		}
		sendAll(t, n, ref.PID(), 1, "two", nil)
		if v, err := banyan.Call(outside(n), ref, poke{5}); v != 5 || err != nil {
			t.Fatal(v, err)
		}
		if got := n.Stats().Unhandled; got != 3 {
			t.Errorf("%d unhandled", got)
		}
		alive(t, n, ref.PID())
	})
}

func TestInfoEndsTheServer(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		w, watcher := spawnLab(t, n)
		for _, m := range []any{errBoom, "boom"} {
			ref, _ := banyan.SpawnState(n, moody{})
			in(t, n, watcher, func(self *banyan.Self) { self.Monitor(ref.PID()) })
			sendAll(t, n, ref.PID(), 1, m)
			d := nextOf[banyan.Down](t, w.infos)
			var pe *banyan.PanicError
			if m == "boom" && !errors.As(d.Reason, &pe) || m == errBoom && d.Reason != errBoom {
				t.Errorf("died of %v", d.Reason)
			}
		}
	})
}

func TestSendToNobodyIsSwallowed(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		fail(t, n, a, nil)
		gone(t, n, a.PID())
		sendAll(t, n, a.PID(), 1)
		errorIs(t, banyan.Send(t.Context(), a.PID(), 1), banyan.ErrNoNode, banyan.ErrNotDelivered)
		errorIs(t, banyan.SendName(t.Context(), "x", "", 1), banyan.ErrNoNode)
		errorIs(t, banyan.SendAlias(t.Context(), banyan.Reference{}, 1), banyan.ErrNoNode)
	})
}

func TestProcessInfo(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n, banyan.TrapExits())
		_, b := spawnLab(t, n)
		<-time.After(time.Hour)
		for range 10 {
			in(t, n, a, func(self *banyan.Self) {
				_ = banyan.Cast(self, b, do{func(*banyan.Self) error { return nil }})
				_ = banyan.Send(self, self.PID(), 1)
			})
		}
		for range 10 {
			next(t, l.infos)
		}
		synctest.Wait()
		i, ok := n.Info(a.PID())
		if !ok || i.PID != a.PID() || i.Kind != "*banyan_test.lab" || i.In != 20 || i.Turns != 20 || i.Out != 20 ||
			i.Queue != 0 || i.Bytes != 0 || !i.Trapping || i.Status != "idle" {
			t.Errorf("got %+v", i)
		}
		if d := time.Since(i.Active); d < 0 || d > 10*time.Millisecond {
			t.Errorf("active %v ago", d)
		}
		hold := make(chan struct{})
		defer close(hold)
		later(t, n, a, func(*banyan.Self) error { <-hold; return nil })
		synctest.Wait()
		sendAll(t, n, a.PID(), 1, 2, 3)
		if i, _ = n.Info(a.PID()); i.Queue != 3 || i.Status != "running" || i.Bytes == 0 {
			t.Errorf("got %+v", i)
		}
		count := 0
		n.Processes(func(i banyan.ProcessInfo) bool { count++; return true })
		if count != 2 {
			t.Errorf("%d processes", count)
		}
		count = 0
		n.Processes(func(banyan.ProcessInfo) bool { count++; return false })
		if count != 1 {
			t.Errorf("%d calls after false", count)
		}
	})
}
