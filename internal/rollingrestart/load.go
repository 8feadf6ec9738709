// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// load makes calls at a steady rate, whether answers come or not.
type load struct {
	node *banyan.Node
	to   banyan.Dest[*server]
	rate int

	phase atomic.Int32
	wg    sync.WaitGroup

	mu    sync.Mutex
	ends  []end          // guarded by mu
	kinds map[string]int // guarded by mu; errors, and how often
	wrong []string       // guarded by mu; answers that are not the call's
}

// end is how one call ended.
type end struct {
	id    uint64
	phase int32
	took  time.Duration // from when it was due
	err   error
}

// The phases.
const (
	quiet int32 = iota
	restarting
)

// run makes calls until ctx ends, and waits for all of them.
func (l *load) run(ctx context.Context) {
	l.kinds = map[string]int{}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	began, sent := time.Now(), uint64(0)
	for ctx.Err() == nil {
		<-tick.C
		for due := uint64(time.Since(began).Seconds() * float64(l.rate)); sent < due; sent++ {
			at := began.Add(time.Duration(float64(sent) / float64(l.rate) * float64(time.Second)))
			id := sent + 1
			l.wg.Go(func() { l.call(id, at) })
		}
	}
	l.wg.Wait()
}

func (l *load) call(id uint64, due time.Time) {
	e := end{id: id, phase: l.phase.Load()}
	got, err := banyan.Call(banyan.Within(l.node.Context(context.Background()), 5*time.Second), l.to, newServe(id))
	e.took, e.err = time.Since(due), err
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, e)
	switch {
	case err != nil:
		l.kinds[err.Error()]++
	case got.ID != id && len(l.wrong) < 10:
		l.wrong = append(l.wrong, fmt.Sprintf("call %d was answered with %+v", id, got))
	}
}

// quantiles of the calls of a phase.
func (l *load) quantiles(phase int32, qs ...float64) (calls int, out []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []time.Duration
	for _, e := range l.ends {
		if e.phase == phase {
			list = append(list, e.took)
		}
	}
	slices.Sort(list)
	for _, q := range qs {
		d := time.Duration(0)
		if len(list) > 0 {
			d = list[min(int(q*float64(len(list))), len(list)-1)]
		}
		out = append(out, d)
	}
	return len(list), out
}
