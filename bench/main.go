// SPDX-License-Identifier: Apache-2.0

// Command bench measures Banyan beside Erlang/OTP and plain Go doing the same work, and prints a table: see README.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == childCommand {
		runChild(os.Args[2:])
		return
	}
	rounds := flag.Int("rounds", 5, "runs of each contender, alternating")
	only := flag.String("only", "", "run the tests whose name matches this regular expression")
	quick := flag.Bool("quick", false, "a fifth of the work, and 10 s where 30 s are asked: a smoke test, not a measurement")
	out := flag.String("out", "", "folder for raw results; default results, with -quick none")
	quiet := flag.Duration("quiet", 0, "before each run wait for so long at most until others leave the machine alone")
	list := flag.Bool("list", false, "list the tests and end")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil || flag.NArg() > 0 || *rounds < 1 {
		fmt.Fprintln(os.Stderr, "bench: bad arguments:", err, flag.Args())
		os.Exit(2)
	}
	if *list {
		for _, t := range suite() {
			fmt.Printf("%-4s %-24s %s\n", t.row, t.name, t.title)
		}
		return
	}
	if *out == "" && !*quick {
		*out = "results"
	}
	d := &driver{rounds: *rounds, quick: *quick, quiet: *quiet, out: *out, command: commandLine()}
	if !d.run(match) {
		os.Exit(1)
	}
}

// commandLine is how this run can be repeated.
func commandLine() string {
	s := "go run -C bench ."
	for _, a := range os.Args[1:] {
		s += " " + a
	}
	return s
}
