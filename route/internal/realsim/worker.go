// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// worker is a server that is busy with each request for a random time, one at a time. It sleeps, so that what is measured is the
// routing, and not who gets a processor.
type worker struct {
	index  int
	mean   time.Duration
	chance *rand.Rand
	freeze time.Duration
	frozen []time.Time // when it stands still, each time for freeze; in order
	all    []time.Time // the same, never changed: for the oracle

	waiting atomic.Int64 // sent to it and not done; for the oracle
	got     atomic.Int64
	ended   time.Time // when the last request was due to end, and when it really did
	awake   time.Time
}

// work is a request; the answer is the index of who did it.
type work struct{}

func (work) Call(w *worker, _ *banyan.Self) (int, error) {
	defer w.waiting.Add(-1)
	w.got.Add(1)
	begin := time.Now()
	if begin.Sub(w.awake) < w.mean/8 { // it was queued: what timers are late must not add up, or the load is above what it says
		begin = w.ended
	}
	w.ended = w.end(begin, time.Duration(w.chance.ExpFloat64()*float64(w.mean)))
	time.Sleep(time.Until(w.ended))
	w.awake = time.Now()
	return w.index, nil
}

// end is when a request that takes so long is done, with the times in which the worker stands still.
func (w *worker) end(begin time.Time, takes time.Duration) time.Time {
	end := begin.Add(takes)
	for len(w.frozen) > 0 && w.frozen[0].Before(end) {
		over := w.frozen[0].Add(w.freeze)
		switch {
		case !over.After(begin):
		case w.frozen[0].Before(begin):
			end = over.Add(takes)
		default:
			end = end.Add(w.freeze)
		}
		w.frozen = w.frozen[1:]
	}
	return end
}

// still is how long it will stand still from now on.
func (w *worker) still(now time.Time) time.Duration {
	for _, at := range w.all {
		if over := at.Add(w.freeze); over.After(now) {
			if at.After(now) {
				return 0
			}
			return over.Sub(now)
		}
	}
	return 0
}

func init() { banyan.RegisterCall[work]("work") }
