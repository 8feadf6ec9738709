// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/app"
	"github.com/banyan-go/banyan/supervisor"
)

// world is a node in virtual time, and a diary of what the applications did.
type world struct {
	t    *testing.T
	node *banyan.Node

	mu    sync.Mutex
	diary []string
	logs  bytes.Buffer
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logs.Write(p)
}

func (w *world) logged(s string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.logs.String(), s)
}

func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		node, err := banyan.Start("test@127.0.0.1", banyan.WithLogger(slog.New(slog.NewTextHandler(w, nil))))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := node.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		w.node = node
		f(w)
	})
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.diary = append(w.diary, fmt.Sprintf(format, args...))
}

func (w *world) expect(want string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	got := strings.Join(w.diary, ", ")
	w.diary = nil
	w.mu.Unlock()
	if got != want {
		w.t.Fatalf("diary:\n got %s\nwant %s", got, want)
	}
}

type state struct {
	w    *world
	name string
	slow time.Duration
}

func (s *state) Terminate(*banyan.Self, error) {
	if s.slow > 0 {
		<-time.After(s.slow)
	}
	s.w.note("stop %s", s.name)
}

// end ends an application's top process.
type end struct{ Err error }

func (m end) Cast(*state, *banyan.Self) error { return m.Err }

var errCrash = errors.New("crash")

// starter is an application of one process, which has the application's name.
func (w *world) starter(name string, fail error, slow time.Duration) app.StartFunc {
	return func(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
		ref, err := banyan.Spawn(parent, func(context.Context, *banyan.Self) (*state, error) {
			if fail != nil {
				w.note("fail %s", name)
				return nil, fail
			}
			w.note("start %s", name)
			return &state{w, name, slow}, nil
		}, append(opts, banyan.Name(banyan.Atom(name)))...)
		return ref.PID(), err
	}
}

func (w *world) app(name string, opts ...app.Option) *app.App {
	return app.New(name, w.starter(name, nil, 0), opts...)
}

func (w *world) end(name string, reason error) {
	w.t.Helper()
	ctx := w.node.Context(context.Background())
	if err := banyan.Cast(ctx, banyan.At[*state](banyan.Atom(name), ""), end{reason}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) start(apps ...app.Application) *app.Running {
	w.t.Helper()
	r, err := app.Start(context.Background(), w.node, apps...)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func TestStartAndStopOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		tree := supervisor.New("tree", supervisor.OneForOne, supervisor.Spec{ID: "x", Start: supervisor.StartFunc(w.starter("x", nil, 0))})
		r := w.start(
			w.app("db", app.Needs("cluster", "lib"), app.Describe("tables")),
			app.New("lib", nil),
			tree,
			w.app("cluster"),
		)
		w.expect("start cluster, start db, start x")
		var names []string
		for _, i := range r.List() {
			names = append(names, i.Name)
			if i.PID.IsZero() != (i.Name == "lib") || i.Ended != nil || i.Mode != app.Permanent {
				t.Errorf("%+v", i)
			}
		}
		if s := strings.Join(names, " "); s != "cluster lib db tree" {
			t.Error(s)
		}
		if r.List()[2].Description != "tables" {
			t.Error("description")
		}
		if pid, _ := w.node.Whereis(app.ControllerName); pid != r.PID() {
			t.Error("the controller has no name")
		}
		if _, err := app.Start(context.Background(), w.node); !errors.Is(err, app.ErrRunning) {
			t.Error(err)
		}
		if err := r.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.expect("stop x, stop db, stop cluster")
		<-r.Done()
		if err := r.Wait(); err != nil {
			t.Fatal(err)
		}
		if i := r.List()[3]; !i.PID.IsZero() || !errors.Is(i.Ended, banyan.ErrShutdown) {
			t.Errorf("%+v", i)
		}
		w.start().Stop(context.Background()) // another set may follow
	})
}

func TestStartFailureRollsBack(t *testing.T) {
	inWorld(t, func(w *world) {
		bad := app.New("c", w.starter("c", errCrash, 0))
		err := app.Run(context.Background(), w.node, w.app("a"), w.app("b"), bad, w.app("d"))
		w.expect("start a, start b, fail c, stop b, stop a")
		var se *app.StartError
		if !errors.As(err, &se) || se.App != "c" || !errors.Is(err, errCrash) || !strings.Contains(err.Error(), `"c" did not start`) {
			t.Fatal(err)
		}
		panics := app.New("p", app.StartFunc(func(*banyan.Self, ...banyan.SpawnOption) (banyan.PID, error) { panic("boom") }))
		err = app.Run(context.Background(), w.node, w.app("a"), panics)
		var pe *banyan.PanicError
		if !errors.As(err, &pe) {
			t.Fatal(err)
		}
		w.expect("start a, stop a")
		if err = app.Run(context.Background(), w.node, w.app("a", app.Needs("z"))); err == nil {
			t.Fatal("a missing application")
		}
		w.expect("")
	})
}

