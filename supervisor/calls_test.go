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

func TestChildCalls(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, w.workers("a t:temporary")...))
		w.sorted()
		is := func(err, want error) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Fatalf("%v, want %v", err, want)
			}
		}
		// start_child
		pid, err := supervisor.StartChild(w.ctx, sup, w.worker("b"))
		is(err, nil)
		if pid != w.pid(sup, "b") || !w.alive(pid) {
			t.Fatal(pid)
		}
		_, err = supervisor.StartChild(w.ctx, sup, w.worker("b"))
		is(err, supervisor.ErrExists)
		w.setFail("c", errCrash, 1)
		_, err = supervisor.StartChild(w.ctx, sup, w.worker("c"))
		is(err, errCrash)
		w.expect("start b, fail c")
		if got := w.children(sup); got != "a* t* b*" {
			t.Fatal("a child that did not start is in the list: ", got)
		}
		for want, bad := range map[string]supervisor.Spec{
			"no ID":           w.worker(""),
			"no Start":        {ID: "x"},
			"negative":        w.worker("x", supervisor.Shutdown(-7)),
			"auto-shutdown":   w.worker("x", supervisor.Transient, supervisor.Significant),
			"unknown (9)":     w.worker("x", supervisor.Restart(9)),
			`child "x"`:       w.worker("x", supervisor.Restart(9)),
			"cannot be signi": w.worker("x", supervisor.Significant),
		} {
			if _, err = supervisor.StartChild(w.ctx, sup, bad); err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("%v, want %s", err, want)
			}
		}
		// terminate_child, restart_child, delete_child
		_, err = supervisor.RestartChild(w.ctx, sup, "b")
		is(err, supervisor.ErrRunning)
		is(supervisor.DeleteChild(w.ctx, sup, "b"), supervisor.ErrRunning)
		is(supervisor.TerminateChild(w.ctx, sup, "b"), nil)
		is(supervisor.TerminateChild(w.ctx, sup, "b"), nil)
		if got := w.children(sup); got != "a* t* b" {
			t.Fatal(got)
		}
		w.expect("stop b")
		w.setFail("b", errCrash, 1)
		_, err = supervisor.RestartChild(w.ctx, sup, "b")
		is(err, errCrash)
		pid, err = supervisor.RestartChild(w.ctx, sup, "b")
		is(err, nil)
		if pid != w.pid(sup, "b") {
			t.Fatal(pid)
		}
		w.expect("fail b, start b")
		is(supervisor.TerminatePID(w.ctx, sup, pid), nil)
		is(supervisor.TerminatePID(w.ctx, sup, pid), supervisor.ErrNotFound)
		is(supervisor.DeleteChild(w.ctx, sup, "b"), nil)
		is(supervisor.DeleteChild(w.ctx, sup, "b"), supervisor.ErrNotFound)
		is(supervisor.TerminateChild(w.ctx, sup, "b"), supervisor.ErrNotFound)
		_, err = supervisor.RestartChild(w.ctx, sup, "b")
		is(err, supervisor.ErrNotFound)
		is(supervisor.TerminateChild(w.ctx, sup, "t"), nil) // temporary: gone with it
		is(supervisor.TerminateChild(w.ctx, sup, "t"), supervisor.ErrNotFound)
		// A child that somebody stopped is not restarted by what comes of it, but with its group it is.
		if got := w.children(sup); got != "a*" {
			t.Fatal(got)
		}
	})
}

func TestWhichAndCount(t *testing.T) {
	inWorld(t, func(w *world) {
		inner := supervisor.New("inner", supervisor.Dynamic)
		sup := w.start(supervisor.New("s", supervisor.OneForOne, plenty, supervisor.AllSignificant,
			w.worker("a"), inner, w.worker("b", supervisor.Transient, supervisor.Significant)))
		w.sorted()
		w.end(sup, "a", errCrash)
		w.end(sup, "a", errCrash)
		if err := supervisor.TerminateChild(w.ctx, sup, "b"); err != nil {
			t.Fatal(err)
		}
		list := w.which(sup)
		if a := list[0]; a.ID != "a" || !a.Running() || a.Restarts != 2 || a.Restart != supervisor.Permanent || a.Kind.String() != "worker" {
			t.Errorf("%+v", a)
		}
		if i := list[1]; i.ID != "inner" || i.Kind.String() != "supervisor" || !i.Running() {
			t.Errorf("%+v", i)
		}
		if b := list[2]; b.Running() || !b.Significant || b.Restart.String() != "transient" || b.Restarting {
			t.Errorf("%+v", b)
		}
		n, err := supervisor.Count(w.ctx, sup)
		if want := (supervisor.Counts{Specs: 3, Active: 2, Supervisors: 1, Workers: 2, Restarts: 2}); err != nil || n != want {
			t.Errorf("%+v, want %+v (%v)", n, want, err)
		}
		w.sorted()
	})
}

