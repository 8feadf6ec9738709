// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
)

// A node that quiesces stays a member, and comes back into service; drained it leaves. All of it by request from another node.
func TestQuiesceAndUndrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.awaitAll(settled)
		one, two := w.sim.Node("n01@sim"), cluster.At("n02@sim")
		ctx := banyan.Within(one.Context(t.Context()), 10*time.Second)
		if err := two.Quiesce(ctx); err != nil {
			t.Fatal(err)
		}
		w.await(w.c["n01@sim"], settled, "n02 draining", is("n02@sim", cluster.Draining, cluster.Reachable))
		if !one.Draining("n02@sim") {
			t.Error("the link has not told that n02 drains")
		}
		if err := two.Undrain(ctx); err != nil {
			t.Fatal(err)
		}
		w.await(w.c["n01@sim"], settled, "n02 up again", is("n02@sim", cluster.Up, cluster.Reachable))
		if one.Draining("n02@sim") {
			t.Error("the link has not told that n02 stays")
		}
		if err := two.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		w.await(w.c["n01@sim"], settled, "n02 left", func(all []cluster.Member) bool { return all[1].State == cluster.Left })
		if err := two.Undrain(ctx); !errors.Is(err, cluster.ErrNoCluster) {
			t.Errorf("of one that has left: %v", err)
		}
		if _, ok := w.sim.Node("n02@sim").Whereis("banyan_cluster"); ok {
			t.Error("the desk is left")
		}
	})
}

// Undrain ends a drain that goes on, and the node stays.
func TestUndrainEndsADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.awaitAll(settled)
		c, begun := w.c["n02@sim"], make(chan struct{})
		c.OnDrain(func(ctx context.Context) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		})
		ended := make(chan error)
		go func() { ended <- c.Drain(t.Context()) }()
		<-begun
		if err := c.Undrain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, cluster.ErrUndrained) {
			t.Errorf("the drain ended with %v", err)
		}
		w.await(w.c["n01@sim"], settled, "n02 up again", is("n02@sim", cluster.Up, cluster.Reachable))
	})
}

// slow is a server that takes its time, some of it after its handler has returned.
type slow struct{ done int }

type work struct{ Later bool }

func (m work) Call(s *slow, self *banyan.Self) (int, error) {
	if m.Later {
		later := banyan.Defer[int](self)
		go func() {
			<-time.After(2 * time.Second)
			_ = later.Reply(-1)
		}()
		return 0, nil
	}
	<-time.After(time.Second)
	s.done++
	return s.done, nil
}

// Drain waits for the calls that a server has taken and for those that are queued, and goes on without those that take too long.
func TestDrainWaitsForCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.awaitAll(settled)
		node, c := w.sim.Node("n02@sim"), w.c["n02@sim"]
		ref, err := banyan.SpawnState(node, &slow{})
		if err != nil {
			t.Fatal(err)
		}
		answers := make(chan int, 4)
		for i := range 4 {
			go func() {
				n, err := banyan.Call(node.Context(t.Context()), ref, work{Later: i == 3}, banyan.Timeout(time.Minute))
				if err != nil {
					t.Error(err)
				}
				answers <- n
			}()
		}
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Quiesce(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("too short a time: %v", err)
		}
		if err := c.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(answers); n != 4 {
			t.Errorf("it left after %d of 4 answers", n)
		}
	})
}

// What one node declares down is down on all: on those that are linked, and on one that was cut off, once it is back.
func TestForgetReachesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		w.awaitAll(settled)
		if err := w.c["n01@sim"].Forget("n04@sim"); !errors.Is(err, cluster.ErrReachable) {
			t.Errorf("of one that lives: %v", err)
		}
		w.sim.Kill("n04@sim")
		gone := is("n04@sim", cluster.Up, cluster.Unreachable)
		for _, name := range w.names[:3] {
			w.await(w.c[name], settled, "n04 unreachable", gone)
		}
		w.sim.Isolate("n03@sim")
		w.await(w.c["n01@sim"], settled, "n03 unreachable", is("n03@sim", cluster.Up, cluster.Unreachable))
		ctx := banyan.Within(w.sim.Node("n02@sim").Context(t.Context()), 5*time.Second)
		if err := cluster.At("n01@sim").Forget(ctx, "n04@sim"); err != nil {
			t.Fatal(err)
		}
		if err := cluster.At("n01@sim").Forget(ctx, "nobody@sim"); !errors.Is(err, cluster.ErrUnknown) {
			t.Errorf("of nobody: %v", err)
		}
		down := is("n04@sim", cluster.Down, cluster.Unreachable)
		w.await(w.c["n02@sim"], time.Second, "n04 down", down)
		w.sim.HealAll()
		w.await(w.c["n03@sim"], 2*settled, "n04 down, once it is back", down)
		w.sim.Restart("n04@sim")
		w.start("n04@sim")
		w.await(w.c["n03@sim"], settled, "the successor", is("n04@sim", cluster.Up, cluster.Reachable))
	})
}

// Who could hear nobody while a member said goodbye hears later from the others that it has left, and does not take it for one that is silent.
func TestMissedGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		w.awaitAll(settled)
		deaf, rest := "n04@sim", []string{"n01@sim", "n02@sim", "n03@sim"}
		for _, name := range rest {
			w.sim.Partition(deaf, name)
		}
		if err := w.c["n01@sim"].Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		left := func(all []cluster.Member) bool { return all[0].State == cluster.Left }
		w.await(w.c["n02@sim"], settled, "n01 left", left)
		<-time.After(20 * time.Second) // nothing of it is on its way any more
		w.reaches(w.c[deaf], func(all []cluster.Member) bool {
			return all[0].State == cluster.Up && all[0].Reach == cluster.Unreachable
		})
		for _, name := range rest[1:] {
			w.sim.Heal(deaf, name)
		}
		w.await(w.c[deaf], settled, "n01 left, as the others say", left)
	})
}
