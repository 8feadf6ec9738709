// SPDX-License-Identifier: Apache-2.0

// Command realsim is the router table on real nodes: the scenarios of the simulation next to it (package route/internal/sim), with
// workers and callers on different nodes of this process that are linked over loopback TCP. Times are multiples of the mean service
// time, so that both can be compared. It takes some minutes; each scenario can be run alone.
//
//	go run ./route/internal/realsim -scenario 1
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/banyan-go/banyan/route"
	"github.com/banyan-go/banyan/route/internal/balance"
	"github.com/banyan-go/banyan/route/internal/sim"
)

var policies = []route.Policy{route.RoundRobin, route.Random, route.LeastLoaded, route.TwoChoices, route.Adaptive}

func main() {
	mean := flag.Duration("mean", 2*time.Millisecond, "mean service time")
	n := flag.Int("n", 60_000, "requests per policy and scenario")
	which := flag.Int("scenario", 0, "1 to 4; 5 is adaptive with and without a slow worker; 0 is all")
	only := flag.String("policy", "", "only the policies whose name has this in it")
	seed := flag.Uint64("seed", 1, "decides arrivals and service times")
	flag.Parse()
	if err := table(*mean, *n, *which, *only, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "realsim:", err)
		os.Exit(1)
	}
}

func table(mean time.Duration, n, which int, only string, seed uint64) error {
	fmt.Printf("%s, %s, %d processors, mean service %v, %d requests each, seed %d, load before: %s\n\n",
		time.Now().UTC().Format(time.DateTime), runtime.Version(), runtime.GOMAXPROCS(0), mean, n, seed, load())
	for i, sc := range sim.Scenarios {
		if which != 0 && which != i+1 {
			continue
		}
		fmt.Printf("| %s: p50 / p99 / p999 | simulated | real | the slow ones' share |\n|---|---|---|---|\n", sc.Name)
		for _, p := range policies {
			if !strings.Contains(p.String(), only) {
				continue
			}
			s := sim.Run(sc, balance.Policy(p), seed, n)
			if err := row(p.String(), sc, &p, s, mean, seed, n); err != nil {
				return err
			}
		}
		if strings.Contains("oracle", only) {
			if err := row("oracle", sc, nil, sim.Oracle(sc, seed, n), mean, seed, n); err != nil {
				return err
			}
		}
		fmt.Println()
	}
	if which == 0 || which == 5 {
		return oneSlow(mean, n, seed)
	}
	return nil
}

func row(name string, sc sim.Scenario, p *route.Policy, s sim.Result, mean time.Duration, seed uint64, n int) error {
	r, err := measure(sc, p, mean, seed, n)
	if err == nil && r.sent != r.answered+r.failed+r.unfinished {
		err = fmt.Errorf("%d sent, %d answered, %d failed, %d unfinished", r.sent, r.answered, r.failed, r.unfinished)
	}
	if err != nil {
		return fmt.Errorf("%s, %s: %w", sc.Name, name, err)
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	fmt.Printf("| %s | %.1f / %.1f / %.1f | %v | %.1f %% / %.1f %% |\n", name, ms(s.P50), ms(s.P99), ms(s.P999), r, 100*s.Slow, 100*r.slow)
	return nil
}

// oneSlow compares the same load with and without a slow worker.
func oneSlow(mean time.Duration, n int, seed uint64) error {
	slow := sim.Scenario{Workers: 16, Callers: 20, Rate: 0.7 * 16, Slow: 1, Factor: 10}
	equal := sim.Scenario{Workers: 16, Callers: 20, Rate: 0.7 * 16}
	adaptive := route.Adaptive
	fmt.Printf("| adaptive, 70 %% of 16 workers: p50 / p99 / p999 | one of them 10x slow | none slow | p99 | share of the slow one |\n|---|---|---|---|---|\n")
	for i := range uint64(3) {
		a, err := measure(slow, &adaptive, mean, seed+i, n)
		if err != nil {
			return err
		}
		b, err := measure(equal, &adaptive, mean, seed+i, n)
		if err != nil {
			return err
		}
		fmt.Printf("| seed %d | %v | %v | %.2f times | %.2f %% |\n", seed+i, a, b, a.p99/b.p99, 100*a.slow)
	}
	return nil
}

// load is how busy the machine is, where that can be read.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	return strings.TrimSpace(string(b))
}
