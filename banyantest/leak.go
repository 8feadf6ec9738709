// SPDX-License-Identifier: Apache-2.0

package banyantest

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// guards knows, per bubble of testing/synctest ("" outside), how many nodes of the kit run, and which goroutines there
// were before the first of them. It is the one piece of state that tests share; empty while no node runs.
var guards struct {
	mu sync.Mutex
	m  map[string]*guarded
}

type guarded struct {
	nodes  int
	before map[string]bool // goroutines, by their number
}

// guard is called before a node starts; what it returns, after the node has stopped.
func guard(t testing.TB, check bool) (done func()) {
	t.Helper()
	bubble := bubbleOf(header(stacks(false)[0]))
	guards.mu.Lock()
	defer guards.mu.Unlock()
	g := guards.m[bubble]
	if g == nil {
		g = &guarded{before: map[string]bool{}}
		for _, s := range stacks(true) {
			g.before[number(s)] = true
		}
		if guards.m == nil {
			guards.m = map[string]*guarded{}
		}
		guards.m[bubble] = g
	}
	g.nodes++
	return sync.OnceFunc(func() {
		guards.mu.Lock()
		g.nodes--
		last := g.nodes == 0
		if last {
			delete(guards.m, bubble)
		}
		guards.mu.Unlock()
		if check && last {
			report(t, bubble, g.before)
		}
	})
}

// report waits a moment for goroutines of the runtime to end, and fails the test with those that do not.
func report(t testing.TB, bubble string, before map[string]bool) {
	var left []string
	for wait := time.Millisecond; wait < 2*time.Second; wait *= 2 {
		if left = runtimeGoroutines(bubble, before); len(left) == 0 {
			return
		}
		<-time.After(wait)
	}
	t.Errorf("banyantest: %d goroutines of the runtime are left after the last node has stopped:\n\n%s", len(left), strings.Join(left, "\n\n"))
}

// runtimeGoroutines lists those that the runtime started, and that are not known.
func runtimeGoroutines(bubble string, before map[string]bool) (list []string) {
	for i, s := range stacks(true) {
		if i == 0 || before[number(s)] || bubbleOf(header(s)) != bubble {
			continue // the first is the one that asks
		}
		for _, by := range []string{"banyan.", "banyan/dist", "banyan/internal/sched.", "banyan/internal/simnet.", "banyan/supervisor.", "banyan/app."} {
			if strings.Contains(s, "\ncreated by github.com/banyan-go/"+by) && !strings.Contains(s, "_test.") {
				list = append(list, s)
				break
			}
		}
	}
	return list
}

// stacks are the traces of goroutines, the caller's own first.
func stacks(all bool) []string {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, all); n < size {
			return strings.Split(string(buf[:n]), "\n\n")
		}
	}
}

// header is the first line: goroutine 7 [running, synctest bubble 3]:
func header(stack string) string {
	h, _, _ := strings.Cut(stack, "\n")
	return h
}

func number(stack string) string {
	h, _, _ := strings.Cut(stack, " [")
	return h
}

func bubbleOf(header string) string {
	_, b, _ := strings.Cut(header, "synctest bubble ")
	return strings.TrimRight(b, "]:")
}
