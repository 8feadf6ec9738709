// SPDX-License-Identifier: Apache-2.0

// Command routersim prints the router table of docs/adr/011: how long calls take by each policy, in simulated time.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/banyan-go/banyan/route/internal/sim"
)

func main() {
	seed := flag.Uint64("seed", 1, "decides everything")
	n := flag.Int("n", 500_000, "requests per policy and scenario")
	flag.Parse()
	if err := sim.Table(os.Stdout, *seed, *n); err != nil {
		fmt.Fprintln(os.Stderr, "routersim:", err)
		os.Exit(1)
	}
}
