// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// A goroutine that a handler starts and lends its self to is an outside caller with a context that is over: what it sends
// arrives, its calls end at once, and the worker is left alone.
func TestStrayGoroutineIsAnOutsideCaller(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		l, b := spawnLab(t, n)
		slow := ask{func(*banyan.Self) (int, error) { <-time.After(time.Second); return 2, nil }}
		for _, wait := range []bool{true, false} { // while the handler runs, and after it has returned
			done := make(chan struct{})
			in(t, n, a, func(self *banyan.Self) {
				go func() {
					defer close(done)
					start := time.Now()
					_, err := banyan.Call(self, b, slow)
					errorIs(t, err, context.Canceled)
					_, err = banyan.Call(self, a, slow) // for a stray goroutine this is no call to oneself
					errorIs(t, err, context.Canceled)
					if time.Since(start) > 0 {
						t.Errorf("took %v", time.Since(start))
					}
					if err := banyan.Cast(self, b, bump{7}); err != nil {
						t.Error(err)
					}
					if _, err := banyan.SpawnState(self, newLab()); err != nil {
						t.Error(err)
					}
					v, err := banyan.Call(self.Context(), b, slow) // this is what a goroutine should use
					if v != 2 || err != nil {
						t.Errorf("got %d, %v", v, err)
					}
				}()
				if wait {
					<-done
				}
			})
			<-done
			if got := nextOf[int](t, l.infos); got != 7 {
				t.Errorf("got %d", got)
			}
		}
	})
}

func TestSelfInAStrayGoroutineIsADoneContext(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		in(t, n, a, func(self *banyan.Self) {
			var wg sync.WaitGroup
			wg.Go(func() {
				select {
				case <-self.Done():
				default:
					t.Error("Done is open")
				}
				if self.Err() == nil {
					t.Error("Err is nil")
				}
				ctx, cancel := context.WithTimeout(self, time.Hour)
				defer cancel()
				<-ctx.Done()
				ran := make(chan struct{})
				context.AfterFunc(self, func() { close(ran) })
				<-ran
			})
			wg.Wait()
			if self.Err() != nil { // the handler itself is not concerned
				t.Errorf("Err is %v", self.Err())
			}
		})
	})
}

// A self that has left its handler may be used by anybody at any time: nothing breaks.
func TestStraySelfStress(t *testing.T) {
	n := quietNode(t)
	_, b := spawnLab(t, n)
	one := ask{func(*banyan.Self) (int, error) { return 1, nil }}
	var wg sync.WaitGroup
	for range 8 {
		_, a := spawnLab(t, n)
		var self *banyan.Self
		in(t, n, a, func(s *banyan.Self) { self = s })
		for range 4 {
			wg.Go(func() {
				for range 200 {
					if v, err := banyan.Call(self, b, one); !(v == 1 && err == nil || v == 0 && errors.Is(err, context.Canceled)) {
						t.Errorf("got %d, %v", v, err)
					}
					_ = self.Err()
					m := self.Monitor(b.PID())
					self.Demonitor(m)
					_, _ = self.Deadline()
					self.SendAfter(time.Hour, 1).Stop()
				}
			})
		}
		for range 200 {
			if v, err := banyan.Call(outside(n), a, ask{func(s *banyan.Self) (int, error) {
				return banyan.Call(s, b, one)
			}}); v != 1 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
		}
	}
	wg.Wait()
}

// Demonitor and Receive reach into the queue that belongs to the process's own turn.
func TestStrayDemonitorOfAQueuedDown(t *testing.T) {
	n := quietNode(t)
	_, a := spawnLab(t, n)
	var self *banyan.Self
	in(t, n, a, func(s *banyan.Self) { self = s })
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = banyan.Send(outside(n), a.PID(), 1)
			}
		}
	})
	for range 300 {
		self.Demonitor(self.Monitor(banyan.PID{Node: n.Name(), ID: 1 << 20}))
	}
	close(stop)
	wg.Wait()
}

func TestStrayReceiveIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		stray := make(chan error, 1)
		pid, ended := plain(t, n, func(self *banyan.Self) error {
			go func() {
				_, err := self.Receive(banyan.Within(context.Background(), time.Second))
				stray <- err
			}()
			m, err := self.Receive(self, banyan.OfType[string]())
			if m != "mine" {
				t.Errorf("got %v", m)
			}
			return err
		})
		synctest.Wait()
		sendAll(t, n, pid, "mine")
		if err := next(t, stray); err == nil || errors.Is(err, banyan.ErrTimeout) {
			t.Errorf("a stray goroutine may Receive: %v", err)
		}
		if err := next(t, ended); err != nil {
			t.Error(err)
		}
	})
}

func TestGoPanicEndsTheProcessOnly(t *testing.T) {
	for name, c := range map[string]struct {
		f  func(context.Context) error
		is error // nil: it lives on
	}{
		"panic":  {func(context.Context) error { panic(errBoom) }, errBoom},
		"error":  {func(context.Context) error { return errBoom }, errBoom},
		"Goexit": {func(context.Context) error { runtime.Goexit(); return nil }, banyan.ErrGoexit},
		"nil":    {func(context.Context) error { return nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				l, a := spawnLab(t, n, banyan.TrapExits()) // trapping does not help
				_, b := spawnLab(t, n)
				in(t, n, a, func(self *banyan.Self) { self.Go(c.f) })
				if c.is == nil {
					alive(t, n, a.PID())
				} else {
					errorIs(t, next(t, l.ended), c.is)
					gone(t, n, a.PID())
				}
				alive(t, n, b.PID())
			})
		})
	}
}

func TestGoroutineHearsOfTheEnd(t *testing.T) {
	for _, why := range []error{banyan.ErrShutdown, banyan.ErrKill} {
		bubble(t, func(t *testing.T, n *banyan.Node) {
			_, a := spawnLab(t, n)
			_, b := spawnLab(t, n)
			done := make(chan error, 1)
			called := make(chan bool, 1)
			in(t, n, a, func(self *banyan.Self) {
				self.Go(func(ctx context.Context) error {
					if v, err := banyan.Call(ctx, b, ask{func(*banyan.Self) (int, error) { return 1, nil }}); v != 1 || err != nil {
						t.Errorf("got %d, %v", v, err)
					}
					called <- true
					<-ctx.Done()
					_, err := banyan.Call(ctx, b, ask{func(*banyan.Self) (int, error) { return 1, nil }})
					done <- err
					return ctx.Err()
				})
				if self.Context().Err() != nil {
					t.Error("the lifetime is over")
				}
			})
			next(t, called)
			_ = banyan.SendExit(outside(n), a.PID(), why)
			if err := next(t, done); err != nil { // the reply may be faster
				errorIs(t, err, context.Canceled)
			}
			gone(t, n, a.PID())
		})
	}
}

func TestContextOfADeadProcess(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		var self *banyan.Self
		in(t, n, a, func(s *banyan.Self) { self = s })
		life := self.Context()
		fail(t, n, a, nil)
		gone(t, n, a.PID())
		<-life.Done()
		<-self.Context().Done()
		ran := make(chan error, 1)
		self.Go(func(ctx context.Context) error { ran <- ctx.Err(); return nil })
		errorIs(t, next(t, ran), context.Canceled)
	})
}
