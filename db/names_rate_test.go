// SPDX-License-Identifier: Apache-2.0

package db

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// registerAll registers b.N names from 256 goroutines, spread over the nodes.
func registerAll(b *testing.B, names []*Names, pids []banyan.PID) {
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for c := range 256 {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				if _, err := names[c%len(names)].Register(b.Context(), fmt.Sprint("name ", i), pids[c%len(names)]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "names/s")
}

// TestNameRate takes the rate of registrations by 256 goroutines on the node that leads, on three voters on one disk: BANYAN_REPEAT seconds of it.
func TestNameRate(t *testing.T) {
	if os.Getenv("BANYAN_REPEAT") == "" {
		t.Skip("a measurement: BANYAN_REPEAT says how many seconds")
	}
	p := diskParty(t)
	all := p.strict(p.names...)
	for _, where := range [][]string{p.names[:1], p.names} {
		var count atomic.Int64
		var wg sync.WaitGroup
		end := time.Now().Add(time.Duration(repeats()) * time.Second)
		for c := range 256 {
			name := where[c%len(where)]
			pid := waiter(t, p.sim.Node(name))
			wg.Go(func() {
				for i := 0; time.Now().Before(end); i++ {
					if _, err := all[name].Register(t.Context(), fmt.Sprint(len(where), " ", c, " ", i), pid); err != nil {
						t.Error(err)
						return
					}
					count.Add(1)
				}
			})
		}
		wg.Wait()
		t.Logf("256 clients on %d of 3 nodes: %d names/s", len(where), int(count.Load())/repeats())
	}
}
