// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/banyan-go/banyan/route/internal/balance"
)

// net is how long a message is on its way.
const net = 100 * time.Microsecond

// world is one run: callers with a group each, workers that do one thing at a time.
type world struct {
	sc       Scenario
	rand     *rand.Rand // arrivals and work
	now      time.Duration
	events   queue
	seq      uint64
	workers  []*worker
	callers  []*balance.Group[int]
	choose   func(w *world, caller int) int // of the oracle; nil: the callers' groups choose
	requests int
	left     int // still to come
	took     []time.Duration
	got      []int // requests by worker
}

// worker serves its queue in order.
type worker struct {
	mean    time.Duration
	queue   []*request
	coming  int // sent and not arrived
	busy    *request
	until   time.Duration // when busy is done
	frozen  time.Duration // until when it stands still
	began   time.Duration
	service float64 // its own average
}

// request is one call.
type request struct {
	ticket balance.Ticket[int]
	caller int
	worker int
	sent   time.Duration
}

type kind uint8

const (
	arrival kind = iota // a caller has something to ask
	delivery
	done
	reply
	freeze
)

type event struct {
	at      time.Duration
	seq     uint64 // equal times go in order
	kind    kind
	who     int
	req     *request
	backlog int
	service time.Duration
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

func (w *world) in(d time.Duration, e event) {
	w.seq++
	e.at, e.seq = w.now+d, w.seq
	heap.Push(&w.events, e)
}

// exp draws from an exponential distribution.
func (w *world) exp(mean float64) time.Duration { return time.Duration(w.rand.ExpFloat64() * mean) }

func newWorld(sc Scenario, seed uint64, requests int) *world {
	w := &world{sc: sc, rand: rand.New(rand.NewPCG(seed, 1)), requests: requests}
	for i := range sc.Workers {
		mean := time.Millisecond
		if i < sc.Slow {
			mean = time.Duration(sc.Factor) * time.Millisecond
		}
		w.workers = append(w.workers, &worker{mean: mean})
		if sc.Freeze > 0 {
			w.in(w.exp(float64(sc.Every)), event{kind: freeze, who: i})
		}
	}
	w.got = make([]int, sc.Workers)
	return w
}

// rate is requests per nanosecond of all callers.
func (w *world) rate() float64 {
	capacity := 0.0
	for _, o := range w.workers {
		capacity += 1 / float64(o.mean)
	}
	if w.sc.Rate > 0 {
		capacity = w.sc.Rate / float64(time.Millisecond)
		return capacity
	}
	return capacity * w.sc.Load
}

func (w *world) run() {
	each := float64(w.sc.Callers) / w.rate() // between arrivals at one caller
	for c := range w.sc.Callers {
		w.in(w.exp(each), event{kind: arrival, who: c})
	}
	warm := w.requests / 10
	w.left = w.requests + warm
	for len(w.took) < w.requests+warm { // all are waited for: those at a slow worker count too
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		switch e.kind {
		case arrival:
			if w.left--; w.left < 0 {
				continue
			}
			w.in(w.exp(each), event{kind: arrival, who: e.who})
			w.send(e.who)
		case delivery:
			o := w.workers[e.who]
			o.coming--
			o.queue = append(o.queue, e.req)
			w.serve(e.who)
		case done:
			w.finish(e.who, e.req)
		case reply:
			w.answered(e)
		case freeze:
			w.freeze(e.who)
		}
	}
	w.took = w.took[warm:] // the first to end are not counted: nothing is known yet
	slices.Sort(w.took)
}

func (w *world) send(caller int) {
	r := &request{caller: caller, sent: w.now}
	if w.choose != nil {
		r.worker = w.choose(w, caller)
	} else {
		g := w.callers[caller]
		t, ok := g.Pick(w.now, balance.Request[int]{})
		if !ok {
			panic("sim: no target") // no scenario closes all
		}
		g.Begin(w.now, t, &r.ticket)
		r.worker = t.ID
	}
	w.got[r.worker]++
	w.workers[r.worker].coming++
	w.in(net, event{kind: delivery, who: r.worker, req: r})
}

// serve begins the next request if the worker is free.
func (w *world) serve(i int) {
	o := w.workers[i]
	if o.busy != nil || len(o.queue) == 0 {
		return
	}
	o.busy, o.queue = o.queue[0], o.queue[1:]
	o.began = w.now
	o.until = max(w.now, o.frozen) + w.exp(float64(o.mean))
	w.in(o.until-w.now, event{kind: done, who: i, req: o.busy})
}

func (w *world) finish(i int, r *request) {
	o := w.workers[i]
	if o.busy != r {
		return
	}
	if w.now < o.until { // it froze in the middle
		w.in(o.until-w.now, event{kind: done, who: i, req: r})
		return
	}
	took := float64(w.now - o.began)
	if o.service == 0 {
		o.service = took
	}
	o.service += (took - o.service) / 16
	o.busy = nil
	w.in(net, event{kind: reply, who: i, req: r, backlog: len(o.queue), service: time.Duration(o.service)})
	w.serve(i)
}

func (w *world) freeze(i int) {
	o := w.workers[i]
	o.frozen = w.now + w.sc.Freeze
	if o.busy != nil {
		o.until += w.sc.Freeze
	}
	w.in(w.sc.Freeze+w.exp(float64(w.sc.Every)), event{kind: freeze, who: i})
}

func (w *world) answered(e event) {
	r := e.req
	w.took = append(w.took, w.now-r.sent)
	if w.choose != nil {
		return
	}
	g := w.callers[r.caller]
	t := r.ticket.Target()
	g.End(w.now, &r.ticket, balance.Answered)
	g.Report(w.now, t, balance.Report{Backlog: e.backlog, Service: e.service})
}
