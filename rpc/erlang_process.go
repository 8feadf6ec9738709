// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

func (e *erlang) processFunctions() []Function {
	return []Function{
		Func0("erlang", "processes", func(ctx context.Context) ([]banyan.PID, error) {
			var list []banyan.PID
			nodeOf(ctx).Processes(func(i banyan.ProcessInfo) bool { list = append(list, i.PID); return true })
			return list, nil
		}),
		Func1("erlang", "is_process_alive", func(ctx context.Context, pid banyan.PID) (bool, error) {
			if err := localPID(ctx, pid); err != nil {
				return false, err
			}
			_, ok := nodeOf(ctx).Info(pid)
			return ok, nil
		}),
		Func1("erlang", "process_info", func(ctx context.Context, pid banyan.PID) (any, error) { return processInfo(ctx, pid, usualItems, true) }),
		Func2("erlang", "process_info", func(ctx context.Context, pid banyan.PID, what any) (any, error) {
			if item, ok := what.(etf.Atom); ok {
				info, err := processInfo(ctx, pid, []etf.Atom{item}, false)
				list, ok := info.(etf.List)
				switch {
				case !ok || err != nil:
					return info, err
				case item == "registered_name" && list[0].(etf.Tuple)[1] == noName: // as Erlang: [] and not {registered_name, []}
					return etf.List{}, nil
				}
				return list[0], nil
			}
			list, ok := what.(etf.List)
			if !ok {
				return nil, BadArg(2, "neither an item nor a list of items")
			}
			var items []etf.Atom
			for _, x := range list {
				item, ok := x.(etf.Atom)
				if !ok {
					return nil, BadArg(2, fmt.Sprintf("%s is no item", brief(x)))
				}
				items = append(items, item)
			}
			return processInfo(ctx, pid, items, false)
		}),
	}
}

func localPID(ctx context.Context, pid banyan.PID) error {
	if pid.Node != nodeOf(ctx).Name() {
		return BadArg(1, "not a process of this node")
	}
	return nil
}

// usualItems are those of process_info/1.
var usualItems = []etf.Atom{"registered_name", "current_function", "initial_call", "status", "message_queue_len", "links",
	"dictionary", "trap_exit", "error_handler", "priority", "group_leader", "total_heap_size", "heap_size", "stack_size",
	"reductions", "garbage_collection", "suspending"}

// processInfo gives [{Item, Value}] in order, or undefined if there is no such process. With skip a missing name is left out.
func processInfo(ctx context.Context, pid banyan.PID, items []etf.Atom, skip bool) (any, error) {
	if err := localPID(ctx, pid); err != nil {
		return nil, err
	}
	info, ok := nodeOf(ctx).Info(pid)
	if !ok {
		return undefined_, nil
	}
	detail, _ := nodeOf(ctx).Detail(pid) // one that has just ended has no ties
	list := etf.List{}
	for _, item := range items {
		read, ok := processItems[item]
		if !ok {
			return nil, BadArg(2, fmt.Sprintf("nothing is known of %s here", brief(item)))
		}
		v := read(info, detail)
		if skip && item == "registered_name" && v == noName {
			continue
		}
		list = append(list, etf.Tuple{item, v})
	}
	return list, nil
}

// noName is the value of registered_name for a process without one; made a list at the end.
var noName any = noNameType{}

type noNameType struct{}

// MarshalTerm makes it the empty list.
func (noNameType) MarshalTerm() (any, error) { return etf.List{}, nil } //lint:any a term

// base is what a process without messages takes, roughly.
const base = 352

// processItems says what is known of each item. What Go has no equal of is what an idle Erlang process could say.
var processItems = map[etf.Atom]func(banyan.ProcessInfo, banyan.ProcessDetail) any{
	"registered_name": func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any {
		if len(i.Names) == 0 {
			return noName
		}
		return i.Names[0]
	},
	"current_function":  func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any { return codeOf(i) },
	"initial_call":      func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any { return codeOf(i) },
	"message_queue_len": func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any { return i.Queue },
	"status": func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any {
		if i.Status == "idle" {
			return etf.Atom("waiting")
		}
		return etf.Atom("running")
	},
	"links": func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any { return i.Links },
	"parent": func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any {
		if i.Parent.IsZero() {
			return undefined_
		}
		return i.Parent
	},
	"monitors":     func(_ banyan.ProcessInfo, d banyan.ProcessDetail) any { return monitorsOf(d) },
	"monitored_by": func(_ banyan.ProcessInfo, d banyan.ProcessDetail) any { return d.WatchedBy },
	"group_leader": func(i banyan.ProcessInfo, d banyan.ProcessDetail) any {
		if d.GroupLeader.IsZero() {
			return banyan.PID{Node: i.PID.Node, ID: 1, Creation: i.PID.Creation}
		}
		return d.GroupLeader
	},
	"trap_exit":  func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any { return i.Trapping },
	"reductions": func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any { return i.Turns },
	"memory":     func(i banyan.ProcessInfo, _ banyan.ProcessDetail) any { return base + i.Bytes },

	"messages":               always(etf.List{}), // they are Go values, and not shown
	"message_queue_data":     always(etf.Atom("on_heap")),
	"dictionary":             always(etf.List{}),
	"error_handler":          always(undefined_),
	"priority":               always(etf.Atom("normal")),
	"total_heap_size":        always(0),
	"heap_size":              always(0),
	"stack_size":             always(0),
	"min_heap_size":          always(0),
	"fullsweep_after":        always(0),
	"catchlevel":             always(0),
	"binary":                 always(etf.List{}),
	"suspending":             always(etf.List{}),
	"last_calls":             always(etf.Atom("false")),
	"trace":                  always(0),
	"sequential_trace_token": always(etf.List{}),
	"current_stacktrace":     always(etf.List{}),
	"current_location":       always(undefined_),
	"garbage_collection":     always(etf.List{etf.Tuple{etf.Atom("min_heap_size"), 0}, etf.Tuple{etf.Atom("fullsweep_after"), 0}}),
}

func always(v any) func(banyan.ProcessInfo, banyan.ProcessDetail) any {
	return func(banyan.ProcessInfo, banyan.ProcessDetail) any { return v }
}

// codeOf is the Go type of a process as {M, F, A}.
func codeOf(i banyan.ProcessInfo) any { return etf.Tuple{etf.Atom("banyan"), etf.Atom(i.Kind), 0} }

// monitorsOf is [{process, Pid | {Name, Node}}].
func monitorsOf(d banyan.ProcessDetail) etf.List {
	list := etf.List{}
	for _, w := range d.Watches {
		var whom any = w.PID
		if w.Name != "" {
			whom = etf.Tuple{w.Name, w.Node}
		}
		list = append(list, etf.Tuple{etf.Atom("process"), whom})
	}
	return list
}
