// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
)

// wires carry frames between hosts of one process, encoded as they are between nodes.
type wires struct {
	b     *testing.B
	hosts []*host.Host
}

func (w *wires) Send(f *host.Frame) {
	data, err := f.Append(nil)
	if err != nil {
		w.b.Error(err)
		return
	}
	got, err := host.Decode(data)
	if err != nil {
		w.b.Error(err)
		return
	}
	if to := w.hosts[got.To-1]; to != nil {
		to.Do(func(c *host.Core) { c.Receive(got) })
	}
}

// BenchmarkIdle has 1024 groups of three replicas in one process, which have nothing to do: what they take of a processor, and of memory, is in its figures. It takes half a minute,
// whatever -benchtime is.
//
//	go test ./db/internal/host -run '^$' -bench Idle
func BenchmarkIdle(b *testing.B) {
	const groups, seconds = 1024, 10
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	w := &wires{b: b, hosts: make([]*host.Host, 3)}
	var cores []*host.Core
	var logs []*raftlog.Store
	for node := uint64(1); node <= 3; node++ {
		core, log := openCore(b, vfs.Default, b.TempDir()+"/", node, 0)
		cores, logs = append(cores, core), append(logs, log)
	}
	createAll(b, cores, logs, groups)
	for i, c := range cores {
		w.hosts[i] = host.Start(c, 100*time.Millisecond, w)
		b.Cleanup(w.hosts[i].Stop)
	}
	began := time.Now()
	for n := 0; n < 3*groups; {
		n = 0
		for _, h := range w.hosts {
			for g := uint64(1); g <= groups; g++ {
				if st, _ := h.Status(g); st.Quiet {
					n++
				}
			}
		}
		if time.Since(began) > time.Minute {
			b.Fatalf("%d of %d replicas are quiet", n, 3*groups)
		}
		<-time.After(100 * time.Millisecond)
	}
	b.Logf("all are quiet after %v", time.Since(began).Round(time.Millisecond))
	debug.FreeOSMemory()
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	start := processorTime(b)
	<-time.After(seconds * time.Second)
	used := processorTime(b) - start
	b.ReportMetric(used.Seconds()/seconds*100, "%core")
	b.ReportMetric(float64(after.Sys-after.HeapReleased-(before.Sys-before.HeapReleased))/1e6, "MB")
	b.ReportMetric(0, "ns/op")
}