func TestDynamic(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("pool", supervisor.Dynamic, plenty))
		start := func(name string, opts ...supervisor.ChildOption) banyan.PID {
			t.Helper()
			pid, err := supervisor.StartChild(w.ctx, sup, w.worker(name, opts...))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		start("a", supervisor.Temporary)
		b := start("b", supervisor.Transient)
		start("b") // ids are for people
		c := start("")
		if got := w.children(sup); got != "a* b* b* *" {
			t.Fatal(got)
		}
		w.sorted()
		w.end(sup, "a", errCrash)
		w.cast(b, end{nil}) // goes on
		w.cast(b, end{errCrash})
		w.expect("stop a, stop b, start b")
		if w.alive(b) {
			t.Fatal("b")
		}
		b = w.pid(sup, "b")
		w.cast(b, end{banyan.ErrShutdown}) // an orderly end: it leaves
		w.expect("stop b")
		if got := w.children(sup); got != "b* *" {
			t.Fatal(got)
		}
		if err := supervisor.TerminatePID(w.ctx, sup, c); err != nil { // permanent, but stopped by hand: it leaves too
			t.Fatal(err)
		}
		if got := w.children(sup); got != "b*" {
			t.Fatal(got)
		}
		if err := supervisor.TerminateChild(w.ctx, sup, "b"); !errors.Is(err, supervisor.ErrNotFound) || !strings.Contains(err.Error(), "pid") {
			t.Fatal(err)
		}
		// A child that does not start, or chooses not to run, is not there.
		w.setFail("x", errCrash, 1)
		if _, err := supervisor.StartChild(w.ctx, sup, w.worker("x")); !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		w.setFail("x", supervisor.ErrIgnore, 1)
		if pid, err := supervisor.StartChild(w.ctx, sup, w.worker("x")); err != nil || !pid.IsZero() {
			t.Fatal(pid, err)
		}
		if got := w.children(sup); got != "b*" {
			t.Fatal(got)
		}
		w.sorted()
	})
}

// Dynamic children are stopped at once, each with its own patience.
func TestDynamicStopsTogether(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("pool", supervisor.Dynamic))
		start := func(name string, slow time.Duration, opts ...supervisor.ChildOption) {
			spec := supervisor.Worker(name, w.constructor(name, func(p *probe) { p.slow = slow }), opts...)
			if _, err := supervisor.StartChild(w.ctx, sup, spec); err != nil {
				t.Fatal(err)
			}
		}
		start("a", 2*time.Second)
		start("b", 2*time.Second)
		start("c", 3*time.Second, supervisor.Shutdown(time.Second))
		start("d", 9*time.Second, supervisor.Shutdown(supervisor.Kill))
		start("e", 6*time.Second)
		w.sorted()
		begin := time.Now()
		if err := supervisor.Stop(w.ctx, sup, nil, banyan.Timeout(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 5*time.Second || took > 5100*time.Millisecond {
			t.Fatal(took)
		}
		if got := w.sorted(); got != "stop a, stop b, stop c" { // c was killed, and Go lets its Terminate end
			t.Fatal(got)
		}
		if w.logs.lines("child killed", "child=c", "1s") != 1 || w.logs.lines("child killed", "child=e", "5s") != 1 || w.logs.lines() != 2 {
			t.Fatal(w.logs.all())
		}
		<-time.After(10 * time.Second)
	})
}

func TestManyDynamicChildren(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("pool", supervisor.Dynamic, supervisor.Intensity(1_000_000, time.Second)))
		spec := supervisor.Worker("x", func(context.Context, *banyan.Self) (*probe, error) { return &probe{w: w, name: "x"}, nil })
		var pids []banyan.PID
		for range 2000 {
			pid, err := supervisor.StartChild(w.ctx, sup, spec)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
		for _, pid := range pids {
			w.cast(pid, end{errCrash})
		}
		synctest.Wait()
		if n, err := supervisor.Count(w.ctx, sup); err != nil || n.Active != 2000 || n.Restarts != 2000 {
			t.Fatal(n, err)
		}
		if err := supervisor.Stop(w.ctx, sup, nil); err != nil {
			t.Fatal(err)
		}
		if n := w.node.Stats().Processes; n > 1 { // the node has one of its own
			t.Fatal(n, " processes are left")
		}
	})
}

