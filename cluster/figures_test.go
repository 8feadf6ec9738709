// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan/cluster"
)

// What docs/clustering.md has is measured by
//
//	go test ./cluster -run Figures -figures -timeout 30m -v
//
// and single tables by -run Figures/detection, and so on. The real nodes run in a network namespace of their own, so it needs root.
var figures = flag.Bool("figures", false, "measure what docs/clustering.md has")

func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("measures for minutes: -figures")
	}
	for _, n := range []int{3, 5, 20} {
		t.Run(fmt.Sprintf("detection/real/%d", n), func(t *testing.T) { realDetection(t, n, 5) })
	}
	t.Run("detection/virtual/100", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { virtualDetection(t, 100) })
	})
	for _, split := range []time.Duration{5 * time.Second, time.Minute, 10 * time.Minute} {
		t.Run(fmt.Sprintf("heal/%v", split), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { virtualHeal(t, 20, split) })
		})
	}
	for _, n := range []int{50, 200} {
		t.Run(fmt.Sprintf("storm/%d", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { virtualStorm(t, n) })
		})
	}
	for _, n := range []int{5, 100} {
		t.Run(fmt.Sprintf("idle/%d", n), func(t *testing.T) { realIdle(t, n, 20*time.Second) })
	}
}

// realCluster is n processes in one namespace.
func realCluster(t *testing.T, s *namespaces, n int) (ps []*process, names []string) {
	dir := t.TempDir()
	for i := range n {
		names = append(names, fmt.Sprintf("n%d@127.0.0.1", i+1))
		ps = append(ps, startProcess(t, names[i], 4369, dir, "ip", "netns", "exec", s.ns(1)))
	}
	for _, p := range ps {
		for _, name := range names {
			p.when(t, name, "reachable")
		}
	}
	return ps, names
}

func realDetection(t *testing.T, n, runs int) {
	var killed, given, stopped, silent spread
	s := newNamespaces(t, 1)
	for range runs {
		ps, names := realCluster(t, s, n)
		victim, others := ps[n-1], ps[:n-1]
		watch := func(do func(), reach string) (all spread) {
			for _, p := range others {
				p.tell(t, "await "+names[n-1]+" "+reach)
			}
			start := time.Now()
			do()
			for _, p := range others {
				all = append(all, p.whenTold(t).Sub(start))
			}
			return all
		}
		stopped = append(stopped, watch(func() { victim.Process.Signal(syscall.SIGSTOP) }, "suspect")...)
		start := time.Now()
		for _, p := range others {
			p.tell(t, "await "+names[n-1]+" unreachable")
		}
		first := stopped[len(stopped)-1]
		for _, p := range others {
			silent = append(silent, p.whenTold(t).Sub(start)+first)
		}
		victim.Process.Signal(syscall.SIGCONT)
		for _, p := range others {
			p.when(t, names[n-1], "reachable")
		}
		killed = append(killed, watch(func() { victim.Process.Kill() }, "suspect")...)
		start = time.Now()
		for _, p := range others {
			p.tell(t, "await "+names[n-1]+" unreachable")
		}
		for _, p := range others {
			given = append(given, p.whenTold(t).Sub(start))
		}
		for _, p := range ps {
			p.in.Close()
			p.Process.Kill()
			p.Wait()
		}
	}
	fmt.Printf("| %d real | kill -9, Suspect | %v |\n", n, killed)
	fmt.Printf("| %d real | kill -9, Unreachable | %v |\n", n, given)
	fmt.Printf("| %d real | SIGSTOP, Suspect | %v |\n", n, stopped)
	fmt.Printf("| %d real | SIGSTOP, Unreachable | %v |\n", n, silent)
}

func virtualDetection(t *testing.T, n int) {
	w := quietWorld(t, n)
	w.together()
	<-time.After(10 * time.Second)
	victim, others := w.names[n-1], w.names[:n-1]
	w.sim.Kill(victim)
	fmt.Printf("| %d virtual | kill, Suspect | %v |\n", n, w.each(others, is(victim, cluster.Up, cluster.Suspect)))
	start := time.Now()
	w.each(others, is(victim, cluster.Up, cluster.Unreachable))
	fmt.Printf("| %d virtual | kill, Unreachable | the last after %.3g s |\n", n, time.Since(start).Seconds())
	<-time.After(10 * time.Second)
	victim, others = w.names[n-2], w.names[:n-2]
	w.sim.Isolate(victim)
	start = time.Now()
	fmt.Printf("| %d virtual | silence, Suspect | %v |\n", n, w.each(others, is(victim, cluster.Up, cluster.Suspect)))
	w.each(others, is(victim, cluster.Up, cluster.Unreachable))
	fmt.Printf("| %d virtual | silence, Unreachable | the last after %.3g s |\n", n, time.Since(start).Seconds())
}

func virtualHeal(t *testing.T, n int, split time.Duration) {
	w := quietWorld(t, n)
	w.together()
	<-time.After(10 * time.Second)
	for _, a := range w.names[:n/2] {
		for _, b := range w.names[n/2:] {
			w.sim.Partition(a, b)
		}
	}
	<-time.After(split)
	w.sim.HealAll()
	fmt.Printf("| %d virtual, half and half | %v | %v |\n", n, split, w.each(w.names, usable(w.names...)))
}

func virtualStorm(t *testing.T, n int) {
	w := quietWorld(t, n)
	fmt.Printf("| %d virtual | all at once, three seeds | %v |\n", n, w.together())
}

// realIdle measures n idle members for a while: CPU by the kernel's account, and what passes over the loopback, headers included.
func realIdle(t *testing.T, n int, d time.Duration) {
	s := newNamespaces(t, 1)
	ps, _ := realCluster(t, s, n)
	<-time.After(10 * time.Second)
	before, bytes, packets := cpuOf(t, ps), s.loopback("tx_bytes"), s.loopback("tx_packets")
	start := time.Now()
	<-time.After(d)
	took := time.Since(start).Seconds()
	cpu := cpuOf(t, ps) - before
	fmt.Printf("| %d real | idle | CPU %.2f %% of a core, %.0f bytes/s with all headers, in %.0f packets/s; resident %d MB (each node) |\n", n,
		100*cpu.Seconds()/took/float64(n), float64(s.loopback("tx_bytes")-bytes)/took/float64(n), float64(s.loopback("tx_packets")-packets)/took/float64(n),
		residentOf(t, ps)>>20/int64(n))
}

// cpuOf is how much CPU time processes have used.
func cpuOf(t *testing.T, ps []*process) (sum time.Duration) {
	for _, p := range ps {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		f := strings.Fields(rest)
		for _, ticks := range f[11:13] {
			n, err := strconv.Atoi(ticks)
			if err != nil {
				t.Fatal(err)
			}
			sum += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return sum
}

func residentOf(t *testing.T, ps []*process) (sum int64) {
	for _, p := range ps {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n * int64(os.Getpagesize())
	}
	return sum
}

func (s *namespaces) loopback(what string) int64 {
	out, err := exec.Command("ip", "netns", "exec", s.ns(1), "cat", "/sys/class/net/lo/statistics/"+what).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
