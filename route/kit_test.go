// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/route"
)

// clerk is a server that does one job at a time and keeps the book of all clerks.
type clerk struct{ takes time.Duration }

// book counts how often each job was done, by all clerks of all nodes.
var book struct {
	mu   sync.Mutex
	done map[int]int
}

func newClerk(context.Context, *banyan.Self) (*clerk, error) { return &clerk{}, nil }

var errRefused = errors.New("refused")

// job is done once; the answer is who did it.
type job struct {
	ID    int
	Takes time.Duration
}

func (m job) Call(c *clerk, self *banyan.Self) (banyan.PID, error) {
	if d := m.Takes + c.takes; d > 0 {
		wait(self, d)
	}
	book.mu.Lock()
	defer book.mu.Unlock()
	if book.done == nil {
		book.done = map[int]int{}
	}
	book.done[m.ID]++
	return self.PID(), nil
}

// wait lets virtual time pass in a handler that gives its worker away: a call that nobody answers.
func wait(self *banyan.Self, d time.Duration) {
	mute, err := banyan.SpawnState(self, &silent{}, banyan.Linked())
	if err != nil {
		return
	}
	_, _ = banyan.Call(self, mute, never{}, banyan.Timeout(d))
	_ = banyan.SendExit(self, mute.PID(), banyan.ErrNormal)
}

type silent struct{}

type never struct{}

func (never) Call(_ *silent, self *banyan.Self) (int, error) {
	_ = banyan.Defer[int](self)
	return 0, nil
}

// twice is job that may be done twice.
type twice struct{ Takes time.Duration }

func (twice) Idempotent() bool { return true }
func (m twice) Call(c *clerk, self *banyan.Self) (banyan.PID, error) {
	return job{-1, m.Takes}.Call(c, self)
}

type refuse struct{}

func (refuse) Call(*clerk, *banyan.Self) (int, error) { return 0, errRefused }

type pace struct{ Takes time.Duration }

func (m pace) Cast(c *clerk, _ *banyan.Self) error { c.takes = m.Takes; return nil }

type crash struct{}

func (crash) Cast(*clerk, *banyan.Self) error { return errRefused }

func init() {
	banyan.RegisterCall[job]("job")
	banyan.RegisterCall[twice]("twice")
	banyan.RegisterCall[refuse]("refuse")
	banyan.RegisterCast[pace]("pace")
	banyan.RegisterCast[crash]("crash")
	banyan.RegisterError("route_test.refused", errRefused)
	route.Register("clerk", newClerk)
}

// timesDone is how often a job was done.
func timesDone(id int) int {
	book.mu.Lock()
	defer book.mu.Unlock()
	return book.done[id]
}

// bubble runs a test in virtual time, on a cluster.
func bubble(t *testing.T, seed uint64, names []string, f func(t *testing.T, c *banyantest.Sim)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		book.mu.Lock()
		book.done = map[int]int{}
		book.mu.Unlock()
		c := banyantest.Cluster(t, banyantest.Nodes(names...), banyantest.Seed(seed), banyantest.TickTime(4*time.Second))
		c.Connect()
		sleep(time.Millisecond) // they tell each other what they are
		f(t, c)
	})
}

func clerks(t testing.TB, n *banyan.Node, k int) (refs []banyan.Ref[*clerk]) {
	t.Helper()
	for range k {
		ref, err := banyan.SpawnState(n, &clerk{})
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	return refs
}

// far makes refs of another node's servers usable on n.
func far(t testing.TB, n *banyan.Node, refs []banyan.Ref[*clerk]) (list []banyan.Ref[*clerk]) {
	t.Helper()
	for _, r := range refs {
		ref, err := banyan.RefOf[*clerk](n, r.PID())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ref)
	}
	return list
}

func outside(n *banyan.Node) context.Context { return n.Context(context.Background()) }

func sleep(d time.Duration) { <-time.After(d); synctest.Wait() }

// handledBy is how many of 40 jobs, given to a router of node a, are done on a node.
func handledBy(t *testing.T, a *banyan.Node, r banyan.Dest[*clerk], node banyan.Atom) (n int) {
	t.Helper()
	for range 40 {
		pid, err := banyan.Call(outside(a), r, job{})
		if err != nil {
			t.Fatal(err)
		}
		if pid.Node == node {
			n++
		}
	}
	return n
}
