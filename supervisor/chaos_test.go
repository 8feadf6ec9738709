// SPDX-License-Identifier: Apache-2.0

package supervisor_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// Whatever happens at once, in the end the list says the truth: what it calls running is alive and in order, and nobody
// else is.
func TestChaos(t *testing.T) {
	for _, strategy := range []supervisor.Strategy{supervisor.OneForOne, supervisor.OneForAll, supervisor.RestForOne, supervisor.Dynamic} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprint(strategy, " ", seed), func(t *testing.T) {
				inWorld(t, func(w *world) { chaos(w, strategy, seed) })
			})
		}
	}
}

func chaos(w *world, strategy supervisor.Strategy, seed uint64) {
	items := append(w.workers("a b:transient c:temporary d e:kill f:transient"), supervisor.Intensity(1_000_000, time.Second))
	sup := w.start(supervisor.New("s", strategy, items...))
	w.setFail("b", errCrash, 0)
	stray := w.node.Stats().Processes - w.active(sup)
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, g))
			for range 60 {
				list, err := supervisor.Which(w.ctx, sup)
				if err != nil || len(list) == 0 {
					continue
				}
				c := list[r.IntN(len(list))]
				switch r.IntN(9) {
				case 0, 1:
					_ = banyan.SendExit(w.ctx, c.PID, errCrash)
				case 2:
					_ = banyan.SendExit(w.ctx, c.PID, banyan.ErrKill)
				case 3:
					_ = banyan.SendExit(w.ctx, c.PID, banyan.ErrShutdown)
				case 4:
					_ = supervisor.TerminateChild(w.ctx, sup, c.ID)
				case 5:
					_ = supervisor.TerminatePID(w.ctx, sup, c.PID)
				case 6:
					_, _ = supervisor.RestartChild(w.ctx, sup, c.ID)
				case 7:
					_ = supervisor.DeleteChild(w.ctx, sup, c.ID)
				case 8:
					_, _ = supervisor.StartChild(w.ctx, sup, w.worker(c.ID, supervisor.Restart(r.IntN(3))))
				}
				if r.IntN(10) == 0 { // b cannot start now and then, but never for long: each try is free here
					w.setFail("b", errCrash, 1+r.IntN(3))
				}
			}
		})
	}
	w.setFail("b", nil, 0)
	wg.Wait()
	synctest.Wait()
	if _, err := supervisor.Which(w.ctx, sup); err != nil {
		buf := make([]byte, 1<<20)
		w.t.Fatalf("%v\n%s", err, buf[:runtime.Stack(buf, true)])
	}
	for _, c := range w.which(sup) {
		if c.Restarting || c.Running() && !w.alive(c.PID) {
			w.t.Fatalf("%+v, alive %v", c, w.alive(c.PID))
		}
	}
	if got, want := w.node.Stats().Processes-stray, w.active(sup); got != want {
		w.t.Fatalf("%d processes for %d running children", got, want)
	}
	if err := supervisor.Stop(w.ctx, sup, nil); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	if got := w.node.Stats().Processes; got != stray-1 { // without the supervisor
		w.t.Fatalf("%d processes are left, %d were there before", got, stray-1)
	}
}

func (w *world) active(sup supervisor.Ref) int {
	w.t.Helper()
	n, err := supervisor.Count(w.ctx, sup)
	if err != nil {
		w.t.Fatal(err)
	}
	return n.Active
}
