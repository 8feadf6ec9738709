// SPDX-License-Identifier: Apache-2.0

package supervisor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// What OTP's supervisor promises, case by case, on real processes. internal/restart has the rules alone.

var plenty = supervisor.Intensity(100, time.Second)

// TestRestarts: each case starts a supervisor with children, ends some, and compares what happened.
func TestRestarts(t *testing.T) {
	orderly := map[string]error{"normal": banyan.ErrNormal, "shutdown": banyan.ErrShutdown, "shutdown with reason": banyan.Shutdown(errCrash)}
	type step struct {
		who    string
		reason error
		want   string // the diary
		list   string // the children afterwards
	}
	for _, tc := range []struct {
		name     string
		strategy supervisor.Strategy
		children string
		steps    []step
	}{
		{"one_for_one restarts the one that crashed", supervisor.OneForOne, "a b c", []step{
			{"b", errCrash, "stop b, start b", "a* b* c*"},
		}},
		{"one_for_all stops the others in reverse and starts all in order", supervisor.OneForAll, "a b c", []step{
			{"b", errCrash, "stop b, stop c, stop a, start a, start b, start c", "a* b* c*"},
		}},
		{"rest_for_one leaves those before it alone", supervisor.RestForOne, "a b c d", []step{
			{"b", errCrash, "stop b, stop d, stop c, start b, start c, start d", "a* b* c* d*"},
			{"d", errCrash, "stop d, start d", "a* b* c* d*"},
		}},
		{"temporary children are not restarted, and forgotten", supervisor.OneForOne, "a:temporary b", []step{
			{"a", errCrash, "stop a", "b*"},
		}},
		{"temporary children are forgotten when a sibling takes them along", supervisor.OneForAll, "a t:temporary b", []step{
			{"b", errCrash, "stop b, stop t, stop a, start a, start b", "a* b*"},
		}},
		{"the end of a temporary child touches nobody under one_for_all", supervisor.OneForAll, "a t:temporary", []step{
			{"t", errCrash, "stop t", "a*"},
		}},
		{"a transient child that ended starts again with its group", supervisor.RestForOne, "a b:transient", []step{
			{"b", banyan.ErrNormal, "stop b", "a* b"},
			{"a", errCrash, "stop a, start a, start b", "a* b*"},
		}},
		{"transient children are restarted after a crash", supervisor.OneForOne, "a:transient", []step{
			{"a", errCrash, "stop a, start a", "a*"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				sup := w.start(supervisor.New("s", tc.strategy, append(w.workers(tc.children), plenty)...))
				w.sorted()
				for _, s := range tc.steps {
					w.end(sup, s.who, s.reason)
					w.expect(s.want)
					if got := w.children(sup); got != s.list {
						t.Fatalf("children %s, want %s", got, s.list)
					}
				}
			})
		})
	}
	for name, reason := range orderly {
		t.Run("transient: "+name+" is an orderly end", func(t *testing.T) {
			inWorld(t, func(w *world) {
				sup := w.start(supervisor.New("s", supervisor.OneForOne, w.workers("a:transient p")...))
				w.sorted()
				w.end(sup, "a", reason)
				w.expect("stop a")
				w.end(sup, "p", reason) // permanent
				w.expect("stop p, start p")
				if got := w.children(sup); got != "a p*" {
					t.Fatal(got)
				}
				if n := w.logs.lines(); n != 0 {
					t.Fatalf("%d log records of an orderly end:\n%s", n, w.logs.all())
				}
			})
		})
	}
}

func TestStartOrderAndStopOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		inner := supervisor.New("inner", supervisor.OneForOne, w.workers("x y")...)
		sup := w.start(supervisor.New("s", supervisor.OneForOne, w.worker("a"), inner, w.worker("b")))
		w.expect("start a, start x, start y, start b")
		down := w.down(sup.PID())
		if err := supervisor.Stop(w.ctx, sup, banyan.ErrShutdown); err != nil {
			t.Fatal(err)
		}
		w.expect("stop b, stop y, stop x, stop a")
		if reason := <-down; reason != banyan.ErrShutdown {
			t.Fatal(reason)
		}
	})
}

