// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/route"
	"github.com/banyan-go/banyan/route/internal/sim"
)

// result is what one policy did in one scenario. Times are multiples of the mean service time.
type result struct {
	p50, p99, p999 float64
	slow           float64 // the share of requests that went to the slow workers
	sent, answered int
	failed         int
	unfinished     int // not answered when the run was over: they count with the time until then
}

// patience is how long a run waits for answers after its last request, in mean service times.
const patience = 2000

// run is one run of a scenario.
type run struct {
	sc      sim.Scenario
	mean    time.Duration // of the service
	seed    uint64
	n       int
	workers []*worker
	begin   time.Time

	mu     sync.Mutex
	ended  []call
	result result
}

// call is one request that has ended.
type call struct {
	due, took time.Duration
}

// measure lets a policy route so many requests; nil is the oracle.
func measure(sc sim.Scenario, policy *route.Policy, mean time.Duration, seed uint64, n int) (result, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	perNode := sc.Workers / workerNodes
	c, err := startCluster(ctx, perNode)
	if err != nil {
		return result{}, errors.Join(err, c.stop())
	}
	r := &run{sc: sc, mean: mean, seed: seed, n: n, begin: time.Now().Add(50 * time.Millisecond)}
	refs, err := r.spawn(c, perNode)
	if err == nil {
		err = r.drive(ctx, c, refs, policy)
	}
	return r.sum(), errors.Join(err, c.stop())
}

// spawn starts the workers, the slow ones on different nodes.
func (r *run) spawn(c *cluster, perNode int) ([]banyan.PID, error) {
	var pids []banyan.PID
	for i := range r.sc.Workers {
		w := &worker{index: i, mean: r.mean, chance: rand.New(rand.NewPCG(r.seed, uint64(1000+i)))}
		if i < r.sc.Slow {
			w.mean *= time.Duration(r.sc.Factor)
		}
		if r.sc.Freeze > 0 { // the scenario's times are for a mean of 1 ms
			scale := float64(r.mean) / float64(time.Millisecond)
			w.freeze = time.Duration(float64(r.sc.Freeze) * scale)
			at := r.begin
			for range 100 {
				at = at.Add(time.Duration(w.chance.ExpFloat64() * float64(r.sc.Every) * scale))
				w.frozen = append(w.frozen, at)
				at = at.Add(w.freeze)
			}
			w.all = w.frozen
		}
		ref, err := banyan.SpawnState(c.workers[i%workerNodes], w)
		if err != nil {
			return nil, err
		}
		r.workers = append(r.workers, w)
		pids = append(pids, ref.PID())
	}
	return pids, nil
}

// rate is requests per mean service time, of all callers.
func (r *run) rate() float64 {
	if r.sc.Rate > 0 {
		return r.sc.Rate
	}
	equal, slow := float64(r.sc.Workers-r.sc.Slow), 0.0
	if r.sc.Slow > 0 {
		slow = float64(r.sc.Slow) / float64(r.sc.Factor)
	}
	return r.sc.Load * (equal + slow)
}

// drive sends the requests, each when it is due whether others were answered or not, and waits for the answers.
func (r *run) drive(ctx context.Context, c *cluster, pids []banyan.PID, policy *route.Policy) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o := &oracle{r: r, chance: rand.New(rand.NewPCG(r.seed, 7))}
	var callers, calls sync.WaitGroup
	for k := range r.sc.Callers {
		n := c.callers[k%callerNodes]
		var refs []banyan.Ref[*worker]
		for _, pid := range pids {
			ref, err := banyan.RefOf[*worker](n, pid)
			if err != nil {
				return err
			}
			refs = append(refs, ref)
		}
		choose := func() banyan.Dest[*worker] { return refs[o.choose()] }
		if policy != nil {
			router := route.New(n, banyan.Refs(refs...), *policy, route.Seed(r.seed+uint64(k)))
			choose = func() banyan.Dest[*worker] { return router }
		}
		chance := rand.New(rand.NewPCG(r.seed, uint64(k)))
		each := float64(r.mean) * float64(r.sc.Callers) / r.rate()
		within := banyan.Within(n.Context(ctx), time.Hour)
		callers.Go(func() {
			at := time.Duration(0)
			for range r.n / r.sc.Callers {
				at += time.Duration(chance.ExpFloat64() * each)
				due := at
				time.Sleep(time.Until(r.begin.Add(due)))
				calls.Go(func() { r.one(within, choose(), due) })
			}
		})
	}
	callers.Wait()
	timer := time.AfterFunc(patience*r.mean, cancel)
	defer timer.Stop()
	calls.Wait()
	return nil
}

// one is one request. The time counts from when it was due.
func (r *run) one(ctx context.Context, to banyan.Dest[*worker], due time.Duration) {
	_, err := banyan.Call(ctx, to, work{})
	took := time.Since(r.begin.Add(due))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.sent++
	switch {
	case err == nil:
		r.result.answered++
	case ctx.Err() != nil:
		r.result.unfinished++
	default:
		r.result.failed++
	}
	r.ended = append(r.ended, call{due, took})
}

// sum leaves out the first tenth, in which nothing is known yet.
func (r *run) sum() result {
	slices.SortFunc(r.ended, func(a, b call) int { return int(a.due - b.due) })
	ended := r.ended[len(r.ended)/10:]
	if len(ended) == 0 {
		return r.result
	}
	slices.SortFunc(ended, func(a, b call) int { return int(a.took - b.took) })
	at := func(q float64) float64 {
		return float64(ended[int(q*float64(len(ended)-1))].took) / float64(r.mean)
	}
	s := r.result
	s.p50, s.p99, s.p999 = at(0.5), at(0.99), at(0.999)
	var all, slow int64
	for i, w := range r.workers {
		all += w.got.Load()
		if i < r.sc.Slow {
			slow += w.got.Load()
		}
	}
	s.slow = float64(slow) / float64(max(all, 1))
	return s
}

func (s result) String() string {
	more := ""
	if s.unfinished > 0 {
		more = fmt.Sprintf(", %d not answered within %d", s.unfinished, patience)
	}
	if s.failed > 0 {
		more += fmt.Sprintf(", %d FAILED", s.failed)
	}
	return fmt.Sprintf("%.1f / %.1f / %.1f%s", s.p50, s.p99, s.p999, more)
}

// oracle knows every queue at once, which it can because all nodes are in one process.
type oracle struct {
	r      *run
	mu     sync.Mutex
	chance *rand.Rand
}

// choose joins the queue with the shortest expected wait.
func (o *oracle) choose() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	best, equals := -1, 0
	var least time.Duration
	for i, w := range o.r.workers {
		wait := time.Duration(w.waiting.Load()+1)*w.mean + w.still(now)
		switch {
		case best < 0 || wait < least:
			best, least, equals = i, wait, 1
		case wait == least:
			if equals++; o.chance.IntN(equals) == 0 {
				best = i
			}
		}
	}
	o.r.workers[best].waiting.Add(1)
	return best
}
