// SPDX-License-Identifier: Apache-2.0

package banyantest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
)

const (
	a = "a@sim"
	b = "b@sim"
	c = "c@sim"
)

// tick is how long it takes at most until silence is noticed, with the default tick time.
const tick = 75*time.Second + time.Second

type shop struct{ taken int }

type take struct{ N int }

func (m take) Call(s *shop, self *banyan.Self) (int, error) {
	if m.N < 0 {
		<-self.Context().Done() // never answers
	}
	s.taken += m.N
	return s.taken, nil
}

func init() { banyan.RegisterCall[take]("take") }

func openShop(t testing.TB, n *banyan.Node) banyan.Ref[*shop] {
	t.Helper()
	ref, err := banyan.SpawnState(n, &shop{}, banyan.Name("shop"))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// cluster runs a test on nodes a and b, connected, in virtual time.
func cluster(t *testing.T, test func(t *testing.T, s *banyantest.Sim), opts ...banyantest.ClusterOption) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := banyantest.Cluster(t, append([]banyantest.ClusterOption{banyantest.Nodes(a, b)}, opts...)...)
		s.Connect()
		test(t, s)
	})
}

func TestCallAcrossNodes(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		openShop(t, s.Node(b))
		ctx := s.Node(a).Context(t.Context())
		for i := 1; i <= 3; i++ {
			if n, err := banyan.Call(ctx, banyan.At[*shop]("shop", b), take{2}); err != nil || n != 2*i {
				t.Fatal(n, err)
			}
		}
	})
}

func TestOrderUnderDelay(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			cluster(t, func(t *testing.T, s *banyantest.Sim) {
				s.Delay(a, b, time.Millisecond, 2*time.Second)
				from, to := banyantest.NewProbe(t, s.Node(a)), banyantest.NewProbe(t, s.Node(b))
				for i := range 200 {
					from.Send(to.PID(), i)
				}
				for i := range 200 {
					if got := banyantest.ExpectNext[int](to, time.Minute); got != i {
						t.Fatalf("message %d came where %d was due", got, i)
					}
				}
				to.ExpectNothing(time.Minute)
			}, banyantest.Seed(seed))
		})
	}
}

func TestNothingIsLostWhileTheLinkLives(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		from, to := banyantest.NewProbe(t, s.Node(a)), banyantest.NewProbe(t, s.Node(b))
		to.MonitorNodes()
		for i := range 300 {
			switch i % 30 {
			case 5:
				s.Partition(a, b)
			case 8:
				s.Drop(b, a) // changes nothing: it is cut already
			case 11:
				s.Heal(a, b)
			case 15:
				s.Delay(a, b, 0, time.Duration(i)*10*time.Millisecond)
			case 20:
				s.Drop(a, b)
			case 22:
				s.HealAll()
			}
			from.Send(to.PID(), i)
			<-time.After(5 * time.Second)
		}
		for i := range 300 {
			if got := banyantest.ExpectNext[int](to, time.Minute); got != i {
				t.Fatalf("message %d came where %d was due", got, i)
			}
		}
		to.ExpectNothing(time.Hour) // also no NodeDown
	})
}

func TestSmallPassesBig(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		openShop(t, s.Node(b))
		s.Bandwidth(a, b, time.Millisecond, time.Millisecond, 10<<20)
		from, to := banyantest.NewProbe(t, s.Node(a)), banyantest.NewProbe(t, s.Node(b))
		start := time.Now()
		from.Send(to.PID(), make([]byte, 20<<20)) // 2 s on this line
		worst := time.Duration(0)
		for range 50 {
			begun := time.Now()
			if _, err := banyan.Call(s.Node(a).Context(t.Context()), banyan.At[*shop]("shop", b), take{1}); err != nil {
				t.Fatal(err)
			}
			worst = max(worst, time.Since(begun))
		}
		if time.Since(start) > 1900*time.Millisecond {
			t.Fatal("the calls took longer than the big message, so nothing was tested")
		}
		if worst > 100*time.Millisecond {
			t.Errorf("a call took %v beside a big message", worst)
		}
		if m := banyantest.ExpectNext[[]byte](to, 10*time.Second); len(m) != 20<<20 {
			t.Errorf("%d bytes came", len(m))
		}
	})
}