// A child that does not start: those before it are stopped in reverse, those after it are never started.
func TestStartFailureRollsBack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.setFail("c", errCrash, 0)
		tree := supervisor.New("s", supervisor.OneForOne, w.workers("a b c d")...)
		_, err := tree.Start(w.node)
		w.expect("start a, start b, fail c, stop b, stop a")
		var se *supervisor.StartError
		if !errors.As(err, &se) || se.Child != "c" || se.Supervisor != "s" || !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		// In a tree above it this is the failed start of the inner supervisor; and one log record in all.
		outer := supervisor.New("outer", supervisor.OneForOne, w.worker("o"), tree)
		_, err = outer.Start(w.node)
		w.expect("start o, start a, start b, fail c, stop b, stop a, stop o")
		if !errors.As(err, &se) || se.Child != "s" || se.Supervisor != "outer" || !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		if w.logs.lines() != 2 || w.logs.lines("failed to start", "child=c", "supervisor=s") != 2 {
			t.Fatal(w.logs.all())
		}
	})
}

func TestPanicInInit(t *testing.T) {
	inWorld(t, func(w *world) {
		w.panics["b"] = true
		_, err := supervisor.New("s", supervisor.OneForOne, w.workers("a b")...).Start(w.node)
		var pe *banyan.PanicError
		if !errors.As(err, &pe) || !strings.Contains(pe.Value, "bomb in init") {
			t.Fatal(err)
		}
		w.expect("start a, stop a")
		// A start function that panics is the child's failure too.
		bad := supervisor.Spec{ID: "bad", Start: func(*banyan.Self, ...banyan.SpawnOption) (banyan.PID, error) { panic("in the function") }}
		_, err = supervisor.New("s", supervisor.OneForOne, bad).Start(w.node)
		if !errors.As(err, &pe) {
			t.Fatal(err)
		}
	})
}

// Intensity: one restart more than allowed in the window stops the others in reverse and ends the supervisor.
func TestIntensity(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, append(w.workers("a b c"), supervisor.Intensity(2, 5*time.Second))...))
		w.sorted()
		down := w.down(sup.PID())
		w.end(sup, "b", errCrash)
		<-time.After(4 * time.Second)
		w.end(sup, "b", errCrash)
		<-time.After(1100 * time.Millisecond) // the first has left the window
		w.end(sup, "b", errCrash)
		w.sorted()
		if n, err := supervisor.Count(w.ctx, sup); err != nil || n.Restarts != 2 {
			t.Fatal(n, err)
		}
		w.end(sup, "b", errCrash)
		w.expect("stop b, stop c, stop a")
		reason := <-down
		if !errors.Is(reason, supervisor.ErrIntensity) || !errors.Is(reason, banyan.ErrShutdown) || banyan.Abnormal(reason) {
			t.Fatal(reason)
		}
		if w.logs.lines("process crashed", "child=b") != 4 || w.logs.lines("restart intensity reached", "child=b", "restarts=2") != 1 || w.logs.lines() != 5 {
			t.Fatal(w.logs.all())
		}
	})
}

// A supervisor that gives up is the crash of a child to the one above: permanent, so it comes back with fresh children.
func TestIntensityEscalates(t *testing.T) {
	inWorld(t, func(w *world) {
		inner := supervisor.New("inner", supervisor.OneForOne, w.worker("a"), supervisor.Intensity(0, 0))
		sup := w.start(supervisor.New("outer", supervisor.OneForOne, inner))
		w.expect("start a")
		find := func() banyan.PID {
			ref, err := banyan.RefOf[*supervisor.Server](w.node, w.pid(sup, "inner"))
			if err != nil {
				t.Fatal(err)
			}
			return w.pid(ref, "a")
		}
		w.cast(find(), end{errCrash})
		w.expect("stop a, start a")
		if list := w.which(sup); list[0].Restarts != 1 || list[0].Kind != supervisor.KindSupervisor {
			t.Fatal(list)
		}
		w.cast(find(), end{errCrash}) // one more than the outer one allows
		w.expect("stop a")
		if w.alive(sup.PID()) {
			t.Fatal("the outer supervisor is alive")
		}
	})
}

