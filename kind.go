// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"reflect"
	"runtime/pprof"
	"sync"

	"github.com/banyan-go/banyan/internal/sched"
)

// kind is what all processes of one server type share.
type kind struct {
	server reflect.Type // nil for plain processes
	name   string
	labels context.Context // Go's profiler shows them
	target Target
}

var kinds sync.Map // reflect.Type or name to *kind: grows with the program's types only

func kindFor(server reflect.Type, name string) *kind {
	var key any = name
	if server != nil {
		key = server
		name = server.String()
	}
	if k, ok := kinds.Load(key); ok {
		return k.(*kind)
	}
	k := &kind{server: server, name: name, labels: pprof.WithLabels(context.Background(), pprof.Labels("banyan", name)), target: Target{server}}
	got, _ := kinds.LoadOrStore(key, k)
	return got.(*kind)
}

// label makes the profiler count what the coroutine does for this kind. It costs nothing while the kind stays the same.
func (k *kind) label(c *sched.Coro) {
	if c.Label != k {
		c.Label = k
		pprof.SetGoroutineLabels(k.labels)
	}
}
