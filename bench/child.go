// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// childCommand starts a contender in place of the driver: child <client|server> <test> <contender>.
const childCommand = "child"

// What the driver tells its children by the environment.
const (
	envN    = "BENCH_N"    // how much work
	envPeer = "BENCH_PEER" // what the server said when it was ready
	// For people: where to write a CPU or allocation profile, with .client or .server behind the name.
	envCPUProfile = "BENCH_CPUPROFILE"
	envMemProfile = "BENCH_MEMPROFILE"
)

// bench is the child's side of one run. Its lines on standard output are the protocol, also of the Erlang side:
//
//	ready <info>         the server can be used (paired tests)
//	armed                the client wants its server killed now
//	figure <key> <value> a result
//	done                 all counts and sums were right; without it the run has failed
type bench struct {
	n     int
	peer  string
	done  atomic.Bool
	nodes []*banyan.Node
}

func runChild(args []string) {
	b := &bench{peer: os.Getenv(envPeer)}
	var err error
	if b.n, err = strconv.Atoi(os.Getenv(envN)); err != nil || len(args) != 3 {
		b.failf("child: bad arguments %q or %s: %v", args, envN, err)
	}
	t := find(args[1])
	if t == nil {
		b.failf("child: no test %q", args[1])
	}
	c := ours
	if args[2] == plain.String() {
		c = plain
	}
	w := t.client[c]
	if args[0] == "server" {
		w = t.server[c]
	}
	if path := os.Getenv(envCPUProfile); path != "" {
		f, err := os.Create(path + "." + args[0])
		b.must(err)
		b.must(pprof.StartCPUProfile(f))
		defer f.Close()
		defer pprof.StopCPUProfile()
	}
	w(b)
	for _, n := range b.nodes {
		b.must(n.Stop(context.Background()))
	}
	if path := os.Getenv(envMemProfile); path != "" {
		f, err := os.Create(path + "." + args[0])
		b.must(err)
		defer f.Close()
		b.must(pprof.Lookup("allocs").WriteTo(f, 0))
	}
	b.figure("peak", peakRSS())
	fmt.Println("done")
}

// figure reports a result.
func (b *bench) figure(key string, v float64) {
	fmt.Println("figure", key, strconv.FormatFloat(v, 'g', -1, 64))
}

// rate reports n per second since start, and the time per one.
func (b *bench) rate(n int, start time.Time) {
	d := time.Since(start)
	b.figure("rate", float64(n)/d.Seconds())
	b.figure("ns", float64(d.Nanoseconds())/float64(n))
}

// failf ends the run as failed.
func (b *bench) failf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
	os.Exit(1)
}

// must fails the run on an error.
func (b *bench) must(err error) {
	if err != nil {
		b.failf("%v", err)
	}
}

// equal fails the run if a count or sum is wrong.
func (b *bench) equal(what string, got, want int) {
	if got != want {
		b.failf("%s: got %d, want %d", what, got, want)
	}
}

// node starts a node that is stopped when the work has returned.
func (b *bench) node(name string, opts ...banyan.Option) (*banyan.Node, context.Context) {
	n, err := banyan.Start(name, append([]banyan.Option{banyan.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	b.must(err)
	b.nodes = append(b.nodes, n)
	return n, n.Context(context.Background())
}

// local is node without a network.
func (b *bench) local(opts ...banyan.Option) (*banyan.Node, context.Context) {
	return b.node("bench@127.0.0.1", opts...)
}

// ready tells the driver that the server can be used, and waits for the end.
func (b *bench) ready(info string) {
	fmt.Println("ready", info)
	_, _ = io.Copy(io.Discard, os.Stdin) // the driver closes it
}

// armed asks the driver to kill the server.
func (b *bench) armed() { fmt.Println("armed") }

// spawn starts a server with that state.
func spawn[S any](b *bench, by banyan.Spawner, state S, opts ...banyan.SpawnOption) banyan.Ref[S] {
	ref, err := banyan.SpawnState(by, state, opts...)
	b.must(err)
	return ref
}

// cast sends a note and fails the run if that fails.
func cast[S any, M banyan.Note[S]](b *bench, ctx context.Context, to banyan.Ref[S], m M) {
	b.must(banyan.Cast(ctx, to, m))
}

// liveBytes is what the process's own data take, after a garbage collection.
func liveBytes() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// peakRSS is the process's highest resident memory in MB; 0 where that is not known.
func peakRSS() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}
