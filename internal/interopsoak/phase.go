// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// phase is a few seconds of everything at once, and its check.
func (c *cluster) phase(ctx context.Context, total *counts, phase int, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, uint64(phase)))
	count := 200 + rng.IntN(400)
	rest := time.Duration(rng.IntN(20)+1) * time.Millisecond
	cuts := c.plan(rng)
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	fail := func(err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	for _, n := range c.ours {
		for _, to := range c.names() {
			if to == n.Name() {
				continue
			}
			isCut := cuts.of(n.Name(), to)
			wrng := rand.New(rand.NewPCG(seed, rng.Uint64()))
			wg.Go(func() { fail(sendAll(ctx, n, to, phase, count, rest)) })
			wg.Go(func() { callAll(ctx, total, n, to, 60, func() bool { return isCut }) })
			wg.Go(func() { fail(watchAll(ctx, total, n, to, 20, wrng)) })
		}
	}
	for _, e := range c.theirs {
		wg.Go(func() {
			got, err := e.eval(fmt.Sprintf("soak:phase(%d, [%s], %d, %d)", phase, c.quoted(), count, rest.Milliseconds()))
			if err == nil && got != "ok" {
				err = fmt.Errorf("%s: %s", e.name, got)
			}
			fail(err)
		})
	}
	wg.Go(func() { c.cut(ctx, total, cuts, rng) })
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return c.check(ctx, total, phase, count, cuts)
}

func (c *cluster) names() (out []banyan.Atom) {
	for _, n := range c.ours {
		out = append(out, n.Name())
	}
	for _, e := range c.theirs {
		out = append(out, e.name)
	}
	return out
}

// quoted lists our nodes for Erlang.
func (c *cluster) quoted() string {
	var out []string
	for _, n := range c.ours {
		out = append(out, "'"+string(n.Name())+"'")
	}
	return strings.Join(out, ", ")
}

// cuts are the links to be cut in a phase; one end is a node of ours.
type cuts []struct {
	n    *banyan.Node
	peer banyan.Atom
}

func (k cuts) of(a, b banyan.Atom) bool {
	for _, c := range k {
		if c.n.Name() == a && c.peer == b || c.n.Name() == b && c.peer == a {
			return true
		}
	}
	return false
}

// plan chooses up to three links.
func (c *cluster) plan(rng *rand.Rand) (out cuts) {
	for range rng.IntN(4) {
		n := c.ours[rng.IntN(len(c.ours))]
		peer := c.names()[rng.IntN(5)]
		if peer != n.Name() && !out.of(n.Name(), peer) {
			out = append(out, struct {
				n    *banyan.Node
				peer banyan.Atom
			}{n, peer})
		}
	}
	return out
}

// cut cuts each of them some times.
func (c *cluster) cut(ctx context.Context, total *counts, list cuts, rng *rand.Rand) {
	for range 3 {
		for _, k := range list {
			if pause(ctx, time.Duration(rng.IntN(150))*time.Millisecond) != nil {
				return
			}
			if k.n.Disconnect(k.peer) {
				total.add(func(c *counts) { c.cuts++ })
			}
		}
	}
}

// check compares what has come with what was sent, when all has had time to come.
func (c *cluster) check(ctx context.Context, total *counts, phase, count int, list cuts) error {
	senders := c.names()
	for _, to := range c.ours {
		if err := c.settled(ctx, to, phase, count, list); err != nil {
			return err
		}
		got, err := banyan.Call(to.Context(ctx), banyan.At[*sink]("sink", to.Name()), report{phase})
		if err != nil {
			return err
		}
		for _, from := range senders {
			if from != to.Name() {
				total.judge(from, to.Name(), got[string(from)], count, list.of(from, to.Name()), phase)
			}
		}
	}
	for _, e := range c.theirs {
		got, err := c.reported(ctx, e, phase, count, list)
		if err != nil {
			return err
		}
		for _, n := range c.ours {
			total.judge(n.Name(), e.name, got[n.Name()], count, list.of(n.Name(), e.name), phase)
		}
	}
	return nil
}

// judge says what one tally means.
func (c *counts) judge(from, to banyan.Atom, t tallyOut, count int, cut bool, phase int) {
	c.add(func(c *counts) {
		c.sent += count
		c.arrived += t.Count
		c.bigs += count / 251
		if cut {
			c.cutLost += count - t.Count
		}
	})
	switch {
	case t.Back > 0:
		c.violation("phase %d, %s to %s: %d messages doubled or out of order (cut: %v)", phase, from, to, t.Back, cut)
	case t.Bad > 0:
		c.violation("phase %d, %s to %s: %d messages changed", phase, from, to, t.Bad)
	case !cut && t.Count != count:
		c.violation("phase %d, %s to %s: %d of %d messages over a living link", phase, from, to, t.Count, count)
	}
}

// settled waits until what must come has come, or does not come any more.
func (c *cluster) settled(ctx context.Context, to *banyan.Node, phase, count int, list cuts) error {
	return until(ctx, func() (bool, error) {
		got, err := banyan.Call(to.Context(ctx), banyan.At[*sink]("sink", to.Name()), peek{phase})
		if err != nil {
			return false, err
		}
		return !slices.ContainsFunc(c.names(), func(from banyan.Atom) bool {
			return from != to.Name() && !list.of(from, to.Name()) && got[string(from)] < count
		}), nil
	})
}

// until asks again for some seconds.
func until(ctx context.Context, f func() (bool, error)) error {
	for range 300 {
		if ok, err := f(); ok || err != nil {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil // the check tells what is missing
}

// peek counts what has come so far.
type peek struct{ Phase int }

// Call gives the number of messages by sender.
func (m peek) Call(s *sink, _ *banyan.Self) (map[string]int, error) {
	out := map[string]int{}
	for k, t := range s.got {
		if k.phase == m.Phase {
			out[string(k.from)] = t.count
		}
	}
	return out, nil
}

// reported asks an Erlang node's sink, again until all has come.
func (c *cluster) reported(ctx context.Context, e *erlang, phase, count int, list cuts) (map[banyan.Atom]tallyOut, error) {
	var out map[banyan.Atom]tallyOut
	err := until(ctx, func() (bool, error) {
		text, err := e.eval(fmt.Sprintf("[io_lib:format(\"~s ~b ~b ~b ~b;\", R) || R <- soak:report(%d)] == [] orelse lists:flatten([io_lib:format(\"~s ~b ~b ~b ~b;\", R) || R <- soak:report(%d)])", phase, phase))
		if err != nil {
			return false, err
		}
		out = map[banyan.Atom]tallyOut{}
		for row := range strings.SplitSeq(strings.Trim(text, `"`), ";") {
			var name string
			var t tallyOut
			if _, err := fmt.Sscan(row, &name, &t.Count, &t.Last, &t.Back, &t.Bad); err == nil {
				out[banyan.Atom(name)] = t
			}
		}
		for _, n := range c.ours {
			if !list.of(n.Name(), e.name) && out[n.Name()].Count < count {
				return false, nil
			}
		}
		return true, nil
	})
	return out, err
}
