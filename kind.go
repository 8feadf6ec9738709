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

// ownLabels are what the profiler shows of one process: its kind, and its name or number. A full set takes 264 bytes, so
// only a process has one that was spawned with a name, has registered itself, or whose turns run long.
type ownLabels struct {
	ctx context.Context
	pid PID
}

func newOwnLabels(p *Self, names []Atom) *ownLabels {
	id := p.pid.String()
	if len(names) > 0 {
		id = string(names[0])
	}
	return &ownLabels{pprof.WithLabels(context.Background(), pprof.Labels("banyan", p.kind.name, "process", id)), p.pid}
}

// label sets what the profiler shows of the coroutine, on which a turn of p begins.
func (p *Self) label(c *sched.Coro) {
	if !p.labelled {
		p.kind.label(c)
		return
	}
	if l, ok := c.Label.(*ownLabels); ok && l.pid.ID == p.pid.ID { // on a coroutine of p's node
		return
	}
	p.mu.Lock()
	l := p.ownLabels()
	p.mu.Unlock()
	if l == nil {
		p.kind.label(c)
		return
	}
	c.Label = l
	pprof.SetGoroutineLabels(l.ctx)
}

// ownLabels gives the process's labels, nil if it is dead. With mu held.
func (p *Self) ownLabels() *ownLabels {
	if p.dead.Load() {
		return nil
	}
	r := p.related()
	if r.labels == nil {
		r.labels = newOwnLabels(p, r.names)
	}
	return r.labels
}

// labelPlain is label for the goroutine of a plain process. Only from that.
func (p *Self) labelPlain() {
	ctx := p.kind.labels
	if p.labelled {
		p.mu.Lock()
		if l := p.ownLabels(); l != nil {
			ctx = l.ctx
		}
		p.mu.Unlock()
	}
	pprof.SetGoroutineLabels(ctx)
}

// settled ends a turn's account with the scheduler. With mu held, or nobody else could still be the runner.
func (p *Self) settled(c *sched.Coro) {
	c.Settle()
	if !p.labelled && sched.Long(&p.Task) {
		p.labelled = true // from the next turn on
	}
}
