// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// plain runs f as a plain process, waits for its end and gives the reason.
func plain(t testing.TB, n *banyan.Node, f func(self *banyan.Self) error, opts ...banyan.SpawnOption) (banyan.PID, chan error) {
	t.Helper()
	ended := make(chan error, 1)
	pid, err := banyan.Go(n, func(self *banyan.Self) error {
		err := f(self)
		ended <- err
		return err
	}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return pid, ended
}

// sendAll sends values to a process from the test.
func sendAll(t testing.TB, n *banyan.Node, to banyan.PID, values ...any) {
	t.Helper()
	for _, v := range values {
		if err := banyan.Send(outside(n), to, v); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReceiveInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		var got []any
		pid, ended := plain(t, n, func(self *banyan.Self) error {
			for len(got) < 1000 {
				m, err := self.Receive(self)
				if err != nil {
					return err
				}
				got = append(got, m)
			}
			return nil
		})
		for i := range 1000 {
			sendAll(t, n, pid, i)
		}
		if err := next(t, ended); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v != i {
				t.Fatalf("place %d holds %v", i, v)
			}
		}
	})
}

// What is not picked stays where it was, in order, for a later Receive.
func TestReceiveSelects(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		type step struct {
			match []banyan.Matcher
			want  any
		}
		even := banyan.When(func(i int) bool { return i%2 == 0 })
		big := banyan.When(func(i int) bool { return i > 5 })
		str := banyan.OfType[string]()
		sent := []any{1, "a", 2, 3, "b", 4, nil, 6.5, 7, errBoom, 8}
		steps := []step{
			{[]banyan.Matcher{even}, 2},
			{[]banyan.Matcher{str}, "a"},
			{[]banyan.Matcher{big}, 7},
			{[]banyan.Matcher{str, even}, "b"},
			{[]banyan.Matcher{even, str}, 4},
			{nil, 1},
			{[]banyan.Matcher{banyan.OfType[error]()}, errBoom}, // by interface
			{nil, 3},
			{nil, nil},
			{nil, 6.5},
			{nil, 8},
		}
		start := make(chan struct{})
		pid, ended := plain(t, n, func(self *banyan.Self) error {
			<-start
			for i, s := range steps {
				m, err := self.Receive(self, s.match...)
				if err != nil || m != s.want {
					return fmt.Errorf("step %d: got %v, %v, want %v", i, m, err, s.want)
				}
			}
			return nil
		})
		sendAll(t, n, pid, sent...)
		close(start)
		if err := next(t, ended); err != nil {
			t.Fatal(err)
		}
	})
}

