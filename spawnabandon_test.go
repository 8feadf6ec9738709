// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// slowSpawner is a link to a node that answers no spawn by itself.
type slowSpawner struct {
	quickKiller
	asked func() // called within Send of a spawn
}

func (k *slowSpawner) Send(s *banyan.Signal) error {
	switch s.Op {
	case banyan.OpSpawn:
		k.sent <- *s
		if k.asked != nil {
			k.asked()
		}
	case banyan.OpExit, banyan.OpDemonitor, banyan.OpUnlink:
		k.sent <- *s
	}
	return nil
}

// started is the late answer to a spawn.
func (k *slowSpawner) started(s banyan.Signal, id uint32) banyan.PID {
	pid := banyan.PID{Node: "quick@sim", ID: id, Creation: 7}
	k.port.Deliver(k, &banyan.Signal{Op: banyan.OpSpawnReply, To: s.From, Ref: s.Ref, From: pid, Linked: s.Spawn.Link, Monitored: s.Spawn.Monitor})
	return pid
}

// Whoever gave a spawn up has nothing to do with the process that it starts after all, and no process stays behind that is linked
// to him without his knowing. Neither if the answer comes at the very moment.
func TestSpawnGivenUp(t *testing.T) {
	for _, test := range []struct {
		name             string
		linked, watched  bool
		inTime, parentUp bool
	}{
		{"linked", true, false, false, true},
		{"linked and monitored", true, true, false, true},
		{"monitored", false, true, false, true},
		{"neither", false, false, false, true},
		{"linked, of a parent that has ended", true, true, false, false},
		{"linked, answered in time", true, true, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := &slowSpawner{quickKiller: quickKiller{sent: make(chan banyan.Signal, 100)}}
				n, err := banyan.Start("gives_up@sim", banyan.WithTransport(k), banyan.WithLogger(slog.New(slog.DiscardHandler)))
				if err != nil {
					t.Fatal(err)
				}
				defer n.Stop(context.Background())
				k.port.Up(k)
				result, end := make(chan error), make(chan struct{})
				parent, ended := plain(t, n, func(self *banyan.Self) error {
					self.TrapExits(true)
					var opts []banyan.SpawnOption
					if test.linked {
						opts = append(opts, banyan.Linked())
					}
					if test.watched {
						opts = append(opts, banyan.Monitored(new(banyan.Reference)))
					}
					_, err := banyan.SpawnAt[*lab](banyan.Within(self, time.Second), "quick@sim", "x", opts...)
					if test.parentUp {
						result <- err
						<-end
						_, err = self.Receive(banyan.Within(self, time.Second)) // is anything heard of the process?
						result <- err
					}
					return nil
				})
				asked := <-k.sent
				if test.inTime {
					pid := k.started(asked, 9)
					if err := <-result; err != nil {
						t.Fatal(err)
					}
					close(end)
					k.port.Deliver(k, &banyan.Signal{Op: banyan.OpExit, From: pid, To: parent, Reason: errBoom})
					if err := <-result; err != nil {
						t.Error("the end of a child was not heard of:", err)
					}
				} else {
					if test.parentUp {
						errorIs(t, <-result, banyan.ErrTimeout)
					} else if err := next(t, ended); err != nil {
						t.Error(err)
					}
					pid := k.started(asked, 9)
					if test.parentUp {
						k.port.Deliver(k, &banyan.Signal{Op: banyan.OpExit, From: pid, To: parent, Reason: errBoom})
						k.port.Deliver(k, &banyan.Signal{Op: banyan.OpDown, From: pid, To: parent, Ref: asked.Ref, Reason: errBoom})
						close(end)
						errorIs(t, <-result, banyan.ErrTimeout)
					}
				}
				if test.parentUp {
					<-ended
				}
				synctest.Wait()
				got := map[banyan.Op]banyan.Signal{}
				for len(k.sent) > 0 {
					s := <-k.sent
					got[s.Op] = s
				}
				exit, exited := got[banyan.OpExit]
				_, unwatched := got[banyan.OpDemonitor]
				if exited != (test.linked && !test.inTime) || !test.inTime && unwatched != test.watched {
					t.Errorf("sent %+v", got)
				}
				var term *banyan.TermError
				if exited && (exit.From != parent || exit.To.ID != 9 || !errors.As(exit.Reason, &term) || term.Term != banyan.Atom("abandoned")) {
					t.Errorf("%+v", exit)
				}
			})
		})
	}
}

// The answer and the end of the wait may come together: then either there is a child, linked and known, or an error and no child.
func TestSpawnGivenUpAtTheLastMoment(t *testing.T) {
	k := &slowSpawner{quickKiller: quickKiller{sent: make(chan banyan.Signal, 10_000)}}
	n, err := banyan.Start("last_moment@sim", banyan.WithTransport(k), banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop(context.Background())
	k.port.Up(k)
	for id := range uint32(2000) {
		var cancel context.CancelFunc
		k.asked = func() {
			s := <-k.sent
			go func() {
				cancel()
				for range id % 8 { // the parent learns of it by other goroutines
					runtime.Gosched()
				}
				k.started(s, id+1)
			}()
		}
		_, ended := plain(t, n, func(self *banyan.Self) error {
			self.TrapExits(true)
			var ctx context.Context
			ctx, cancel = context.WithCancel(self)
			defer cancel()
			child, err := banyan.SpawnAt[*lab](ctx, "quick@sim", "x", banyan.Linked())
			if err == nil {
				self.Unlink(child.PID())
				return nil
			}
			return err
		})
		err := next(t, ended)
		s := <-k.sent
		if want := map[bool]banyan.Op{true: banyan.OpUnlink, false: banyan.OpExit}[err == nil]; s.Op != want || err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: %v, and then %+v was sent", id, err, s)
		}
	}
}
