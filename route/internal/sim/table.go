// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"io"
	"time"

	"github.com/banyan-go/banyan/route/internal/balance"
)

// policies are the rows of the table.
var policies = []balance.Policy{balance.RoundRobin, balance.Random, balance.LeastLoaded, balance.TwoChoices, balance.Adaptive}

// Table writes p50, p99 and p999 of each policy in each scenario.
func Table(out io.Writer, seed uint64, requests int) error {
	_, err := fmt.Fprintf(out, "p50 / p99 / p999 in ms, %d requests each, seed %d\n\n| policy |", requests, seed)
	line := "\n|---|"
	for _, sc := range Scenarios {
		_, _ = fmt.Fprintf(out, " %s |", sc.Name)
		line += "---|"
	}
	_, _ = fmt.Fprintln(out, line)
	row := func(name string, run func(Scenario) Result) {
		_, _ = fmt.Fprintf(out, "| %s |", name)
		for _, sc := range Scenarios {
			r := run(sc)
			_, err = fmt.Fprintf(out, " %s / %s / %s", ms(r.P50), ms(r.P99), ms(r.P999))
			if sc.Slow > 0 {
				_, err = fmt.Fprintf(out, " (%.1f %%)", 100*r.Slow)
			}
			_, err = fmt.Fprint(out, " |")
		}
		_, err = fmt.Fprintln(out)
	}
	for _, p := range policies {
		row(p.String(), func(sc Scenario) Result { return Run(sc, p, seed, requests) })
	}
	row("oracle", func(sc Scenario) Result { return Oracle(sc, seed, requests) })
	return err
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }
