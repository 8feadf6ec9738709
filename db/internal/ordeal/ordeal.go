// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/banyan-go/banyan/db/internal/check"
)

// nodesN is how many nodes there are.
const nodesN = 5

// ordeal is the long form: faults, one last partition, a look at whether all replicas are the same, and then the judgement.
func ordeal(ctx context.Context, long time.Duration, seed uint64, megabytes int, keep bool, out io.Writer) (err error) {
	f, err := newFleet(nodesN, nodesN, megabytes, seed, false, out)
	if err != nil {
		return err
	}
	defer func() {
		f.close(keep || err != nil)
		if err != nil || keep {
			f.say("histories and logs are in %s", f.root)
		}
	}()
	f.load = true
	seats := f.seats[1:]
	for _, s := range seats {
		s.start()
	}
	if err := f.until(ctx, time.Minute, "five nodes serve, and are voters", func() bool {
		list, err := f.statuses(seats)
		return f.allReady(seats)() && err == nil && settled(list, nodesN)
	}); err != nil {
		return err
	}
	f.say("five nodes serve; the seed is %d", seed)
	n := newNemesis(f)
	v := &verdict{began: now()}
	watched, done := context.WithCancel(ctx)
	defer done()
	var looking sync.WaitGroup
	looking.Go(func() { v.without = f.watchMajority(watched) })
	fight, end := context.WithTimeout(ctx, long)
	n.run(fight)
	end()
	if err := f.until(ctx, 2*time.Minute, "all nodes serve again", f.allReady(seats)); err != nil {
		return err
	}
	v.healed, v.even, v.rows, err = f.finale(ctx, n, rand.New(rand.NewPCG(seed, 3)))
	done()
	looking.Wait()
	v.ended = now()
	if err != nil {
		return err
	}
	if v.events, err = readHistory(filepath.Join(f.root, "history")); err != nil {
		return err
	}
	v.cuts, v.faults, v.crashes = n.cuts, n.faults, f.crashes
	for _, s := range seats {
		v.left += s.left
	}
	return v.judge(out)
}

// finale cuts a minority off once more, and heals that; then all replicas must soon be the same, without anybody's help. Then everything that was ever written is read.
func (f *fleet) finale(ctx context.Context, n *nemesis, rng *rand.Rand) (healed, even int64, rows int, err error) {
	few, many := n.parts(rng)
	n.begin("partition", "the last one: %v from %v", few, many)
	n.apart(ctx, few, many, 6*time.Second)
	healed = now()
	if _, err := f.all("halt", 20*time.Second); err != nil {
		return healed, 0, 0, err
	}
	if err := f.until(ctx, time.Minute, "all replicas have carried out the same", func() bool {
		list, err := f.statuses(f.seats[1:])
		return err == nil && level(list)
	}); err != nil {
		return healed, 0, 0, err
	}
	even = now()
	answers, err := f.all("even", 150*time.Second)
	if err != nil {
		return healed, 0, 0, err
	}
	for _, a := range answers {
		if _, err := fmt.Sscan(a, &rows); err != nil {
			return healed, 0, 0, fmt.Errorf("the replicas are not the same: %s", a)
		}
	}
	keys, err := f.writtenKeys()
	if err != nil {
		return healed, even, rows, err
	}
	answer, err := f.seats[1+rng.IntN(len(f.seats)-1)].ask("last "+keys, 6*time.Minute)
	if err == nil && answer != "ok" {
		err = errors.New(answer)
	}
	return healed, even, rows, err
}

// all asks all nodes the same.
func (f *fleet) all(what string, within time.Duration) ([]string, error) {
	answers, errs := make([]string, len(f.seats)-1), make([]error, len(f.seats)-1)
	var wg sync.WaitGroup
	for i, s := range f.seats[1:] {
		wg.Go(func() {
			if answers[i], errs[i] = s.ask(what, within); errs[i] != nil {
				errs[i] = fmt.Errorf("n%d: %w", s.n, errs[i])
			}
		})
	}
	wg.Wait()
	return answers, errors.Join(errs...)
}