// A model: messages come in bursts between receives that each pick one kind; the process must always take the oldest of
// that kind, whatever the queue inside looks like.
func TestReceiveAgainstAModel(t *testing.T) {
	for seed := range uint64(300) {
		bubble(t, func(t *testing.T, n *banyan.Node) {
			r := newRand(seed)
			type msg struct{ Kind, No int }
			asks := make(chan int)
			answers := make(chan any)
			pid, _ := plain(t, n, func(self *banyan.Self) error {
				for k := range asks {
					m, err := self.Receive(banyan.Within(self, time.Second), banyan.When(func(m msg) bool { return k < 0 || m.Kind == k }))
					if err != nil {
						answers <- err
						continue
					}
					answers <- m
				}
				return nil
			})
			defer close(asks)
			var model []msg
			no := 0
			send := func() {
				m := msg{r.IntN(3), no}
				no++
				model = append(model, m)
				sendAll(t, n, pid, m)
			}
			for range 60 {
				for range r.IntN(4) {
					send()
				}
				k := r.IntN(4) - 1
				asks <- k
				if r.IntN(3) == 0 { // some come while it waits
					synctest.Wait()
					for range r.IntN(3) {
						send()
					}
				}
				got := <-answers
				var want any
				for i, m := range model {
					if k < 0 || m.Kind == k {
						want = m
						model = append(model[:i:i], model[i+1:]...)
						break
					}
				}
				if err, late := got.(error); late && want == nil && errors.Is(err, banyan.ErrTimeout) {
					continue
				}
				if got != want {
					t.Fatalf("seed %d: asked for %d, got %v, want %v, of %v", seed, k, got, want, model)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
}

func TestReceiveTimesOut(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		for name, c := range map[string]struct {
			ctx  func(self *banyan.Self) (context.Context, context.CancelFunc)
			is   error
			took time.Duration
		}{
			"WithTimeout of self": {func(s *banyan.Self) (context.Context, context.CancelFunc) { return context.WithTimeout(s, time.Second) }, banyan.ErrTimeout, time.Second},
			"WithTimeout": {func(*banyan.Self) (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), time.Second)
			}, banyan.ErrTimeout, time.Second},
			"Within": {func(s *banyan.Self) (context.Context, context.CancelFunc) {
				return banyan.Within(s, time.Second), func() {}
			}, banyan.ErrTimeout, time.Second},
			"Within 0":  {func(s *banyan.Self) (context.Context, context.CancelFunc) { return banyan.Within(s, 0), func() {} }, banyan.ErrTimeout, 0},
			"cancelled": {func(*banyan.Self) (context.Context, context.CancelFunc) { return cancelled, func() {} }, context.Canceled, 0},
		} {
			start := time.Now()
			pid, ended := plain(t, n, func(self *banyan.Self) error {
				ctx, cancel := c.ctx(self)
				defer cancel()
				_, err := self.Receive(ctx, banyan.OfType[string]())
				errorIs(t, err, c.is)
				if d := time.Since(start); d != c.took {
					t.Errorf("%s: took %v", name, d)
				}
				m, err := self.Receive(self) // nothing is lost
				if m != 1 || err != nil {
					t.Errorf("%s: then got %v, %v", name, m, err)
				}
				return nil
			})
			sendAll(t, n, pid, 1)
			if err := next(t, ended); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestReceiveWakesUp(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		got := make(chan string, 10)
		pid, _ := plain(t, n, func(self *banyan.Self) error {
			for {
				s, err := banyan.ReceiveOf[string](self, self)
				if err != nil {
					return err
				}
				got <- s
			}
		})
		for i := range 10 {
			sendAll(t, n, pid, i, fmt.Sprint(i))
			if s := next(t, got); s != fmt.Sprint(i) {
				t.Fatalf("got %q", s)
			}
			synctest.Wait()
		}
		if i, _ := n.Info(pid); i.Queue != 10 {
			t.Errorf("%d left in the queue", i.Queue)
		}
	})
}

func TestReceiveTellsOfTheEnd(t *testing.T) {
	for _, c := range []struct{ send, is error }{
		{banyan.ErrShutdown, banyan.ErrShutdown}, {errBoom, errBoom}, {banyan.ErrKill, banyan.ErrKilled},
	} {
		bubble(t, func(t *testing.T, n *banyan.Node) {
			w, watcher := spawnLab(t, n)
			pid, ended := plain(t, n, func(self *banyan.Self) error {
				_, err := self.Receive(self)
				if _, again := self.Receive(self); again != err {
					t.Errorf("first %v, then %v", err, again)
				}
				return err
			})
			in(t, n, watcher, func(self *banyan.Self) { self.Monitor(pid) })
			_ = banyan.SendExit(outside(n), pid, c.send)
			errorIs(t, next(t, ended), c.is)
			if d := nextOf[banyan.Down](t, w.infos); d.Reason != c.is {
				t.Errorf("died of %v", d.Reason)
			}
		})
	}
}

func TestPlainProcessEndings(t *testing.T) {
	for name, c := range map[string]struct {
		f  func(*banyan.Self) error
		is error
	}{
		"returns nil":   {func(*banyan.Self) error { return nil }, banyan.ErrNormal},
		"returns error": {func(*banyan.Self) error { return errBoom }, errBoom},
		"panics":        {func(*banyan.Self) error { panic(errBoom) }, errBoom},
		"stops itself":  {func(s *banyan.Self) error { s.Stop(errBoom); return nil }, errBoom},
		"normal stop":   {func(s *banyan.Self) error { s.Stop(nil); return errBoom }, banyan.ErrNormal},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				l, a := spawnLab(t, n)
				in(t, n, a, func(self *banyan.Self) {
					var m banyan.Reference
					if _, err := banyan.Go(self, c.f, banyan.Monitored(&m)); err != nil {
						t.Error(err)
					}
				})
				errorIs(t, nextOf[banyan.Down](t, l.infos).Reason, c.is)
			})
		})
	}
}

