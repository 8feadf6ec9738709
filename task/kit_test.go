// SPDX-License-Identifier: Apache-2.0

package task_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

var errBoom = errors.New("boom")

// owner is a server that runs what a test gives it.
type owner struct {
	infos chan any
	ended chan error
}

func (o *owner) Info(_ *banyan.Self, m any) error { o.infos <- m; return nil }

func (o *owner) Terminate(_ *banyan.Self, reason error) { o.ended <- reason }

// do carries a func, which is fine between a test and its own server only.
type do struct{ f func(self *banyan.Self) error }

func (do) Immutable() {}

func (m do) Call(_ *owner, self *banyan.Self) (int, error) { return 0, m.f(self) }

type rig struct {
	*testing.T
	n   *banyan.Node
	ctx context.Context
	o   *owner
	ref banyan.Ref[*owner]
	out *logs
}

type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// bubble runs a test in virtual time, with a node and a server on it. No process and no goroutine may be left.
func bubble(t *testing.T, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		out := &logs{}
		n, err := banyan.Start("test@localhost", banyan.WithLogger(slog.New(slog.NewTextHandler(out, nil))))
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{T: t, n: n, ctx: n.Context(t.Context()), out: out}
		r.o, r.ref = r.owner()
		f(r)
		synctest.Wait()
		if s := n.Stuck(); len(s) != 0 {
			t.Errorf("%d processes are stuck: %s", len(s), s[0].Stack)
		}
		if err := n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func (r *rig) owner(opts ...banyan.SpawnOption) (*owner, banyan.Ref[*owner]) {
	r.Helper()
	o := &owner{make(chan any, 100), make(chan error, 1)}
	ref, err := banyan.SpawnState(r.n, o, opts...)
	if err != nil {
		r.Fatal(err)
	}
	return o, ref
}

// in runs f in the server and gives its error.
func (r *rig) in(f func(self *banyan.Self) error) error {
	_, err := banyan.Call(r.ctx, r.ref, do{f}, banyan.Timeout(time.Hour))
	return err
}

// processes counts those of a kind, once all have had time to end: workers that wait in a task's function are replaced by
// the scheduler's clock.
func (r *rig) processes(kind string) int {
	<-time.After(time.Second)
	synctest.Wait()
	n := 0
	r.n.Processes(func(i banyan.ProcessInfo) bool {
		if strings.Contains(i.Kind, kind) {
			n++
		}
		return true
	})
	return n
}

// tasksLeft fails if a task is left.
func (r *rig) tasksLeft(want int) {
	r.Helper()
	if n := r.processes("task.work"); n != want {
		r.Errorf("%d tasks are left, want %d", n, want)
	}
	if n := r.processes("task.crew"); n != 0 {
		r.Errorf("%d crews are left", n)
	}
}

func get[T any](r *rig, c <-chan T) T {
	r.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Hour):
		r.Fatal("nothing came")
		panic("unreachable")
	}
}

// block waits for its end, as a task that minds its context does.
func block(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}