// A handler that blocks, run by the reader of the link that its message came by, does not hold up that link.
func TestBlockedHandlerDoesNotHoldUpTheLink(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		ctx := s.Node(a).Context(t.Context())
		openShop(t, s.Node(b))
		if _, err := banyan.SpawnState(s.Node(b), &shop{}, banyan.Name("stuck")); err != nil {
			t.Fatal(err)
		}
		stuck, other := banyan.At[*shop]("stuck", b), banyan.At[*shop]("shop", b)
		for range 3 {
			if _, err := banyan.Call(ctx, stuck, take{1}); err != nil { // known as quick
				t.Fatal(err)
			}
		}
		hung := make(chan error)
		go func() {
			_, err := banyan.Call(ctx, stuck, take{-1}, banyan.Timeout(time.Second))
			hung <- err
		}()
		<-time.After(time.Millisecond) // the handler waits now, on the reader
		for range 3 {
			begun := time.Now()
			if _, err := banyan.Call(ctx, other, take{1}); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(begun); d > 10*time.Millisecond {
				t.Errorf("a call took %v beside a handler that blocks", d)
			}
		}
		if err := <-hung; !errors.Is(err, banyan.ErrTimeout) {
			t.Errorf("the handler that blocks: %v", err)
		}
	})
}

// watching gives a probe on node a that is linked with and monitors one on b.
func watching(t *testing.T, s *banyantest.Sim) (here, there *banyantest.Probe, ref banyan.Reference) {
	t.Helper()
	here, there = banyantest.NewProbe(t, s.Node(a)), banyantest.NewProbe(t, s.Node(b))
	ref = here.Monitor(there.PID())
	here.Link(there.PID())
	here.Send(there.PID(), banyan.Atom("up"))
	banyantest.ExpectNext[banyan.Atom](there, time.Second) // so the link has arrived too
	return here, there, ref
}

// lost expects that link and monitor fire once, within the time, and not again.
func lost(t *testing.T, p, other *banyantest.Probe, ref banyan.Reference, within time.Duration) {
	t.Helper()
	d := banyantest.Expect(p, within, func(d banyan.Down) bool { return d.Monitor == ref })
	if !errors.Is(d.Reason, banyan.ErrNoConnection) || d.PID != other.PID() {
		t.Fatalf("got %+v", d)
	}
	e := banyantest.Expect(p, within, func(e banyan.Exit) bool { return e.From == other.PID() })
	if !errors.Is(e.Reason, banyan.ErrNoConnection) {
		t.Fatalf("got %+v", e)
	}
	p.ExpectNothing(10 * time.Minute)
}

func TestPartitionFiresLinkAndMonitorOnce(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		here, there, ref := watching(t, s)
		start := time.Now()
		s.Partition(a, b)
		here.ExpectNothing(30 * time.Second) // silence is no news yet
		lost(t, here, there, ref, tick)
		if d := time.Since(start) - 10*time.Minute; d > tick {
			t.Fatalf("took %v", d)
		}
		e := banyantest.Expect[banyan.Exit](there, tick)
		if e.From != here.PID() || !errors.Is(e.Reason, banyan.ErrNoConnection) {
			t.Fatalf("got %+v", e)
		}
		there.ExpectNothing(10 * time.Minute)
	})
}

func TestOneWayDropEndsTheLinkAtBothEnds(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		here, there, ref := watching(t, s)
		s.Drop(b, a) // a hears nothing; b hears a, until a gives up
		lost(t, here, there, ref, tick)
		banyantest.Expect[banyan.Exit](there, tick)
		there.ExpectNothing(10 * time.Minute)
	})
}

func TestShortPartitionIsNotNoticed(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		here, there, _ := watching(t, s)
		s.Partition(a, b)
		here.Send(there.PID(), banyan.Atom("held"))
		there.ExpectNothing(20 * time.Second)
		s.Heal(a, b)
		if m := banyantest.ExpectNext[banyan.Atom](there, time.Second); m != "held" {
			t.Fatal(m)
		}
		here.ExpectNothing(10 * time.Minute)
		there.ExpectNothing(0)
	})
}

func TestKillIsSeenAtOnce(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		here, there, ref := watching(t, s)
		go s.Kill(b)
		synctest.Wait() // dead, but for its goroutines
		banyantest.Expect(here, 5*time.Millisecond, func(d banyan.Down) bool {
			return d.Monitor == ref && errors.Is(d.Reason, banyan.ErrNoConnection)
		})
		banyantest.Expect(here, time.Second, func(e banyan.Exit) bool {
			return e.From == there.PID() && errors.Is(e.Reason, banyan.ErrNoConnection)
		})
		here.ExpectNothing(10 * time.Minute)
	})
}

func TestResetFiresAtBothEnds(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		here, there, ref := watching(t, s)
		s.Reset(a, b)
		lost(t, here, there, ref, time.Second)
		banyantest.Expect[banyan.Exit](there, time.Second)
		there.ExpectNothing(time.Minute)
	})
}

