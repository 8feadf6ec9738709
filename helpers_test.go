// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// lab is a server that runs whatever a test gives it, inside the process, and tells what it hears.
type lab struct {
	infos chan any
	ended chan error
}

func newLab() *lab { return &lab{infos: make(chan any, 100_000), ended: make(chan error, 10)} }

func (l *lab) Info(_ *banyan.Self, m any) error {
	l.infos <- m
	return nil
}

func (l *lab) Terminate(_ *banyan.Self, reason error) { l.ended <- reason }

type labRef = banyan.Ref[*lab]

// ask runs f as a call, do as a cast. They carry a func, which is fine between the test and its own servers only.
type ask struct {
	f func(*banyan.Self) (int, error)
}

func (ask) Immutable() {}

func (m ask) Call(_ *lab, self *banyan.Self) (int, error) { return m.f(self) }

type do struct{ f func(*banyan.Self) error }

func (do) Immutable() {}

func (m do) Cast(_ *lab, self *banyan.Self) error { return m.f(self) }

// spawnLab starts a lab.
func spawnLab(t testing.TB, by banyan.Spawner, opts ...banyan.SpawnOption) (*lab, labRef) {
	t.Helper()
	l := newLab()
	ref, err := banyan.SpawnState(by, l, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return l, ref
}

// outside is a context for calls from the test itself.
func outside(n *banyan.Node) context.Context { return n.Context(context.Background()) }

// in runs f inside the process and waits for it: a minute, for some do hundreds of things in it, on a busy machine.
func in(t testing.TB, n *banyan.Node, ref labRef, f func(*banyan.Self)) {
	t.Helper()
	_, err := banyan.Call(outside(n), ref, ask{func(self *banyan.Self) (int, error) { f(self); return 0, nil }}, banyan.Timeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
}

// later runs f inside the process without waiting.
func later(t testing.TB, n *banyan.Node, ref labRef, f func(*banyan.Self) error) {
	t.Helper()
	if err := banyan.Cast(outside(n), ref, do{f}); err != nil {
		t.Fatal(err)
	}
}

// fail makes the process end with a reason.
func fail(t testing.TB, n *banyan.Node, ref labRef, reason error) {
	t.Helper()
	later(t, n, ref, func(self *banyan.Self) error { self.Stop(reason); return nil })
}

// next is the next thing from a channel; a minute without it is a failure (virtual time in a bubble).
func next[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// nextOf is next with a type.
func nextOf[T any](t testing.TB, c <-chan any) T {
	t.Helper()
	v := next(t, c)
	m, ok := v.(T)
	if !ok {
		t.Fatalf("got %T %v, want %T", v, v, *new(T))
	}
	return m
}

// none fails if anything comes, now that all goroutines of the bubble rest.
func none[T any](t testing.TB, c <-chan T) {
	t.Helper()
	synctest.Wait()
	select {
	case v := <-c:
		t.Fatalf("got %v, want nothing", v)
	default:
	}
}

// gone waits until the process is gone.
func gone(t testing.TB, n *banyan.Node, pid banyan.PID) {
	t.Helper()
	for range 60_000 {
		if _, ok := n.Info(pid); !ok {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Fatalf("%v still lives", pid)
}

// alive fails if the process is gone, or about to be.
func alive(t testing.TB, n *banyan.Node, pid banyan.PID) {
	t.Helper()
	synctest.Wait()
	if _, ok := n.Info(pid); !ok {
		t.Fatalf("%v is gone", pid)
	}
}

// bubble runs a test in virtual time with a node of its own that logs nothing. Its workers are more than the handlers that
// tests block at once: in virtual time a replacement would show.
func bubble(t *testing.T, f func(t *testing.T, n *banyan.Node), opts ...banyan.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		f(t, quietNode(t, append([]banyan.Option{banyan.WithWorkers(8)}, opts...)...))
	})
}

func quietNode(t testing.TB, opts ...banyan.Option) *banyan.Node {
	t.Helper()
	return startNode(t, append([]banyan.Option{banyan.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
}

// records collects log records.
type records struct {
	mu   sync.Mutex
	list []map[string]string
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }

func (r *records) Handle(_ context.Context, rec slog.Record) error {
	m := map[string]string{"msg": rec.Message, "level": rec.Level.String()}
	rec.Attrs(func(a slog.Attr) bool { m[a.Key] = a.Value.String(); return true })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, m)
	return nil
}

func (r *records) all() []map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]map[string]string(nil), r.list...)
}

// errorIs checks for all of several errors.
func errorIs(t testing.TB, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("error %q (%T) is not %q", fmt.Sprint(err), err, w)
		}
	}
}

// diedWith checks that a call failed because the process died of reason, in the call or before.
func diedWith(t testing.TB, err, reason error, delivered bool) {
	t.Helper()
	var pe *banyan.ProcessError
	if !errors.As(err, &pe) {
		t.Errorf("error %v is no ProcessError", err)
		return
	}
	if !errors.Is(pe.Reason, reason) || pe.Delivered != delivered {
		t.Errorf("got reason %v, delivered %v; want %v, %v", pe.Reason, pe.Delivered, reason, delivered)
	}
	want := banyan.ErrNotDelivered
	if delivered {
		want = banyan.ErrDied
	}
	if errors.Is(err, banyan.ErrNotDelivered) == errors.Is(err, banyan.ErrDied) || !errors.Is(err, want) {
		t.Errorf("error %v does not tell by errors.Is whether it was delivered", err)
	}
}

var errBoom = errors.New("boom")

func contains(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
