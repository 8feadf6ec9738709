// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"bytes"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// labelsOf gives what the profiler shows of the goroutine that is in function f now.
func labelsOf(t *testing.T, f string) string {
	t.Helper()
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(all.String(), "\n\n") {
		if !strings.Contains(block, f) {
			continue
		}
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, "# labels:") {
				return line
			}
		}
		return ""
	}
	t.Fatalf("no goroutine is in %s", f)
	return ""
}

//go:noinline
func waitLabelled(entered chan<- struct{}, hold <-chan struct{}) {
	entered <- struct{}{}
	<-hold
}

func TestProfilerLabels(t *testing.T) {
	n := quietNode(t)
	look := func(ref labRef) string {
		entered, hold := make(chan struct{}), make(chan struct{})
		over := make(chan struct{})
		go func() {
			defer close(over)
			in(t, n, ref, func(*banyan.Self) { waitLabelled(entered, hold) })
		}()
		<-entered
		got := labelsOf(t, "waitLabelled")
		close(hold)
		<-over
		return got
	}
	const kind = `"banyan":"*banyan_test.lab"`
	_, plain := spawnLab(t, n)
	if got := look(plain); !strings.Contains(got, kind) || strings.Contains(got, `"process"`) {
		t.Errorf("a process like others: %s", got)
	}
	_, named := spawnLab(t, n, banyan.Name("anna"))
	if got := look(named); !strings.Contains(got, kind) || !strings.Contains(got, `"process":"anna"`) {
		t.Errorf("named at its start: %s", got)
	}
	_, later := spawnLab(t, n)
	in(t, n, later, func(self *banyan.Self) {
		if err := n.Register("bert", self.PID()); err != nil {
			t.Error(err)
		}
	})
	if got := look(later); !strings.Contains(got, `"process":"bert"`) {
		t.Errorf("has named itself: %s", got)
	}
	_, long := spawnLab(t, n)
	for range 2 {
		in(t, n, long, func(*banyan.Self) {
			for end := time.Now().Add(5 * time.Millisecond); time.Now().Before(end); {
			}
		})
	}
	if got := look(long); !strings.Contains(got, long.PID().String()) {
		t.Errorf("runs long: %s", got)
	}
}

func TestProfilerLabelsOfPlainProcesses(t *testing.T) {
	n := quietNode(t)
	for name, want := range map[banyan.Atom]string{"": `{"banyan":"process"}`, "carl": `"process":"carl"`} {
		var opts []banyan.SpawnOption
		if name != "" {
			opts = append(opts, banyan.Name(name))
		}
		entered, hold := make(chan struct{}), make(chan struct{})
		pid, err := banyan.Go(n, func(*banyan.Self) error {
			waitLabelled(entered, hold)
			return nil
		}, opts...)
		if err != nil {
			t.Fatal(err)
		}
		<-entered
		if got := labelsOf(t, "waitLabelled"); !strings.Contains(got, want) {
			t.Errorf("name %q: %s", name, got)
		}
		hold <- struct{}{}
		gone(t, n, pid)
	}
}
