// SPDX-License-Identifier: Apache-2.0

package banyantest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
)

// fake is a testing.TB that fails without ending the real test.
type fake struct {
	testing.TB
	mu       sync.Mutex
	failed   bool
	text     strings.Builder
	cleanups []func()
}

func (f *fake) Helper() {}
func (f *fake) Logf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(&f.text, format+"\n", args...)
}
func (f *fake) Errorf(format string, args ...any) { f.failed = true; f.Logf(format, args...) }
func (f *fake) Fatalf(format string, args ...any) { f.Errorf(format, args...); runtime.Goexit() }
func (f *fake) Failed() bool                      { return f.failed }
func (f *fake) Cleanup(fn func())                 { f.cleanups = append(f.cleanups, fn) }

// run runs a test that may fail, and gives what it said.
func run(t *testing.T, test func(t testing.TB)) (failed bool, text string) {
	f := &fake{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := len(f.cleanups) - 1; i >= 0; i-- {
				f.cleanups[i]()
			}
		}()
		test(f)
	}()
	<-done
	return f.failed, f.text.String()
}

func say(t testing.TB, p *banyantest.Probe, messages ...any) {
	for _, m := range messages {
		if err := banyan.Send(p.Node().Context(context.Background()), p.PID(), m); err != nil {
			t.Fatalf("%v", err)
		}
	}
}

func TestProbeTakesWhatIsExpectedAndKeepsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := banyantest.NewProbe(t, banyantest.Node(t))
		say(t, p, 1, "two", 3, "four")
		if s := banyantest.Expect(p, time.Second, func(s string) bool { return s == "four" }); s != "four" {
			t.Fatal(s)
		}
		if n := banyantest.ExpectNext[int](p, time.Second); n != 1 {
			t.Fatal(n)
		}
		banyantest.ExpectNext[string](p, time.Second)
		banyantest.ExpectNo[string](p, time.Hour)
		banyantest.Expect[int](p, 0)
		p.ExpectNothing(time.Hour)
		if got := len(p.Messages()); got != 4 {
			t.Fatal(got)
		}
	})
}

func TestProbeFailuresSayWhatCame(t *testing.T) {
	cases := []struct {
		name, want string
		test       func(p *banyantest.Probe)
	}{
		{"Expect", "got no float64 within", func(p *banyantest.Probe) { banyantest.Expect[float64](p, time.Millisecond) }},
		{"Expect match", "got no string that fits within", func(p *banyantest.Probe) {
			banyantest.Expect(p, time.Millisecond, func(s string) bool { return s == "x" })
		}},
		{"ExpectNext", "the next message is no string", func(p *banyantest.Probe) { banyantest.ExpectNext[string](p, time.Second) }},
		{"ExpectNo", "which must not come", func(p *banyantest.Probe) { banyantest.ExpectNo[string](p, time.Second) }},
		{"ExpectNothing", "nothing must come", func(p *banyantest.Probe) { p.ExpectNothing(time.Second) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			failed, text := run(t, func(t testing.TB) {
				p := banyantest.NewProbe(t, banyantest.Node(t))
				say(t, p, 7, "seven")
				c.test(p)
			})
			if !failed || !strings.Contains(text, c.want) || !strings.Contains(text, "int 7") {
				t.Fatalf("failed: %v, said %q", failed, text)
			}
		})
	}
}

func TestProbeMonitorsAndLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := banyantest.Node(t)
		a, b := banyantest.NewProbe(t, n), banyantest.NewProbe(t, n)
		ref := a.Monitor(b.PID())
		a.Link(b.PID())
		a.Send(b.PID(), "hello")
		banyantest.ExpectNext[string](b, time.Second)
		b.Exit(banyan.ErrShutdown)
		banyantest.Expect(a, time.Second, func(d banyan.Down) bool { return d.Monitor == ref && d.Reason == banyan.ErrShutdown })
		banyantest.Expect(a, time.Second, func(e banyan.Exit) bool { return e.From == b.PID() && e.Reason == banyan.ErrShutdown })
		a.ExpectNothing(time.Hour)
	})
}

type stuck struct{ begun, until chan struct{} }

type wait struct{}

func (wait) Cast(s *stuck, _ *banyan.Self) error {
	close(s.begun)
	<-s.until
	return nil
}

func TestNodeThatDoesNotStopFailsTheTest(t *testing.T) {
	s := &stuck{make(chan struct{}), make(chan struct{})}
	failed, text := run(t, func(t testing.TB) {
		n := banyantest.Node(t, banyantest.Called("stuck@localhost"), banyantest.NoLeakCheck())
		ref, err := banyan.SpawnState(n, s)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if err := banyan.Cast(n.Context(context.Background()), ref, wait{}); err != nil {
			t.Fatalf("%v", err)
		}
		<-s.begun
		t.Cleanup(func() { // before the kit's own: no time to wait
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if err := n.Stop(ctx); !errors.Is(err, banyan.ErrStuck) {
				t.Errorf("got %v", err)
			}
		})
	})
	close(s.until)
	if !failed || !strings.Contains(text, "still running") || !strings.Contains(text, "wait") {
		t.Fatalf("failed: %v, said %q", failed, text)
	}
}

func TestGoroutineLeftFailsTheTest(t *testing.T) {
	var end func()
	failed, text := run(t, func(t testing.TB) {
		banyantest.Node(t)
		other, err := banyan.Start("other@localhost") // nobody stops it
		if err != nil {
			t.Fatalf("%v", err)
		}
		end = func() { _ = other.Stop(context.Background()) }
	})
	end()
	if !failed || !strings.Contains(text, "goroutines of the runtime are left") {
		t.Fatalf("failed: %v, said %q", failed, text)
	}
}
