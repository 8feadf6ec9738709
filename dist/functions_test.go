// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// jobs starts two nodes, the second with functions: sum, hold (until release is closed), exit, crash, back (asks the first node
// for a sum), talk (sends 1, 2, 3 to its argument) and wait (for a message).
func jobs(t *testing.T) (na, nb *banyan.Node, release chan struct{}) {
	m := newMemory()
	na, _ = startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ = startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	release = make(chan struct{})
	answer := func(v any) error { return &banyan.TermError{Term: v, Answer: true} }
	sum := func(_ *banyan.Self, a []any) error { return answer(a[0].(int) + a[1].(int)) }
	na.Export("jobs", "sum", 2, sum)
	nb.Export("jobs", "sum", 2, sum)
	nb.Export("jobs", "hold", 0, func(*banyan.Self, []any) error { <-release; return answer(0) })
	nb.Export("jobs", "exit", 0, func(*banyan.Self, []any) error { runtime.Goexit(); return nil })
	nb.Export("jobs", "crash", 0, func(*banyan.Self, []any) error { panic("as it should") })
	nb.Export("jobs", "back", 2, func(self *banyan.Self, a []any) error {
		r, err := banyan.RunAt(self, "na@h", "jobs", "sum", a)
		return errors.Join(r, err)
	})
	nb.Export("jobs", "talk", 1, func(self *banyan.Self, a []any) error {
		for i := range 3 {
			if err := banyan.Send(self, a[0].(banyan.PID), i+1); err != nil {
				return err
			}
		}
		return nil
	})
	nb.Export("jobs", "wait", 0, func(self *banyan.Self, _ []any) error {
		m, err := banyan.ReceiveOf[int](self, self)
		if err != nil {
			return err
		}
		return answer(m)
	})
	return na, nb, release
}

// runJob runs one and returns its answer.
func runJob(ctx context.Context, name banyan.Atom, args ...any) (any, error) {
	reason, err := banyan.RunAt(ctx, "nb@h", "jobs", name, args)
	if err != nil {
		return nil, err
	}
	if term := (*banyan.TermError)(nil); errors.As(reason, &term) {
		return term.Term, nil
	}
	return nil, reason
}

func wantSum(ctx context.Context, name banyan.Atom) error {
	if v, err := runJob(ctx, name, 1, 2); err != nil || !etf.Equal(v, 3) {
		return fmt.Errorf("%s: %v, %v", name, v, err)
	}
	return nil
}

// Functions run on the link's reader; one that blocks, waits for the same link, panics or ends its goroutine does not stop that.
func TestFunctionsDoNotStopTheLink(t *testing.T) {
	na, nb, release := jobs(t)
	ctx := na.Context(t.Context())
	if err := wantSum(ctx, "sum"); err != nil {
		t.Fatal(err)
	}
	const held = 5
	var wg sync.WaitGroup
	for range held {
		wg.Go(func() {
			if v, err := runJob(ctx, "hold"); err != nil || !etf.Equal(v, 0) {
				t.Error("hold:", v, err)
			}
		})
	}
	for range 10 {
		for _, name := range []banyan.Atom{"sum", "back"} {
			if err := wantSum(ctx, name); err != nil {
				t.Error(err)
			}
		}
		var p *banyan.PanicError
		if _, err := runJob(ctx, "crash"); !errors.As(err, &p) || p.Value != "as it should" {
			t.Error("crash:", err)
		}
		if _, err := runJob(ctx, "exit"); !errors.As(err, &p) {
			t.Error("exit:", err)
		}
	}
	close(release)
	wg.Wait()
	for p := range nb.Processes { // none is left behind
		if p.Kind == "process" {
			t.Error("left:", p)
		}
	}
}

// Many at a time, of all kinds, from processes and others.
func TestFunctionsInACrowd(t *testing.T) {
	na, _, release := jobs(t)
	ctx := na.Context(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if err := errors.Join(wantSum(ctx, "sum"), wantSum(ctx, "back")); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			if _, err := runJob(ctx, "hold"); err != nil {
				t.Error(err)
			}
		})
		process(t, na, func(self *banyan.Self) error {
			for i := range 20 {
				var mon banyan.Reference
				pid, err := banyan.SpawnFunc(self, "nb@h", "jobs", "wait", nil, banyan.Monitored(&mon))
				if err != nil {
					return err
				}
				if err := banyan.Send(self, pid, i); err != nil {
					return err
				}
				down, err := receive[banyan.Down](self)
				if term := (*banyan.TermError)(nil); err != nil || down.Monitor != mon || !errors.As(down.Reason, &term) || !etf.Equal(term.Term, i) {
					return fmt.Errorf("%+v, %w", down, err)
				}
			}
			return nil
		})
	}
	close(release)
	wg.Wait()
}

// What a function sends comes before its end, and one that is killed while it runs is dead at once.
func TestFunctionsKeepOrder(t *testing.T) {
	na, _, release := jobs(t)
	defer close(release)
	process(t, na, func(self *banyan.Self) error {
		for range 100 {
			var mon banyan.Reference
			if _, err := banyan.SpawnFunc(self, "nb@h", "jobs", "talk", []any{self.PID()}, banyan.Monitored(&mon)); err != nil {
				return err
			}
			for want := 1; want <= 3; want++ {
				if m, err := self.Receive(self); err != nil || m != want {
					return fmt.Errorf("%v, %w; want %d", m, err, want)
				}
			}
			if m, err := self.Receive(self); err != nil || m.(banyan.Down).Monitor != mon || m.(banyan.Down).Reason != banyan.ErrNormal {
				return fmt.Errorf("%v, %w", m, err)
			}
		}
		var mon banyan.Reference
		pid, err := banyan.SpawnFunc(self, "nb@h", "jobs", "hold", nil, banyan.Monitored(&mon))
		if err != nil {
			return err
		}
		if err := banyan.SendExit(self, pid, banyan.ErrKill); err != nil {
			return err
		}
		if down, err := receive[banyan.Down](self); err != nil || down.PID != pid || down.Reason != banyan.ErrKilled {
			return fmt.Errorf("%+v, %w", down, err)
		}
		return nil
	})
}

// What may wait for Flush waits for that, unless something else is sent.
func TestSoon(t *testing.T) {
	p := newFakePort("a@127.0.0.1")
	tr := New(Config{})
	tr.cfg = tr.cfg.withDefaults()
	tr.name, tr.port, tr.nobody = p.name, p, banyan.PID{Node: p.name}
	l := tr.newLink(holdConn{}, peerOf(rawSide("b@127.0.0.1", "")))
	from, to := banyan.PID{Node: p.name, ID: 2}, banyan.PID{Node: "b@127.0.0.1", ID: 2}
	send := func(soon bool) {
		if err := l.Send(&banyan.Signal{Op: banyan.OpSend, From: from, To: to, Body: banyan.Body{Value: 1}, Soon: soon}); err != nil {
			t.Fatal(err)
		}
	}
	l.asleep = true
	l.Flush()
	send(true)
	if !l.asleep || len(l.wake) != 0 {
		t.Error("the writer was woken for what may wait")
	}
	l.Flush()
	if l.asleep || len(l.wake) != 1 {
		t.Error("Flush has not woken it")
	}
	<-l.wake
	l.asleep = true
	send(false)
	if l.asleep || len(l.wake) != 1 {
		t.Error("what must not wait has not woken it")
	}
}