// What the end of an application means for the others, by its mode.
func TestModes(t *testing.T) {
	for _, tc := range []struct {
		mode   app.Mode
		reason error
		over   bool
	}{
		{app.Permanent, banyan.ErrNormal, true},
		{app.Permanent, errCrash, true},
		{app.Transient, banyan.ErrNormal, false},
		{app.Transient, banyan.ErrShutdown, true},
		{app.Transient, errCrash, true},
		{app.Temporary, errCrash, false},
		{app.Temporary, banyan.ErrNormal, false},
	} {
		t.Run(fmt.Sprint(tc.mode, " ", tc.reason), func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.start(w.app("a"), w.app("b", tc.mode), w.app("c"))
				w.expect("start a, start b, start c")
				w.end("b", tc.reason)
				if !tc.over {
					w.expect("stop b")
					if i := r.List()[1]; !i.PID.IsZero() || !errors.Is(i.Ended, tc.reason) {
						t.Errorf("%+v", i)
					}
					if w.logged("application ended") != 1 || w.logged("the others go on") != 1 {
						t.Error(w.logs.String())
					}
					if err := r.Stop(context.Background()); err != nil || r.Wait() != nil {
						t.Fatal(err)
					}
					w.expect("stop c, stop a")
					return
				}
				w.expect("stop b, stop c, stop a")
				var ee *app.EndError
				if err := r.Wait(); !errors.As(err, &ee) || ee.App != "b" || !errors.Is(err, tc.reason) || !strings.Contains(err.Error(), `"b" ended`) {
					t.Fatal(err)
				}
				if w.logged("application ended") != 1 || w.logged("all applications are stopped") != 1 {
					t.Error(w.logs.String())
				}
			})
		})
	}
}

func TestRunEndsWithContext(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := app.Run(ctx, w.node, w.app("a"), w.app("b")); err != nil {
			t.Fatal(err)
		}
		w.expect("start a, start b, stop b, stop a")
	})
	inWorld(t, func(w *world) { // while it starts
		ctx, cancel := context.WithCancel(context.Background())
		late := app.New("late", app.StartFunc(func(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
			pid, err := w.starter("late", nil, 0)(parent, opts...)
			cancel()
			return pid, err
		}))
		if err := app.Run(ctx, w.node, w.app("a"), late, w.app("b")); err != nil {
			t.Fatal(err)
		}
		w.expect("start a, start late, stop late, stop a")
		if _, err := app.Start(ctx, w.node, w.app("a")); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
	inWorld(t, func(w *world) { // Run by a permanent application that ends
		stop := time.AfterFunc(time.Second, func() {
			_ = banyan.Cast(w.node.Context(context.Background()), banyan.At[*state]("a", ""), end{errCrash})
		})
		defer stop.Stop()
		if err := app.Run(context.Background(), w.node, w.app("a"), w.app("b")); !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		w.expect("start a, start b, stop a, stop b")
	})
}

func TestStopTimeout(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.start(app.New("slow", w.starter("slow", nil, time.Minute), app.StopTimeout(time.Second)),
			app.New("now", w.starter("now", nil, time.Minute), app.StopTimeout(0)), w.app("b"))
		begin := time.Now()
		short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := r.Stop(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := r.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < time.Second || took > 1100*time.Millisecond {
			t.Fatal(took)
		}
		w.expect("start slow, start now, start b, stop b")
		if w.logged("application killed") != 1 {
			t.Fatal(w.logs.String())
		}
		<-time.After(time.Minute)
		w.expect("stop slow")
	})
}

// A top process on a node that is gone ends with ErrNoConnection; a start function that forgets the options is linked.
func TestStrangeStarters(t *testing.T) {
	inWorld(t, func(w *world) {
		gone := app.New("gone", app.StartFunc(func(*banyan.Self, ...banyan.SpawnOption) (banyan.PID, error) {
			return banyan.PID{Node: "gone@127.0.0.1", ID: 7, Creation: 5}, nil
		}), app.Temporary)
		loose := app.New("loose", app.StartFunc(func(parent *banyan.Self, _ ...banyan.SpawnOption) (banyan.PID, error) {
			return w.starter("loose", nil, 0)(parent)
		}))
		r := w.start(gone, loose)
		synctest.Wait()
		if i := r.List()[0]; !errors.Is(i.Ended, banyan.ErrNoConnection) {
			t.Fatalf("%+v", i)
		}
		w.end("loose", errCrash)
		if err := r.Wait(); !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		w.expect("start loose, stop loose")
	})
}

// Node.Stop stops the applications first, in reverse order.
func TestNodeStop(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.start(w.app("a"), w.app("b"))
		if err := w.node.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		<-r.Done()
		w.expect("start a, start b, stop b, stop a")
		if _, err := app.Start(context.Background(), w.node, w.app("a")); !errors.Is(err, banyan.ErrNodeStopped) {
			t.Fatal(err)
		}
	})
}
