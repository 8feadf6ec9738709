// SPDX-License-Identifier: Apache-2.0

package statem_test

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
	"github.com/banyan-go/banyan/statem"
)

type mode string

// lab is a machine that does what a test gives it, and writes down what happens.
type lab struct {
	statem.Machine[mode]
	log   *[]string
	onEnt func(*lab, *banyan.Self) error
	ended chan error
}

func (l *lab) note(what string) { *l.log = append(*l.log, string(l.State())+"/"+what) }

func (l *lab) Enter(self *banyan.Self, from mode) error {
	l.note("enter:" + string(from))
	if l.onEnt != nil {
		return l.onEnt(l, self)
	}
	return nil
}

func (l *lab) Info(_ *banyan.Self, m any) error {
	if s, ok := m.(string); ok {
		l.note("info:" + s)
		if l.State() == "busy" {
			return l.Postpone()
		}
	}
	return nil
}

func (l *lab) Terminate(_ *banyan.Self, reason error) { l.ended <- reason }

// ask runs f as a call, do as a cast. They carry a func, which is fine between a test and its own machine only.
type ask struct {
	name string
	f    func(*lab, *banyan.Self) (int, error)
}

func (ask) Immutable() {}

func (m ask) Call(l *lab, self *banyan.Self) (int, error) {
	l.note(m.name)
	return m.f(l, self)
}

type do struct {
	name string
	f    func(*lab, *banyan.Self) error
}

func (do) Immutable() {}

func (m do) Cast(l *lab, self *banyan.Self) error {
	l.note(m.name)
	if m.f == nil {
		return nil
	}
	return m.f(l, self)
}

// work is a call that is postponed while the machine is busy, and else answers with the number of times it was tried.
func work(name string) ask {
	return ask{name, func(l *lab, _ *banyan.Self) (int, error) {
		if l.State() == "busy" {
			return 0, l.Postpone()
		}
		return len(*l.log), nil
	}}
}

func to(s mode) do {
	return do{"to:" + string(s), func(l *lab, _ *banyan.Self) error { l.Next(s); return nil }}
}

// rig is a node with a lab on it.
type rig struct {
	*testing.T
	n   *banyan.Node
	l   *lab
	ref banyan.Ref[*lab]
	ctx context.Context
	out *logs
}

// logs is the node's log.
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

// bubble runs a test in virtual time, with a lab in state "busy" (or another, given by in).
func bubble(t *testing.T, in mode, f func(r *rig), opts ...statem.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		out := &logs{}
		n, err := banyan.Start("test@localhost", banyan.WithLogger(slog.New(slog.NewTextHandler(out, nil))))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := n.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		l := &lab{Machine: statem.In(in, opts...), log: new([]string), ended: make(chan error, 1)}
		ref, err := banyan.SpawnState(n, l)
		if err != nil {
			t.Fatal(err)
		}
		f(&rig{t, n, l, ref, n.Context(t.Context()), out})
	})
}

func (r *rig) cast(m do) {
	r.Helper()
	if err := banyan.Cast(r.ctx, r.ref, m); err != nil {
		r.Fatal(err)
	}
}

// outcome is how a call went.
type outcome struct {
	v   int
	err error
}

// async calls from a goroutine of its own.
func (r *rig) async(m ask, opts ...banyan.CallOption) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		v, err := banyan.Call(r.ctx, r.ref, m, opts...)
		c <- outcome{v, err}
	}()
	synctest.Wait()
	return c
}

// trace is what happened so far.
func (r *rig) trace(want string) {
	r.Helper()
	synctest.Wait()
	if got := strings.Join(*r.l.log, " "); got != want {
		r.Errorf("got  %s\nwant %s", got, want)
	}
}

func (r *rig) open(c <-chan outcome) {
	r.Helper()
	synctest.Wait()
	select {
	case o := <-c:
		r.Fatal("the call is answered: ", o)
	default:
	}
}

func get[T any](r *rig, c <-chan T) T {
	r.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		r.Fatal("nothing came")
		panic("unreachable")
	}
}

var errBoom = errors.New("boom")
