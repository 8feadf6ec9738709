// SPDX-License-Identifier: Apache-2.0

package banyantest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
)

// chaos is a cluster that goes through random faults while processes talk, and what must hold all the time:
//
//   - every call ends, by its deadline at the latest, with the right reply or an error that tells why;
//   - who gets numbered messages from one process gets them in order, none twice;
//   - every monitor fires exactly once.
type chaos struct {
	t    *testing.T
	s    *banyantest.Sim
	r    *rand.Rand
	dead map[string]bool
	log  []string // the faults, for a failure

	mu    sync.Mutex
	calls map[string]int // outcomes
}

func TestChaos(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := banyantest.Cluster(t, banyantest.Nodes(a, b, c), banyantest.Seed(seed), banyantest.Latency(0, 5*time.Millisecond))
				x := &chaos{t: t, s: s, r: rand.New(rand.NewPCG(seed, 1)), dead: map[string]bool{}, calls: map[string]int{}}
				x.run()
			})
		})
	}
}

var all = []string{a, b, c}

func (x *chaos) run() {
	t := x.t
	defer func() {
		if t.Failed() {
			for _, l := range x.log {
				t.Log(l)
			}
		}
	}()
	for _, name := range all {
		openShop(t, x.s.Node(name))
	}
	var streams []*stream
	for range 4 {
		streams = append(streams, x.stream())
	}
	watch := x.watch()
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() { x.call(ctx, a) })
	}
	for range 60 {
		x.fault()
		<-time.After(time.Duration(x.r.Int64N(int64(40 * time.Second))))
	}
	cancel()
	callers.Wait()
	x.s.HealAll()
	<-time.After(2 * tick)
	for _, st := range streams {
		st.end()
	}
	watch()
	if x.calls["ok"] == 0 {
		t.Errorf("no call ever worked: %v", x.calls)
	}
}

// fault does something to the cluster. Node a is never killed, so that what runs there can tell.
func (x *chaos) fault() {
	i := x.r.IntN(3)
	p, q := all[i], all[(i+1)%3]
	what := ""
	switch k := x.r.IntN(10); {
	case k < 2:
		what = "partition " + p + " " + q
		x.s.Partition(p, q)
	case k < 3:
		what = "drop " + p + " to " + q
		x.s.Drop(p, q)
	case k < 5:
		what = "heal"
		x.s.HealAll()
	case k < 6:
		what = "reset " + p + " " + q
		x.s.Reset(p, q)
	case k < 7:
		what = "delay " + p + " " + q
		x.s.Delay(p, q, 0, time.Duration(x.r.Int64N(int64(2*time.Second))))
	case p != a && !x.dead[p]:
		what = "kill " + p
		x.s.Kill(p)
		x.dead[p] = true
	case x.dead[p]:
		what = "restart " + p
		openShop(x.t, x.s.Restart(p))
		x.dead[p] = false
	}
	x.log = append(x.log, time.Now().Format(time.TimeOnly+".000 ")+what)
}

// call calls shops on random nodes until ctx ends.
func (x *chaos) call(ctx context.Context, from string) {
	n := x.s.Node(from)
	for i := 0; ctx.Err() == nil; i++ {
		to := all[1+i%2]
		start := time.Now()
		got, err := banyan.Call(n.Context(context.Background()), banyan.At[*shop]("shop", banyan.Atom(to)), take{0})
		outcome := "ok"
		switch {
		case err == nil && got != 0:
			x.t.Errorf("call to %s: reply %d", to, got)
		case err == nil:
		case errors.Is(err, banyan.ErrNoConnection):
			outcome = "no connection"
		case errors.Is(err, banyan.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
			outcome = "time-out"
		case errors.Is(err, banyan.ErrNoProcess):
			outcome = "no process"
		case errors.Is(err, banyan.ErrDied), errors.Is(err, banyan.ErrNodeStopped):
			outcome = "died"
		default:
			x.t.Errorf("call to %s: %v", to, err)
		}
		if d := time.Since(start); d > 5*time.Second+50*time.Millisecond && err == nil || d > 20*time.Second {
			x.t.Errorf("call to %s took %v: %v", to, d, err)
		}
		x.mu.Lock()
		x.calls[outcome]++
		x.mu.Unlock()
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// stream is a process on one node that sends numbers to a probe on another.
type stream struct {
	t     *testing.T
	probe *banyantest.Probe
	name  string
}

func (x *chaos) stream() *stream {
	from, to := all[1+x.r.IntN(2)], a
	if x.r.IntN(2) == 0 {
		from, to = to, from
	}
	st := &stream{x.t, banyantest.NewProbe(x.t, x.s.Node(to)), from + " to " + to}
	_, err := banyan.Go(x.s.Node(from), func(self *banyan.Self) error {
		for i := 0; ; i++ {
			_ = banyan.Send(self, st.probe.PID(), i) // an error is told and its number is missing
			if _, err := self.Receive(banyan.Within(self, 300*time.Millisecond)); !errors.Is(err, banyan.ErrTimeout) {
				return err
			}
		}
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return st
}

func (st *stream) end() {
	last := -1
	for _, m := range st.probe.Messages() {
		n, ok := m.(int)
		if !ok || n <= last {
			st.t.Errorf("%s: %v (%T) came after %d", st.name, m, m, last)
			return
		}
		last = n
	}
}

// watch lets a probe monitor the shops of b and c, again whenever a monitor fires, and checks at the end that each fired
// once at most, and none that it does not know.
func (x *chaos) watch() (check func()) {
	var mu sync.Mutex
	fired := map[banyan.Reference]int{}
	open := map[banyan.Reference]bool{}
	_, err := banyan.Go(x.s.Node(a), func(self *banyan.Self) error {
		watch := func(node banyan.Atom) {
			ref := self.MonitorName("shop", node)
			mu.Lock()
			fired[ref] += 0
			open[ref] = true
			mu.Unlock()
		}
		watch(b)
		watch(c)
		for {
			d, err := banyan.ReceiveOf[banyan.Down](self, self)
			if err != nil {
				return err
			}
			mu.Lock()
			_, known := fired[d.Monitor]
			fired[d.Monitor]++
			delete(open, d.Monitor)
			mu.Unlock()
			if !known {
				x.t.Errorf("a monitor that nobody made: %+v", d)
			}
			if _, err := self.Receive(banyan.Within(self, time.Second), banyan.OfType[struct{}]()); !errors.Is(err, banyan.ErrTimeout) {
				return err
			}
			watch(d.Node)
		}
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		many := 0
		for ref, n := range fired {
			if n > 1 {
				x.t.Errorf("monitor %v fired %d times", ref, n)
			}
			many += n
		}
		if len(open) > 2 {
			x.t.Errorf("%d monitors of 2 shops are open", len(open))
		}
		if many == 0 {
			x.t.Error("no monitor ever fired")
		}
	}
}