// A restart that fails is tried again until the intensity is reached, and everything else goes on meanwhile.
func TestInitFailsDuringRestart(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.RestForOne, append(w.workers("a b c"), supervisor.Intensity(3, time.Second))...))
		w.sorted()
		w.setFail("b", errCrash, 0)
		w.end(sup, "b", errCrash)
		w.expect("stop b, stop c, fail b, fail b, fail b, stop a")
		if w.alive(sup.PID()) {
			t.Fatal("the supervisor is alive")
		}
	})
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForAll, append(w.workers("a b c"), supervisor.Intensity(1000, time.Second))...))
		w.sorted()
		w.setFail("b", errCrash, 2)
		w.end(sup, "c", errCrash)
		// Each try takes the whole group: a is stopped again, c waits for b.
		w.expect("stop c, stop b, stop a, start a, fail b, stop a, start a, fail b, stop a, start a, start b, start c")
		if got := w.children(sup); got != "a* b* c*" {
			t.Fatal(got)
		}
		if w.logs.lines("process crashed", "child=c", `restart failed at child`) != 1 || w.logs.lines("failed to start", "child=b", "tried again") != 2 || w.logs.lines() != 3 {
			t.Fatal(w.logs.all())
		}
	})
}

// A name that is still taken when a child is restarted is waited for; it costs no restart.
func TestNameNotYetFree(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForAll, supervisor.Intensity(1, time.Minute),
			w.worker("a", supervisor.With(banyan.Name("shop"))), w.worker("b")))
		w.sorted()
		squatter, err := banyan.SpawnState(w.node, &probe{w: w, name: "squatter"})
		if err != nil {
			t.Fatal(err)
		}
		// The name changes hands just before the child ends.
		w.node.Unregister("shop")
		if err := w.node.Register("shop", squatter.PID()); err != nil {
			t.Fatal(err)
		}
		w.end(sup, "a", errCrash)
		w.expect("stop a, stop b")
		<-time.After(3 * time.Second)
		if got := w.children(sup); got != "a~ b" {
			t.Fatal(got)
		}
		_ = banyan.SendExit(w.ctx, squatter.PID(), banyan.ErrShutdown)
		<-time.After(200 * time.Millisecond)
		w.expect("stop squatter, start a, start b")
		if n, _ := supervisor.Count(w.ctx, sup); n.Restarts != 1 {
			t.Fatal(n)
		}
		if w.logs.lines() != 1 {
			t.Fatal(w.logs.all())
		}
	})
	inWorld(t, func(w *world) { // for ever taken: a failure like any other, after five seconds
		sup := w.start(supervisor.New("s", supervisor.OneForOne, supervisor.Intensity(1, time.Minute),
			w.worker("a", supervisor.With(banyan.Name("shop")))))
		squatter, _ := banyan.SpawnState(w.node, &probe{w: w, name: "squatter"})
		w.node.Unregister("shop")
		_ = w.node.Register("shop", squatter.PID())
		down := w.down(sup.PID())
		w.end(sup, "a", errCrash)
		<-time.After(4 * time.Second)
		if !w.alive(sup.PID()) {
			t.Fatal("gave up too soon")
		}
		if reason := <-down; !errors.Is(reason, supervisor.ErrIntensity) {
			t.Fatal(reason)
		}
	})
}

// The child's own name is free before the supervisor hears of its end.
func TestOwnNameIsFree(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, plenty, w.worker("a", supervisor.With(banyan.Name("shop")))))
		w.sorted()
		for range 50 {
			w.end(sup, "a", errCrash)
			w.expect("stop a, start a")
		}
		pid, ok := w.node.Whereis("shop")
		if !ok || pid != w.pid(sup, "a") {
			t.Fatal(pid, ok)
		}
	})
}

