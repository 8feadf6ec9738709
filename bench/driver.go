// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// driver runs tests and writes what came out.
type driver struct {
	rounds  int
	quick   bool
	quiet   time.Duration
	out     string // "": nowhere
	command string

	w       *world
	noOTP   string // why Erlang does not take part
	header  string
	results []*result
}

// result is all that came out of one test.
type result struct {
	t      *test
	values [contenders]map[string]series
	missed [contenders]string // why a contender has no values
	failed bool
	raw    strings.Builder
}

// run runs the matching tests; false if a run failed.
func (d *driver) run(match *regexp.Regexp) bool {
	var err error
	if d.w, d.noOTP, err = newWorld(d.quick); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return false
	}
	defer d.w.close()
	d.header = machine(d.command)
	fmt.Print(d.header, "load: ", load(), "\n\n")
	ok := true
	for _, t := range suite() {
		if !match.MatchString(t.name) {
			continue
		}
		r := d.test(t)
		d.results = append(d.results, r)
		ok = ok && !r.failed
		if err := d.save(t.name+".txt", r.raw.String()+"\n"+table([]*result{r})); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			ok = false
		}
	}
	fmt.Printf("\n%s\nload: %s\n", table(d.results), load())
	if d.out != "" {
		if err := d.save("table.txt", wholeTable(d.out)); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			ok = false
		}
	}
	return ok
}

// test lets the contenders do one test in turns. Each round begins with another one.
func (d *driver) test(t *test) *result {
	fmt.Fprintf(os.Stderr, "%s ...\n", t.name)
	r := &result{t: t}
	for c := range contenders {
		r.values[c] = map[string]series{}
		switch {
		case !t.has(c):
			r.missed[c] = t.missing[c]
		case c == erlang && d.noOTP != "":
			r.missed[c] = d.noOTP
		}
	}
	for round := range d.rounds {
		for i := range contenders {
			c := (contender(round) + i) % contenders
			if !t.has(c) || r.missed[c] != "" {
				continue
			}
			awaitQuiet(d.quiet)
			busy, all := processors()
			figures, raw, err := d.w.run(t, c)
			fmt.Fprintf(&r.raw, "== round %d, %s (load %s, others used %.0f %% of the machine)\n", round+1, c, load(),
				100*share(busy, all, figures["cpu"]+figures["peer_cpu"]))
			fmt.Fprintln(&r.raw, strings.Join(raw, "\n"))
			if err != nil {
				fmt.Fprintln(&r.raw, "FAILED:", err)
				fmt.Fprintf(os.Stderr, "bench: %s, %s: %v\n", t.name, c, err)
				r.missed[c] = "it FAILED, see " + t.name + ".txt"
				r.failed = true
				continue
			}
			for k, v := range figures {
				r.values[c][k] = append(r.values[c][k], v)
			}
		}
	}
	return r
}

// save writes a raw result below the description of the machine.
func (d *driver) save(name, text string) error {
	if d.out == "" {
		return nil
	}
	if err := os.MkdirAll(d.out, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.out, name), []byte(d.header+"\n"+text), 0o644)
}
