// SPDX-License-Identifier: Apache-2.0

package supervisor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// world is a node in virtual time, and a diary of what the children did.
type world struct {
	t    *testing.T
	node *banyan.Node
	ctx  context.Context
	logs *buffer

	mu     sync.Mutex
	diary  []string
	starts map[string]int
	fail   map[string]error // what the constructor of a child returns
	times  map[string]int   // how often, 0 always
	panics map[string]bool
}

// buffer is a bytes.Buffer for several writers.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// lines are the log records that hold all the words.
func (b *buffer) lines(words ...string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.b.String()) {
		ok := true
		for _, w := range words {
			ok = ok && strings.Contains(line, w)
		}
		if ok {
			n++
		}
	}
	return n
}

func (b *buffer) all() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// inWorld runs a test in virtual time, on a node of its own.
func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, logs: &buffer{}, starts: map[string]int{}, fail: map[string]error{}, times: map[string]int{}, panics: map[string]bool{}}
		node, err := banyan.Start("test@127.0.0.1", banyan.WithLogger(slog.New(slog.NewTextHandler(w.logs, nil))))
		if err != nil {
			t.Fatal(err)
		}
		w.node, w.ctx = node, node.Context(context.Background())
		defer func() {
			if err := node.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		f(w)
	})
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.diary = append(w.diary, fmt.Sprintf(format, args...))
}

// expect compares the diary with what should be there, and empties it.
func (w *world) expect(want string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	got := strings.Join(w.diary, ", ")
	w.diary = nil
	w.mu.Unlock()
	if got != want {
		w.t.Fatalf("diary:\n got %s\nwant %s\nlog:\n%s", got, want, w.logs.all())
	}
}

// setFail makes the constructor of a child fail the next times, 0 always.
func (w *world) setFail(name string, err error, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail[name], w.times[name] = err, times
}

// probe is the state of a test child.
type probe struct {
	w    *world
	name string
	trap bool          // ignores exit signals
	slow time.Duration // Terminate takes so long
}

func (p *probe) Terminate(self *banyan.Self, reason error) {
	if p.slow > 0 {
		<-time.After(p.slow)
	}
	p.w.note("stop %s", p.name)
}

// Info of a child that traps exits and does not listen.
func (p *probe) Info(*banyan.Self, any) error { return nil }

// end makes a child end with a reason, as a crash if it is one.
type end struct{ Err error }

func (m end) Cast(*probe, *banyan.Self) error { return m.Err }

// bomb makes it panic.
type bomb struct{}

func (bomb) Cast(*probe, *banyan.Self) error { panic("bomb") }

// hang keeps its handler busy until the channel is closed.
type hang struct{ gate *gate }

type gate struct{ c chan struct{} }

func (*gate) Immutable() {}

func (m hang) Cast(*probe, *banyan.Self) error { <-m.gate.c; return nil }

var errCrash = errors.New("crash")

func (w *world) constructor(name string, change ...func(*probe)) func(context.Context, *banyan.Self) (*probe, error) {
	return func(_ context.Context, self *banyan.Self) (*probe, error) {
		w.mu.Lock()
		err, boom := w.fail[name], w.panics[name]
		if err == nil {
			w.starts[name]++
		} else if w.times[name]--; w.times[name] == 0 {
			delete(w.fail, name)
		}
		w.mu.Unlock()
		if boom {
			panic("bomb in init")
		}
		if err != nil {
			w.note("fail %s", name)
			return nil, err
		}
		w.note("start %s", name)
		p := &probe{w: w, name: name}
		for _, f := range change {
			f(p)
		}
		self.TrapExits(p.trap)
		return p, nil
	}
}

// worker is a child that writes to the diary.
func (w *world) worker(name string, opts ...supervisor.ChildOption) supervisor.Spec {
	return supervisor.Worker(name, w.constructor(name), opts...)
}

// workers is several children out of "a:permanent b:transient:significant".
func (w *world) workers(list string) (items []supervisor.Item) {
	for _, s := range strings.Fields(list) {
		f := strings.Split(s, ":")
		var opts []supervisor.ChildOption
		for _, o := range f[1:] {
			switch o {
			case "transient":
				opts = append(opts, supervisor.Transient)
			case "temporary":
				opts = append(opts, supervisor.Temporary)
			case "significant":
				opts = append(opts, supervisor.Significant)
			case "kill":
				opts = append(opts, supervisor.Shutdown(supervisor.Kill))
			case "permanent":
				opts = append(opts, supervisor.Permanent)
			default:
				w.t.Fatal("unknown option ", o)
			}
		}
		items = append(items, w.worker(f[0], opts...))
	}
	return items
}

func (w *world) start(t *supervisor.Tree) supervisor.Ref {
	w.t.Helper()
	ref, err := t.Start(w.node)
	if err != nil {
		w.t.Fatal(err)
	}
	return ref
}

// pid finds a child.
func (w *world) pid(sup supervisor.Ref, id string) banyan.PID {
	w.t.Helper()
	for _, c := range w.which(sup) {
		if c.ID == id {
			return c.PID
		}
	}
	w.t.Fatalf("no child %s in %v", id, w.which(sup))
	return banyan.PID{}
}

func (w *world) which(sup supervisor.Ref) []supervisor.ChildInfo {
	w.t.Helper()
	list, err := supervisor.Which(w.ctx, sup)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// children writes the list down: * runs, ~ is being restarted.
func (w *world) children(sup supervisor.Ref) string {
	w.t.Helper()
	var names []string
	for _, c := range w.which(sup) {
		switch {
		case c.Running():
			names = append(names, c.ID+"*")
		case c.Restarting:
			names = append(names, c.ID+"~")
		default:
			names = append(names, c.ID)
		}
	}
	return strings.Join(names, " ")
}

func (w *world) cast(pid banyan.PID, m banyan.Note[*probe]) {
	w.t.Helper()
	ref, err := banyan.RefOf[*probe](w.node, pid)
	if err == nil {
		err = banyan.Cast(w.ctx, ref, m)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// end ends a child of sup with a reason and waits until all is quiet.
func (w *world) end(sup supervisor.Ref, id string, reason error) {
	w.t.Helper()
	w.cast(w.pid(sup, id), end{reason})
	synctest.Wait()
}

// alive reports whether a process is there.
func (w *world) alive(pid banyan.PID) bool {
	_, ok := w.node.Info(pid)
	return ok
}

// down starts to watch a process, and gives what its Down says.
func (w *world) down(pid banyan.PID) <-chan error {
	c := make(chan error, 1)
	ready := make(chan struct{})
	_, err := banyan.Go(w.node, func(self *banyan.Self) error {
		self.Monitor(pid)
		close(ready)
		d, err := banyan.ReceiveOf[banyan.Down](self, self)
		if err == nil {
			c <- d.Reason
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	<-ready
	return c
}

// sorted makes the order of what happened at once irrelevant.
func (w *world) sorted() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.diary)
	s := strings.Join(w.diary, ", ")
	w.diary = nil
	return s
}