func TestShutdownTimes(t *testing.T) {
	slow := func(d time.Duration) func(*probe) { return func(p *probe) { p.slow = d } }
	deaf := func(p *probe) { p.trap = true }
	for _, tc := range []struct {
		name   string
		opts   []supervisor.ChildOption
		change func(*probe)
		took   time.Duration
		diary  string
		killed int // log records that say so
	}{
		{"in time", nil, slow(4 * time.Second), 4 * time.Second, "stop a", 0},
		{"5 s by default, then it is killed", nil, slow(6 * time.Second), 5 * time.Second, "", 1},
		{"a time of its own", []supervisor.ChildOption{supervisor.Shutdown(time.Second)}, slow(2 * time.Second), time.Second, "", 1},
		{"no limit", []supervisor.ChildOption{supervisor.Shutdown(supervisor.Infinity)}, slow(time.Minute), time.Minute, "stop a", 0},
		{"killed without being asked", []supervisor.ChildOption{supervisor.Shutdown(supervisor.Kill)}, slow(time.Hour), 0, "", 0},
		{"a server that traps exits ends with its parent all the same", nil, deaf, 0, "stop a", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				sup := w.start(supervisor.New("s", supervisor.OneForOne,
					supervisor.Worker("a", w.constructor("a", tc.change), tc.opts...)))
				w.sorted()
				pid := w.pid(sup, "a")
				begin := time.Now()
				if err := supervisor.TerminateChild(w.ctx, sup, "a", banyan.Timeout(2*time.Hour)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took < tc.took || took > tc.took+50*time.Millisecond {
					t.Errorf("took %s, want %s", took, tc.took)
				}
				w.expect(tc.diary)
				if w.alive(pid) || w.children(sup) != "a" {
					t.Error("still there")
				}
				if got := w.logs.lines("child killed", "child=a"); got != tc.killed || w.logs.lines() != tc.killed {
					t.Error(w.logs.all())
				}
				<-time.After(3 * time.Second) // let Terminate of a killed one return
			})
		})
	}
}

// A child in a handler that never returns is killed: declared dead, restarted, and listed until it returns.
func TestStuckChildDoesNotBlock(t *testing.T) {
	inWorld(t, func(w *world) {
		g := &gate{make(chan struct{})}
		sup := w.start(supervisor.New("s", supervisor.OneForAll, supervisor.Intensity(3, time.Minute),
			w.worker("a", supervisor.With(banyan.Name("a"))), w.worker("b")))
		w.sorted()
		w.cast(w.pid(sup, "a"), hang{g})
		w.end(sup, "b", errCrash)
		<-time.After(5100 * time.Millisecond)
		w.expect("stop b, start a, start b")
		if got := w.children(sup); got != "a* b*" {
			t.Fatal(got)
		}
		if stuck := w.node.Stuck(); len(stuck) != 1 {
			t.Fatal(stuck)
		}
		close(g.c)
		synctest.Wait()
		if stuck := w.node.Stuck(); len(stuck) != 0 {
			t.Fatal(stuck)
		}
	})
}

func TestAutoShutdown(t *testing.T) {
	for _, tc := range []struct {
		name     string
		ending   supervisor.Item
		children string
		ends     []string // one after the other, with normal
		diary    string
		over     bool
	}{
		{"any: the first one", supervisor.AnySignificant, "a s:transient:significant t:transient:significant", []string{"s"}, "stop s, stop t, stop a", true},
		{"any: others do not count", supervisor.AnySignificant, "a:transient s:transient:significant", []string{"a"}, "stop a", false},
		{"all: not the first", supervisor.AllSignificant, "a s:transient:significant t:temporary:significant", []string{"s"}, "stop s", false},
		{"all: the last one", supervisor.AllSignificant, "a s:transient:significant t:temporary:significant", []string{"s", "t"}, "stop s, stop t, stop a", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				sup := w.start(supervisor.New("s", supervisor.OneForOne, append(w.workers(tc.children), tc.ending)...))
				down := w.down(sup.PID())
				w.sorted()
				for _, id := range tc.ends {
					w.end(sup, id, banyan.ErrNormal)
				}
				w.expect(tc.diary)
				if w.alive(sup.PID()) == tc.over {
					t.Fatal("the supervisor: over should be ", tc.over)
				}
				if tc.over {
					if reason := <-down; reason != banyan.ErrShutdown {
						t.Fatal(reason)
					}
				}
			})
		})
	}
}

// A supervisor that is killed cannot stop anybody: its children end by their links.
func TestSupervisorKilled(t *testing.T) {
	inWorld(t, func(w *world) {
		inner := supervisor.New("inner", supervisor.OneForOne, w.workers("x y")...)
		sup := w.start(supervisor.New("s", supervisor.OneForOne, w.worker("a"), inner))
		down := w.down(w.pid(sup, "a"))
		w.sorted()
		_ = banyan.SendExit(w.ctx, sup.PID(), banyan.ErrKill)
		synctest.Wait()
		if got := w.sorted(); got != "stop a, stop x, stop y" {
			t.Fatal(got)
		}
		if reason := <-down; reason != banyan.ErrKilled {
			t.Fatal(reason)
		}
	})
}