func TestReconnectAfterHeal(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		here, there, ref := watching(t, s)
		s.Partition(a, b)
		lost(t, here, there, ref, tick)
		s.Heal(a, b)
		here.Send(there.PID(), banyan.Atom("again")) // the same process, by a new link
		banyantest.Expect(there, time.Minute, func(m banyan.Atom) bool { return m == "again" })
		ref = here.Monitor(there.PID())
		here.Send(there.PID(), banyan.Atom("monitored")) // behind the monitor
		banyantest.Expect(there, time.Minute, func(m banyan.Atom) bool { return m == "monitored" })
		there.Exit(banyan.ErrShutdown)
		banyantest.Expect(here, time.Second, func(d banyan.Down) bool {
			return d.Monitor == ref && errors.Is(d.Reason, banyan.ErrShutdown)
		})
	})
}

func TestCallInFlightEndsWithTheLink(t *testing.T) {
	faults := []struct {
		name   string
		fault  func(s *banyantest.Sim)
		within time.Duration
	}{
		{"kill", func(s *banyantest.Sim) { s.Kill(b) }, 5 * time.Millisecond},
		{"reset", func(s *banyantest.Sim) { s.Reset(a, b) }, 5 * time.Millisecond},
		{"partition", func(s *banyantest.Sim) { s.Partition(a, b) }, tick},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			cluster(t, func(t *testing.T, s *banyantest.Sim) {
				ref := openShop(t, s.Node(b))
				remote, err := banyan.RefOf[*shop](s.Node(a), ref.PID())
				if err != nil {
					t.Fatal(err)
				}
				errs := make(chan error, 1)
				var ended time.Time
				go func() {
					_, err := banyan.Call(s.Node(a).Context(context.Background()), remote, take{-1}, banyan.Timeout(time.Hour))
					ended = time.Now()
					errs <- err
				}()
				synctest.Wait()
				<-time.After(time.Second)
				start := time.Now()
				f.fault(s)
				if err := <-errs; !errors.Is(err, banyan.ErrNoConnection) {
					t.Fatal(err)
				}
				if d := ended.Sub(start); d > f.within {
					t.Fatalf("took %v", d)
				}
			})
		})
	}
}

func TestCallThroughAPartitionTimesOut(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		openShop(t, s.Node(b))
		s.Partition(a, b)
		start := time.Now()
		_, err := banyan.Call(s.Node(a).Context(t.Context()), banyan.At[*shop]("shop", b), take{1})
		if !errors.Is(err, banyan.ErrTimeout) {
			t.Fatal(err)
		}
		if d := time.Since(start); d > 5*time.Second+20*time.Millisecond {
			t.Fatalf("took %v", d)
		}
	})
}

func TestRestartIsANewIncarnation(t *testing.T) {
	cluster(t, func(t *testing.T, s *banyantest.Sim) {
		old := openShop(t, s.Node(b)).PID()
		oldRef, err := banyan.RefOf[*shop](s.Node(a), old)
		if err != nil {
			t.Fatal(err)
		}
		p := banyantest.NewProbe(t, s.Node(a))
		p.MonitorNodes()
		s.Kill(b)
		banyantest.Expect(p, time.Second, func(e banyan.NodeDown) bool { return e.Node == b }) // until then a call may use the old link
		openShop(t, s.Restart(b))
		ctx := s.Node(a).Context(t.Context())
		if n, err := banyan.Call(ctx, banyan.At[*shop]("shop", b), take{1}); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if _, err := banyan.Call(ctx, oldRef, take{1}); !errors.Is(err, banyan.ErrNoProcess) {
			t.Fatalf("a pid of the old incarnation: %v", err)
		}
	})
}

func TestNodeEventsOfThree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := banyantest.Cluster(t, banyantest.Nodes(a, b, c))
		p := banyantest.NewProbe(t, s.Node(a))
		p.MonitorNodes()
		s.Connect()
		banyantest.Expect(p, time.Second, func(e banyan.NodeUp) bool { return e.Node == b })
		banyantest.Expect(p, time.Second, func(e banyan.NodeUp) bool { return e.Node == c })
		s.Isolate(c)
		banyantest.Expect(p, tick, func(e banyan.NodeDown) bool { return e.Node == c })
		p.ExpectNothing(10 * time.Minute)
	})
}

func TestClusterInRealTime(t *testing.T) {
	s := banyantest.Cluster(t, banyantest.Nodes(a, b), banyantest.TickTime(time.Second))
	here, there, ref := watching(t, s)
	s.Reset(a, b)
	banyantest.Expect(here, 10*time.Second, func(d banyan.Down) bool { return d.Monitor == ref })
	banyantest.Expect(there, 10*time.Second, func(e banyan.Exit) bool { return e.From == here.PID() })
}
