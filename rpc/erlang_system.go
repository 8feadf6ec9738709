// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// systemFunctions are about the node as a program.
func (e *erlang) systemFunctions() []Function {
	clock := func(name banyan.Atom, now func() time.Duration) []Function {
		return []Function{
			Func0("erlang", name, func(context.Context) (int64, error) { return int64(now()), nil }),
			Func1("erlang", name, func(_ context.Context, unit any) (int64, error) {
				per, ok := perSecond(unit)
				if !ok {
					return 0, BadArg(1, "not a unit of time")
				}
				d := now()
				return int64(d/time.Second)*per + int64(d%time.Second)*per/int64(time.Second), nil
			}),
		}
	}
	return slices.Concat([]Function{
		Func1("erlang", "system_info", systemInfo),
		Func0("erlang", "memory", func(context.Context) (any, error) { return memory(), nil }),
		Func1("erlang", "memory", memoryOf),
		Func1("erlang", "statistics", e.statistics),
	},
		clock("system_time", func() time.Duration { return time.Duration(time.Now().UnixNano()) }),
		clock("monotonic_time", func() time.Duration { return time.Since(e.began) }))
}

func perSecond(unit any) (int64, bool) {
	switch unit {
	case etf.Atom("second"):
		return 1, true
	case etf.Atom("millisecond"):
		return 1e3, true
	case etf.Atom("microsecond"):
		return 1e6, true
	case etf.Atom("nanosecond"), etf.Atom("native"):
		return 1e9, true
	}
	n, ok := unit.(int)
	return int64(n), ok && n > 0 && n <= 1e9
}

// systemInfo is erlang:system_info(Item).
func systemInfo(ctx context.Context, arg any) (any, error) {
	if t, ok := arg.(etf.Tuple); ok && len(t) == 2 && t[0] == etf.Atom("wordsize") {
		arg = t[0]
	}
	item, _ := arg.(etf.Atom)
	switch item {
	case "schedulers", "schedulers_online", "logical_processors_available":
		return runtime.GOMAXPROCS(0), nil
	case "logical_processors", "logical_processors_online":
		return runtime.NumCPU(), nil
	case "dirty_cpu_schedulers", "dirty_cpu_schedulers_online", "dirty_io_schedulers", "thread_pool_size", "port_count", "port_limit",
		"atom_count", "atom_limit", "ets_count", "ets_limit":
		return 0, nil
	case "process_count":
		return nodeOf(ctx).Stats().Processes, nil
	case "process_limit":
		return nodeOf(ctx).MaxProcesses(), nil
	case "wordsize":
		return strconv.IntSize / 8, nil
	case "otp_release":
		return chars(otpRelease), nil
	case "version":
		return chars(strings.TrimPrefix(runtime.Version(), "go")), nil
	case "system_version":
		return chars("Banyan on " + runtime.Version()), nil
	case "system_architecture":
		return chars(runtime.GOARCH + "-" + runtime.GOOS), nil
	case "machine":
		return chars("Banyan"), nil
	case "emu_flavor":
		return etf.Atom("go"), nil
	case "smp_support", "threads", "kernel_poll":
		return true, nil
	case "multi_scheduling":
		return etf.Atom("enabled"), nil
	case "creation":
		return nodeOf(ctx).Creation(), nil
	}
	return nil, BadArg(1, fmt.Sprintf("nothing is known of %s here", brief(arg)))
}

// otpRelease is the release whose protocol and functions these are.
const otpRelease = "25"
