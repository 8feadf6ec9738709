// SPDX-License-Identifier: Apache-2.0

package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// Plain processes are children like any other.
func TestPlainProcess(t *testing.T) {
	inWorld(t, func(w *world) {
		runs := 0
		sup := w.start(supervisor.New("s", supervisor.OneForOne, supervisor.Process("p", func(self *banyan.Self) error {
			runs++
			w.note("run %d", runs)
			defer w.note("end")
			if runs < 3 {
				if runs == 2 {
					panic("second")
				}
				return errCrash
			}
			_, err := self.Receive(self)
			return err
		}, supervisor.Transient, supervisor.With(banyan.Name("plain"))), plenty))
		w.expect("run 1, end, run 2, end, run 3")
		if pid, ok := w.node.Whereis("plain"); !ok || pid != w.pid(sup, "p") {
			t.Fatal(pid, ok)
		}
		if err := supervisor.Stop(w.ctx, sup, nil); err != nil {
			t.Fatal(err)
		}
		w.expect("end")
		if w.logs.lines("process crashed", "supervisor=s", "child=p", "restarted") != 2 || w.logs.lines("second") != 1 || w.logs.lines() != 2 {
			t.Fatal(w.logs.all())
		}
	})
}

// A start function that forgets the options: the supervisor links all the same.
func TestStartWithoutOptions(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, plenty, supervisor.Spec{
			ID: "a",
			Start: func(parent *banyan.Self, _ ...banyan.SpawnOption) (banyan.PID, error) {
				ref, err := banyan.Spawn(parent.Node(), w.constructor("a"))
				return ref.PID(), err
			},
		}))
		w.end(sup, "a", errCrash)
		w.expect("start a, stop a, start a")
		pid := w.pid(sup, "a")
		_ = banyan.SendExit(w.ctx, sup.PID(), banyan.ErrKill)
		synctest.Wait()
		if w.alive(pid) {
			t.Fatal("not linked")
		}
		w.sorted()
	})
}

// The loss of a child's node is the child's exit: here its next start is on this node.
func TestChildOnAnotherNode(t *testing.T) {
	inWorld(t, func(w *world) {
		starts := 0
		remote := banyan.PID{Node: "gone@127.0.0.1", ID: 77, Creation: 5}
		sup := w.start(supervisor.New("s", supervisor.OneForOne, plenty, supervisor.Spec{
			ID: "a",
			Start: func(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
				if starts++; starts == 1 {
					return remote, nil // it answered, and then its node was lost
				}
				ref, err := banyan.Spawn(parent, w.constructor("a"), opts...)
				return ref.PID(), err
			},
		}))
		w.expect("start a")
		if !w.alive(w.pid(sup, "a")) {
			t.Fatal("a")
		}
		if w.logs.lines("process crashed", "child=a", "gone@127.0.0.1", banyan.ErrNoConnection.Error(), "restarted") != 1 {
			t.Fatal(w.logs.all())
		}
		// And a child on a node that is gone does not hold up the stop.
		starts = 0
		if _, err := supervisor.StartChild(w.ctx, sup, supervisor.Spec{ID: "b", Restart: supervisor.Temporary,
			Start: func(*banyan.Self, ...banyan.SpawnOption) (banyan.PID, error) { return remote, nil }}); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := supervisor.Stop(w.ctx, sup, nil); err != nil || time.Since(begin) > time.Second {
			t.Fatal(err, time.Since(begin))
		}
		w.sorted()
	})
}

func init() {
	banyan.RegisterSpawn("supervisor_test.stock", func(context.Context, *banyan.Self) (*probe, error) {
		return &probe{w: &world{}, name: "stock"}, nil
	})
}

// WorkerAt takes the first node that works.
func TestWorkerAt(t *testing.T) {
	inWorld(t, func(w *world) {
		tree := supervisor.New("s", supervisor.OneForOne, plenty, supervisor.WorkerAt("a",
			[]banyan.Atom{"gone@127.0.0.1", w.node.Name()}, "supervisor_test.stock", supervisor.With(banyan.Name("a"))))
		sup := w.start(tree)
		pid := w.pid(sup, "a")
		w.cast(pid, bomb{})
		synctest.Wait()
		if again := w.pid(sup, "a"); again == pid || !w.alive(again) {
			t.Fatal(again)
		}
		for _, nodes := range [][]banyan.Atom{nil, {"gone@127.0.0.1"}} {
			_, err := supervisor.New("s", supervisor.OneForOne, supervisor.WorkerAt("a", nodes, "x")).Start(w.node)
			if err == nil || nodes != nil && !errors.Is(err, banyan.ErrNoConnection) {
				t.Fatal(err)
			}
		}
	})
}

// One record per crash, with what became of it; none by the runtime.
func TestOneRecordPerCrash(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForAll, plenty, w.worker("a"), w.worker("b", supervisor.Temporary)))
		w.cast(w.pid(sup, "a"), bomb{})
		synctest.Wait()
		if w.logs.lines("process crashed", "supervisor=s", "child=a", "bomb", "supervisor_test.bomb", "outcome=restarted", "kit_test.go") != 1 || w.logs.lines() != 1 {
			t.Fatal(w.logs.all())
		}
		_ = banyan.SendExit(w.ctx, w.pid(sup, "a"), banyan.ErrKill)
		synctest.Wait()
		if w.logs.lines("process crashed", "child=a", "killed", "outcome=restarted") != 1 || w.logs.lines() != 2 {
			t.Fatal(w.logs.all())
		}
		if _, err := supervisor.StartChild(w.ctx, sup, w.worker("t", supervisor.Temporary)); err != nil {
			t.Fatal(err)
		}
		w.end(sup, "t", errCrash)
		if w.logs.lines("process crashed", "child=t", `outcome="not restarted"`) != 1 || w.logs.lines() != 3 {
			t.Fatal(w.logs.all())
		}
		w.sorted()
	})
}

// A child that crashes while it is being stopped is told of too.
func TestCrashWhileStopping(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, supervisor.Process("p", func(self *banyan.Self) error {
			_, _ = self.Receive(self)
			return errCrash
		})))
		if err := supervisor.Stop(w.ctx, sup, nil); err != nil {
			t.Fatal(err)
		}
		if w.logs.lines("process crashed", "child=p", "being stopped") != w.logs.lines() {
			t.Fatal(w.logs.all())
		}
	})
}

// The supervisor itself takes spawn options.
func TestNamedSupervisor(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, supervisor.With(banyan.Name("shop_sup")),
			supervisor.Supervisor(supervisor.New("in", supervisor.Dynamic), supervisor.Transient, supervisor.Shutdown(time.Second),
				supervisor.With(banyan.Name("in_sup")))))
		if pid, _ := w.node.Whereis("shop_sup"); pid != sup.PID() {
			t.Fatal(pid)
		}
		if pid, _ := w.node.Whereis("in_sup"); pid != w.pid(sup, "in") {
			t.Fatal(pid)
		}
		n, err := supervisor.Count(w.ctx, banyan.At[*supervisor.Server]("shop_sup", ""))
		if err != nil || n.Supervisors != 1 {
			t.Fatal(n, err)
		}
	})
}
