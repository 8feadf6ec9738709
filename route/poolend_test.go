// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/route"
	"github.com/banyan-go/banyan/supervisor"
)

// closer is a worker that takes its time to end.
type closer struct{}

var closing struct {
	mu    sync.Mutex
	takes time.Duration
	ended int
}

func newCloser(context.Context, *banyan.Self) (*closer, error) { return &closer{}, nil }

func (*closer) Terminate(*banyan.Self, error) {
	closing.mu.Lock()
	takes := closing.takes
	closing.mu.Unlock()
	<-time.After(takes)
	closing.mu.Lock()
	defer closing.mu.Unlock()
	closing.ended++
}

func init() { route.Register("closer", newCloser) }

// A pool ends after its workers, on all nodes, and so its supervisor does; those that take too long are killed.
func TestPoolWaitsForItsWorkers(t *testing.T) {
	for _, c := range []struct {
		takes, patience, atLeast, atMost time.Duration
		ended                            int
	}{
		{2 * time.Second, 5 * time.Second, 2 * time.Second, 3 * time.Second, 6}, // all at once
		{time.Minute, 3 * time.Second, 3 * time.Second, 10 * time.Second, 0},
	} {
		bubble(t, 1, four, func(t *testing.T, sim *banyantest.Sim) {
			closing.mu.Lock()
			closing.takes, closing.ended = c.takes, 0
			closing.mu.Unlock()
			a := sim.Node("a@sim")
			sup, err := supervisor.New("top", supervisor.OneForOne, route.Pool("closer", newCloser, 6, route.Patience(c.patience))).Start(a)
			if err != nil {
				t.Fatal(err)
			}
			p, err := route.Explain(outside(a), banyan.At[*route.PoolServer]("closer", "a@sim"))
			if err != nil || len(p.Slots) != 6 {
				t.Fatal(p, err)
			}
			begin := time.Now()
			if err := supervisor.Stop(outside(a), sup, nil); err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin)
			closing.mu.Lock()
			ended := closing.ended
			closing.mu.Unlock()
			if took < c.atLeast || took > c.atMost || ended != c.ended {
				t.Errorf("%d ended within %v", ended, took)
			}
			for _, s := range p.Slots {
				if _, alive := sim.Node(string(s.PID.Node)).Info(s.PID); alive {
					t.Error("a worker outlived the pool:", s)
				}
			}
			if c.ended == 0 {
				<-time.After(c.takes) // their goroutines return at last
			}
		})
	}
}

// A pool lives on one node. When that is lost its workers end too, wherever they are, and a pool that is started on another node has
// all it needs.
func TestPoolEndsWithItsNode(t *testing.T) {
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		a, _ := pool(t, c, 8)
		p := explain(t, a)
		c.Kill("a@sim")
		sleep(time.Second)
		for _, s := range p.Slots {
			if s.PID.Node == "a@sim" {
				continue
			}
			if _, alive := c.Node(string(s.PID.Node)).Info(s.PID); alive {
				t.Error("a worker outlived the pool:", s)
			}
		}
		b := c.Node("b@sim")
		if _, err := supervisor.New("top", supervisor.OneForOne, route.Pool("clerk", newClerk, 6)).Start(b); err != nil {
			t.Fatal(err)
		}
		count := map[banyan.Atom]int{}
		q, err := route.Explain(outside(b), banyan.At[*route.PoolServer]("clerk", "b@sim"))
		for _, s := range q.Slots {
			count[s.PID.Node]++
		}
		if err != nil || count["b@sim"] != 2 || count["c@sim"] != 2 || count["d@sim"] != 2 {
			t.Error(count, err)
		}
	})
}

// A node that is stopped in good order takes its workers with it, which is no crash of theirs: they are started elsewhere.
func TestPoolNodeStops(t *testing.T) {
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		a, _ := pool(t, c, 20, route.Intensity(1, time.Minute))
		expectSpread(t, a, 5, 5, 5, 5)
		first, _ := a.Whereis("clerk")
		if err := c.Node("d@sim").Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		sleep(10 * time.Second)
		if now, _ := a.Whereis("clerk"); now != first {
			t.Fatal("the pool was started again")
		}
		if p := explain(t, a); p.Restarts != 0 {
			t.Errorf("%d restarts are counted: %+v", p.Restarts, p)
		}
		expectSpread(t, a, 7, 7, 6, 0)
	})
}

// A process of any node follows a pool: how it was, and the moves since, are how it is.
func TestFollow(t *testing.T) {
	bubble(t, 1, four, func(t *testing.T, c *banyantest.Sim) {
		c.Isolate("d@sim")
		sleep(10 * time.Second)
		a, _ := pool(t, c, 12)
		at := make([]banyan.PID, 12)
		done := make(chan struct{})
		_, err := banyan.Go(c.Node("b@sim"), func(self *banyan.Self) error {
			defer close(done)
			for range 2 { // asking again is asking once
				p, err := route.Follow(self, banyan.At[*route.PoolServer]("clerk", "a@sim"))
				if err != nil {
					t.Error(err)
					return err
				}
				for _, s := range p.Slots {
					at[s.Slot] = s.PID
				}
			}
			for moves := 0; moves < 3; moves++ {
				m, err := self.Receive(banyan.Within(self, time.Minute), banyan.OfType[route.Moved]())
				if err != nil {
					t.Error(err)
					return err
				}
				move := m.(route.Moved)
				if move.Pool != "clerk" || move.From != at[move.Slot] || move.To.Node != "d@sim" || move.Why == "" {
					t.Errorf("%+v", move)
				}
				at[move.Slot] = move.To
			}
			if m, err := self.Receive(banyan.Within(self, 5*time.Second)); err == nil {
				t.Error("one more:", m)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sleep(time.Second)
		c.HealAll()
		c.Connect("a@sim", "d@sim")
		<-done
		for _, s := range explain(t, a).Slots {
			if at[s.Slot] != s.PID {
				t.Error("slot", s, "is believed to be", at[s.Slot])
			}
		}
	})
}
