// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"fmt"
	"runtime/metrics"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// figure reads one of Go's runtime metrics as an integer; seconds as milliseconds.
func figure(name string) int64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	switch s[0].Value.Kind() {
	case metrics.KindUint64:
		return int64(min(s[0].Value.Uint64(), 1<<62))
	case metrics.KindFloat64:
		return int64(s[0].Value.Float64() * 1000)
	}
	return 0
}

// memory is erlang:memory(). total is what the program has from the operating system, processes the heap and the stacks.
func memory() []memoryItem {
	total := figure("/memory/classes/total:bytes") - figure("/memory/classes/heap/released:bytes")
	used := figure("/memory/classes/heap/objects:bytes") + figure("/memory/classes/heap/stacks:bytes")
	processes := min(used+figure("/memory/classes/heap/unused:bytes"), total)
	return []memoryItem{{"total", total}, {"processes", processes}, {"processes_used", min(used, processes)}, {"system", total - processes},
		{"atom", 0}, {"atom_used", 0}, {"binary", 0}, {"code", 0}, {"ets", 0}}
}

// memoryItem is {Name, Bytes}.
type memoryItem struct {
	name  etf.Atom
	bytes int64
}

// MarshalTerm makes it a pair.
func (m memoryItem) MarshalTerm() (any, error) { return etf.Tuple{m.name, m.bytes}, nil } //lint:any a term

// memoryOf is erlang:memory(Type or Types).
func memoryOf(_ context.Context, arg any) (any, error) {
	items := memory()
	find := func(name any) (memoryItem, error) {
		for _, m := range items {
			if name == m.name {
				return m, nil
			}
		}
		return memoryItem{}, BadArg(1, fmt.Sprintf("%s is no type of memory", brief(name)))
	}
	names, ok := arg.(etf.List)
	if !ok {
		m, err := find(arg)
		return m.bytes, err
	}
	list := etf.List{}
	for _, name := range names {
		m, err := find(name)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// statistics is erlang:statistics(Item).
func (e *erlang) statistics(ctx context.Context, item etf.Atom) (any, error) {
	switch item {
	case "wall_clock":
		return e.since(item, time.Since(e.began).Milliseconds()), nil
	case "runtime":
		return e.since(item, figure("/cpu/classes/user:cpu-seconds")+figure("/cpu/classes/gc/total:cpu-seconds")), nil
	case "reductions", "exact_reductions": // a message that was handled counts as one
		return e.since(item, turns(banyan.NodeOf(ctx))), nil
	case "run_queue", "total_run_queue_lengths", "total_active_tasks":
		return runQueue(banyan.NodeOf(ctx)), nil
	case "garbage_collection":
		return etf.Tuple{figure("/gc/cycles/total:gc-cycles"), figure("/gc/heap/allocs:bytes") / 8, 0}, nil
	}
	return nil, BadArg(1, fmt.Sprintf("nothing is known of %s here", brief(item)))
}

// since is {Total, SinceLastAsked}.
func (e *erlang) since(item etf.Atom, total int64) etf.Tuple {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last == nil {
		e.last = map[etf.Atom]int64{}
	}
	before := e.last[item]
	e.last[item] = total
	return etf.Tuple{total, total - before}
}

// turns is how many messages the living processes have handled.
func turns(n *banyan.Node) (sum int64) {
	n.Processes(func(i banyan.ProcessInfo) bool {
		sum += int64(i.Turns)
		return true
	})
	return sum
}

// runQueue is how many processes have something to do.
func runQueue(n *banyan.Node) (busy int) {
	n.Processes(func(i banyan.ProcessInfo) bool {
		if i.Status == "running" {
			busy++
		}
		return true
	})
	return busy
}