// A child that chooses not to run is no failure: static ones stay in the list, and may be started later.
func TestIgnore(t *testing.T) {
	inWorld(t, func(w *world) {
		w.setFail("b", supervisor.ErrIgnore, 1)
		w.setFail("t", supervisor.ErrIgnore, 1)
		none := supervisor.Spec{ID: "n", Start: func(*banyan.Self, ...banyan.SpawnOption) (banyan.PID, error) { return banyan.PID{}, nil }}
		sup := w.start(supervisor.New("s", supervisor.OneForAll, plenty, w.worker("a"), w.worker("b"), w.worker("t", supervisor.Temporary), none))
		w.expect("start a, fail b, fail t")
		if got := w.children(sup); got != "a* b n" {
			t.Fatal(got)
		}
		if _, err := supervisor.RestartChild(w.ctx, sup, "b"); err != nil {
			t.Fatal(err)
		}
		w.setFail("b", supervisor.ErrIgnore, 1)
		w.end(sup, "a", errCrash)
		if got := w.children(sup); got != "a* b n" {
			t.Fatal(got)
		}
		if w.logs.lines() != 1 {
			t.Fatal(w.logs.all())
		}
		w.sorted()
	})
}

// TerminateChild calls off a restart that is being tried again.
func TestTerminateWhileRestarting(t *testing.T) {
	inWorld(t, func(w *world) {
		sup := w.start(supervisor.New("s", supervisor.OneForOne, w.worker("a", supervisor.With(banyan.Name("shop")))))
		squatter, _ := banyan.SpawnState(w.node, &probe{w: w, name: "squatter"})
		w.node.Unregister("shop")
		_ = w.node.Register("shop", squatter.PID())
		w.end(sup, "a", errCrash)
		if got := w.children(sup); got != "a~" {
			t.Fatal(got)
		}
		if _, err := supervisor.RestartChild(w.ctx, sup, "a"); !errors.Is(err, supervisor.ErrRestarting) {
			t.Fatal(err)
		}
		if err := supervisor.TerminateChild(w.ctx, sup, "a"); err != nil {
			t.Fatal(err)
		}
		w.node.Unregister("shop")
		<-time.After(10 * time.Second)
		if got := w.children(sup); got != "a" {
			t.Fatal("it was started after all: ", got)
		}
		w.sorted()
	})
}

func TestValidate(t *testing.T) {
	w := &world{t: t}
	for _, tc := range []struct {
		name  string
		items []supervisor.Item
		want  []string
	}{
		{"good", w.workers("a b:temporary"), nil},
		{"twice the same id", w.workers("a a"), []string{`supervisor "s"`, "child a", "exists"}},
		{"no id", []supervisor.Item{supervisor.Spec{}}, []string{"no ID"}},
		{"no start function", []supervisor.Item{supervisor.Spec{ID: "a"}}, []string{`"a"`, "no Start"}},
		{"intensity", []supervisor.Item{supervisor.Intensity(-1, 0)}, []string{"intensity -1"}},
		{"period", []supervisor.Item{supervisor.Intensity(1, 0)}, []string{"period"}},
		{"significant and permanent", []supervisor.Item{supervisor.AnySignificant, w.worker("a", supervisor.Significant)}, []string{"cannot be significant"}},
		{"significant for nobody", w.workers("a:transient:significant"), []string{"needs a supervisor with auto-shutdown"}},
		{"all mistakes at once", append(w.workers("a a"), supervisor.Intensity(-1, 0), supervisor.Spec{ID: "z"}), []string{"exists", "intensity", `"z"`}},
	} {
		tree := supervisor.New("s", supervisor.OneForOne, tc.items...)
		err := tree.Validate()
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v", tc.name, err)
		}
		for _, want := range tc.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %s", tc.name, err, want)
			}
		}
	}
	tree := supervisor.New("s", supervisor.Dynamic, w.workers("a a")...)
	if err := tree.Validate(); err != nil { // ids of dynamic children need not differ
		t.Error(err)
	}
	if tree.Name() != "s" || len(tree.Children()) != 2 || supervisor.Dynamic.String() != "dynamic" {
		t.Error(tree)
	}
	if _, err := supervisor.New("s", supervisor.OneForOne, supervisor.Intensity(-1, 0)).Start(nil); err == nil {
		t.Error("a tree with mistakes started")
	}
	if s := supervisor.Restart(9).String() + supervisor.Temporary.String(); s != "unknown (9)temporary" {
		t.Error(s)
	}
}
