// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/check"
)

var (
	listsFor  = flag.Duration("lists", 0, "how long transactions over lists run under faults")
	listsSeed = flag.Uint64("lists.seed", 1, "of the transactions and the faults")
)

// lists are clients that append to lists and read them, and what they have seen.
type lists struct {
	*check.Recorder
	mix  *check.Mix
	stop atomic.Bool
	wg   sync.WaitGroup
}

func newLists() *lists {
	return &lists{Recorder: check.NewRecorder(), mix: &check.Mix{Keys: 12, PerKey: 60, Most: 5}}
}

// carryOut does one transaction, and records it. One that only reads is a view now and then.
func (l *lists) carryOut(ctx context.Context, d *DB, tb *Table[string, []int64], process int, ops []check.Op, view bool) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	run := d.Update
	if view && !slices.ContainsFunc(ops, func(o check.Op) bool { return o.Append != 0 }) {
		run = d.View
	}
	t := check.Txn{Process: process, Call: l.Now(), Ops: ops}
	err := run(ctx, func(tx *Tx) error {
		t.Ops = slices.Clone(ops)
		for i, o := range ops {
			list, err := tb.Get(tx, o.Key)
			if err != nil {
				return err
			}
			if o.Append == 0 {
				t.Ops[i].Read = list
			} else if err := tb.Put(tx, o.Key, append(slices.Clone(list), o.Append)); err != nil {
				return err
			}
		}
		return nil
	})
	t.Return = l.Now()
	switch {
	case errors.Is(err, ErrUnknown):
		t.Outcome = check.Unknown
	case err != nil: // surely nothing was done
		t.Outcome = check.Aborted
	}
	l.Txn(t)
	return err
}

// clients runs n clients of a node.
func (l *lists) clients(t *testing.T, n, first int, d *DB, tb *Table[string, []int64]) {
	for p := first; p < first+n; p++ {
		l.wg.Go(func() {
			rng := rand.New(rand.NewPCG(*listsSeed, uint64(p)))
			for !l.stop.Load() {
				_ = l.carryOut(t.Context(), d, tb, p, l.mix.Next(rng), rng.IntN(2) == 0) // recorded
			}
		})
	}
}

// end stops the clients, reads every list, and checks it all.
func (l *lists) end(t *testing.T, d *DB, tb *Table[string, []int64], atLeast int) {
	t.Helper()
	l.stop.Store(true)
	l.wg.Wait()
	for _, ops := range l.mix.Reads() {
		for end := time.Now().Add(20 * time.Second); ; {
			err := l.carryOut(t.Context(), d, tb, -1, ops, true)
			if err == nil {
				break
			}
			if time.Now().After(end) {
				t.Errorf("%v: %v", ops, err)
				return
			}
		}
	}
	count := map[check.Outcome]int{}
	for _, txn := range l.Txns() {
		count[txn.Outcome]++
	}
	for _, a := range check.Lists(l.Txns()) {
		t.Errorf("%v", a)
	}
	t.Logf("%d transactions committed, %d aborted, %d unknown", count[check.Committed], count[check.Aborted], count[check.Unknown])
	if count[check.Committed] < atLeast {
		t.Errorf("%d transactions were committed, want %d at least", count[check.Committed], atLeast)
	}
}

// TestLists: transactions of many clients on one process are strictly serializable.
func TestLists(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	l := newLists()
	tb := partitioned[string, []int64](t, d, "lists", Partitioned())
	l.clients(t, 20, 0, d, tb)
	<-time.After(time.Second)
	for end := time.After(time.Minute); len(l.Txns()) < 400; { // on a busy machine that takes longer
		select {
		case <-time.After(20 * time.Millisecond):
		case <-end:
			t.Fatalf("%d transactions in a minute", len(l.Txns()))
		}
	}
	l.end(t, d, tb, 100)
}

// TestListsUnderFaults: the same on three nodes, while links are cut, one-way too, reset and delayed.
func TestListsUnderFaults(t *testing.T) {
	if *listsFor == 0 {
		t.Skip("no -lists")
	}
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters everywhere", p.settled("3+0", "3+0"))
	l := newLists()
	var last *Table[string, []int64]
	for i, name := range p.names {
		last = partitioned[string, []int64](t, p.dbs[name], "lists", Partitioned())
		l.clients(t, 5, 5*i, p.dbs[name], last)
	}
	rng := rand.New(rand.NewPCG(*listsSeed, 99))
	end := time.After(*listsFor)
	next := time.NewTimer(0)
	faults := 0
	for done := false; !done; {
		select {
		case <-end:
			done = true
		case <-next.C:
			next.Reset(time.Duration(300+rng.IntN(1500)) * time.Millisecond)
			p.fault(rng)
			faults++
		}
	}
	p.heal()
	before := len(l.Txns())
	p.until(20*time.Second, "clients go on", func() bool { return len(l.Txns()) > before+100 })
	l.end(t, p.dbs[p.names[2]], last, int(*listsFor/time.Second)*20)
	t.Logf("%d faults", faults)
	if t.Failed() {
		p.dump()
	}
}

// heal repairs the network, and makes the links that are missing, as package cluster would.
func (p *party) heal() {
	p.sim.HealAll()
	for i, a := range p.names {
		for _, b := range p.names[i+1:] {
			p.sim.Delay(a, b, 0, 0)
			ctx, cancel := context.WithTimeout(p.t.Context(), time.Second)
			if err := p.sim.Node(a).Connect(ctx, banyan.Atom(b)); err != nil {
				p.t.Logf("%s does not find %s yet: %v", a, b, err)
			}
			cancel()
		}
	}
}

// fault heals what there is, and then does something else to the network.
func (p *party) fault(rng *rand.Rand) {
	p.heal()
	a := p.names[rng.IntN(len(p.names))]
	b := p.names[rng.IntN(len(p.names))]
	switch kind := rng.IntN(5); {
	case kind == 0:
		p.sim.Isolate(a)
	case a == b:
	case kind == 1:
		p.sim.Drop(a, b)
	case kind == 2:
		p.sim.Partition(a, b)
	case kind == 3:
		p.sim.Reset(a, b)
	case kind == 4:
		p.sim.Delay(a, b, 0, time.Duration(rng.IntN(100))*time.Millisecond)
	}
}