// Also when it is killed while it waits for a child that takes its time: OTP unlinks first, and loses the child then.
func TestSupervisorKilledWhileStopping(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, w.worker("a"),
			supervisor.Worker("b", w.constructor("b", func(p *probe) { p.slow = 3 * time.Second }))))
		w.sorted()
		a, b := w.pid(sup, "a"), w.pid(sup, "b")
		_ = banyan.Cast(w.ctx, sup, stopCast{})
		<-time.After(time.Second)
		_ = banyan.SendExit(w.ctx, sup.PID(), banyan.ErrKill)
		<-time.After(4 * time.Second)
		if w.alive(a) || w.alive(b) {
			t.Fatal("a child outlived its supervisor")
		}
		w.sorted()
	})
}

// stopCast asks a supervisor to stop without waiting for it.
type stopCast struct{}

func (stopCast) Cast(*supervisor.Server, *banyan.Self) error { return banyan.ErrShutdown }

// The parent's exit ends a supervisor, in order; nobody else's does.
func TestParentExit(t *testing.T) {
	inWorld(t, func(w *world) {
		var sup supervisor.Ref
		started, leave := make(chan struct{}), make(chan struct{})
		parent, err := banyan.Go(w.node, func(self *banyan.Self) (err error) {
			sup, err = supervisor.New("s", supervisor.OneForOne, w.workers("a b")...).Start(self, banyan.Linked())
			close(started)
			<-leave
			return errCrash
		})
		if err != nil {
			t.Fatal(err)
		}
		<-started
		w.sorted()
		down := w.down(sup.PID())
		stranger, _ := banyan.Go(w.node, func(self *banyan.Self) error {
			if err := self.Link(sup.PID()); err != nil {
				return err
			}
			_ = banyan.SendExit(self, sup.PID(), banyan.ErrShutdown)
			return errCrash
		})
		synctest.Wait()
		if w.alive(stranger) || !w.alive(sup.PID()) {
			t.Fatal("a stranger's exit must not matter")
		}
		close(leave)
		w.expect("stop b, stop a")
		if reason := <-down; reason != errCrash {
			t.Fatal(reason)
		}
		if w.alive(parent) {
			t.Fatal("parent")
		}
	})
}

// Node.Stop ends a supervisor from outside, while its children end too.
func TestNodeStop(t *testing.T) {
	inWorld(t, func(w *world) {
		w.start(supervisor.New("s", supervisor.OneForOne, w.workers("a b c")...))
		w.sorted()
		begin := time.Now()
		if err := w.node.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Fatal("took ", took)
		}
		if got := w.sorted(); got != "stop a, stop b, stop c" {
			t.Fatal(got)
		}
	})
}

// The node ends while a supervisor waits for a child: the child keeps the time it has.
func TestNodeStopWhileStopping(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, w.worker("a"),
			supervisor.Worker("b", w.constructor("b", func(p *probe) { p.slow = 2 * time.Second }))))
		w.sorted()
		begin := time.Now()
		_ = banyan.Cast(w.ctx, sup, stopCast{})
		<-time.After(time.Second)
		if err := w.node.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 2*time.Second || took > 2100*time.Millisecond {
			t.Fatal(took)
		}
		if got := w.sorted(); got != "stop a, stop b" {
			t.Fatal(got)
		}
		if w.logs.lines() != 0 {
			t.Fatal(w.logs.all())
		}
	})
}

// The supervisor is stopped from outside, not by its parent: Terminate stops the children in order.
func TestExitStop(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, w.workers("a b")...))
		w.sorted()
		down := w.down(sup.PID())
		if err := banyan.Cast(w.ctx, sup, stopCast{}); err != nil {
			t.Fatal(err)
		}
		w.expect("stop b, stop a")
		if reason := <-down; reason != banyan.ErrShutdown {
			t.Fatal(reason)
		}
	})
}