// writtenKeys makes a file with all keys that anybody may have written to.
func (f *fleet) writtenKeys() (file string, err error) {
	events, err := readHistory(filepath.Join(f.root, "history"))
	if err != nil {
		return "", err
	}
	lists, registers := map[string]bool{}, map[string]bool{}
	for _, e := range events {
		if e.Kind == register && e.Write {
			registers[e.Key] = true
		}
		for _, o := range e.Ops {
			if o.Append != 0 {
				lists[o.Key] = true
			}
		}
	}
	keys := lastKeys{}
	for k := range lists {
		keys.Lists = append(keys.Lists, k)
	}
	for k := range registers {
		keys.Registers = append(keys.Registers, k)
	}
	slices.Sort(keys.Lists)
	slices.Sort(keys.Registers)
	b, err := json.Marshal(keys)
	if err != nil {
		return "", err
	}
	file = filepath.Join(f.root, "keys.json")
	return file, os.WriteFile(file, b, 0o600)
}

// verdict is what there is to judge by, and how it is judged.
type verdict struct {
	began, ended int64
	healed, even int64
	rows         int
	events       []event
	without      []int64 // moments without a connected majority
	cuts         []cut
	faults       map[string]int
	crashes      []string
	left         int

	out  io.Writer
	bad  []string
	seen map[string]int
}

func (v *verdict) say(format string, args ...any) { fmt.Fprintf(v.out, format+"\n", args...) }

// wrong notes an anomaly; of one kind some are shown.
func (v *verdict) wrong(kind, format string, args ...any) {
	if v.seen[kind]++; v.seen[kind] <= 5 {
		text := kind + ": " + fmt.Sprintf(format, args...)
		v.bad = append(v.bad, text)
		v.say("WRONG  %s", text)
	}
}

// judge says what was done, and what of it cannot be explained.
func (v *verdict) judge(out io.Writer) error {
	v.out, v.seen = out, map[string]int{}
	kinds := make([]string, 0, len(v.faults))
	total := 0
	for k, n := range v.faults {
		kinds = append(kinds, fmt.Sprintf("%s %d", k, n))
		total += n
	}
	slices.Sort(kinds)
	v.say("%d faults in %.0f s: %s; %d nodes have left and joined again", total, float64(v.ended-v.began)/1e9, strings.Join(kinds, ", "), v.left)
	v.outcomes()
	v.bank()
	v.histories()
	v.dirtyReads()
	v.refusals()
	if v.healed != 0 {
		took := time.Duration(v.even - v.healed)
		v.say("heal: all replicas had carried out the same %v after the last partition ended; %d rows compared", took.Round(time.Millisecond), v.rows)
		if took > 10*time.Second {
			v.wrong("heal", "it took %v", took)
		}
	}
	for _, c := range v.crashes {
		v.wrong("crash", "%s", c)
	}
	for kind, n := range v.seen {
		v.say("%d times: %s", n, kind)
	}
	if len(v.bad) > 0 {
		return fmt.Errorf("%d anomalies", len(v.bad))
	}
	v.say("no anomaly")
	return nil
}

// outcomes counts how everything ended.
func (v *verdict) outcomes() {
	for _, kind := range []string{transfer, audit, list, register, stamp, dirty} {
		n, why := [3]int{}, map[string]int{}
		for i := range v.events {
			e := &v.events[i]
			if e.Kind != kind {
				continue
			}
			n[e.Outcome]++
			switch {
			case strings.HasPrefix(e.Why, "other"):
				v.wrong("error", "of %s: %s", kind, e.Why)
			case e.Why != "":
				why[e.Why]++
			case e.Outcome == check.Unknown:
				why["killed"]++
			}
		}
		var reasons []string
		for k, n := range why {
			reasons = append(reasons, fmt.Sprintf("%s %d", k, n))
		}
		slices.Sort(reasons)
		v.say("%-9s %7d committed, %6d aborted, %5d unknown  (%s)", kind, n[check.Committed], n[check.Aborted], n[check.Unknown], strings.Join(reasons, ", "))
	}
}