func TestPlainProcessTakesSignalsAndCalls(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, ended := plain(t, n, func(self *banyan.Self) error {
			m := self.Monitor(a.PID())
			_ = self.Link(a.PID())
			v, err := banyan.Call(self, a, ask{func(*banyan.Self) (int, error) { return 3, nil }})
			if v != 3 || err != nil {
				return fmt.Errorf("call: %d, %w", v, err)
			}
			_ = banyan.SendExit(self, a.PID(), errBoom)
			if x, err := banyan.ReceiveOf[banyan.Exit](self, self); err != nil || x.Reason != errBoom {
				return fmt.Errorf("got %v, %w", x, err)
			}
			if d, err := banyan.ReceiveOf[banyan.Down](self, self); err != nil || d.Monitor != m {
				return fmt.Errorf("got %v, %w", d, err)
			}
			return nil
		}, banyan.TrapExits())
		if err := next(t, ended); err != nil {
			t.Fatal(err)
		}
	})
}

func TestReceiveIsForPlainProcesses(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		in(t, n, a, func(self *banyan.Self) {
			if _, err := self.Receive(self); err == nil {
				t.Error("a server may not Receive")
			}
			if _, err := banyan.ReceiveOf[int](self, self); err == nil {
				t.Error("a server may not Receive")
			}
		})
	})
}

// A wait for one message after others were skipped and the queue was moved: the new one must be seen.
func TestReceiveAfterTheQueueMoved(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		start := make(chan struct{})
		pid, ended := plain(t, n, func(self *banyan.Self) error {
			<-start
			for range 3 {
				if _, err := self.Receive(self, banyan.OfType[int]()); err != nil {
					return err
				}
			}
			m, err := self.Receive(banyan.Within(self, time.Second), banyan.OfType[float64]())
			if err == nil && m != 1.5 {
				err = fmt.Errorf("got %v", m)
			}
			return err
		})
		sendAll(t, n, pid, 1, 2, 3, "stays")
		close(start)
		synctest.Wait()
		sendAll(t, n, pid, 1.5)
		if err := next(t, ended); err != nil {
			t.Fatalf("the message was overlooked: %v", err)
		}
	})
}

// Once a plain process has taken its full mailbox there is room again.
func TestPlainMailboxOpensAgain(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		start := make(chan struct{})
		got := make(chan int, 100)
		pid, _ := plain(t, n, func(self *banyan.Self) error {
			<-start
			for {
				i, err := banyan.ReceiveOf[int](self, self)
				if err != nil {
					return err
				}
				got <- i
			}
		}, banyan.Mailbox(banyan.Limits{Messages: 4}))
		sent := 0
		for banyan.Send(outside(n), pid, sent) == nil {
			sent++
		}
		close(start)
		for i := range sent {
			if v := next(t, got); v != i {
				t.Fatalf("got %d", v)
			}
		}
		synctest.Wait()
		if err := banyan.Send(outside(n), pid, 7); err != nil {
			t.Fatalf("the mailbox is empty, but: %v", err)
		}
	})
}
