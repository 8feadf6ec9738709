// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// writer counts rows up until it is stopped, on whichever database it is given, and knows what must be there.
type writer struct {
	wg   sync.WaitGroup
	stop atomic.Bool
	done atomic.Int64
	gap  atomic.Int64 // the longest time between two commits
}

func (w *writer) run(t *testing.T, d *DB) {
	tab, err := NewTable[string, int](t.Context(), d, "counts", Partitioned())
	if err != nil {
		t.Error(err)
		return
	}
	w.wg.Go(func() {
		last := time.Now()
		for i := 0; !w.stop.Load(); i++ {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			err := add(ctx, d, tab, fmt.Sprint(i%20))
			cancel()
			if err != nil {
				t.Errorf("write %d: %v", i, err)
				return
			}
			w.done.Add(1)
			if g := int64(time.Since(last)); g > w.gap.Load() {
				w.gap.Store(g)
			}
			last = time.Now()
		}
	})
}

// end stops it and compares with what a database has.
func (w *writer) end(t *testing.T, d *DB) {
	t.Helper()
	w.stop.Store(true)
	w.wg.Wait()
	w.compare(t, d)
	t.Logf("%d writes, the longest gap %v", w.done.Load(), time.Duration(w.gap.Load()))
}

func (w *writer) compare(t *testing.T, d *DB) {
	t.Helper()
	tab, err := NewTable[string, int](t.Context(), d, "counts", Partitioned())
	if err != nil {
		t.Fatal(err)
	}
	sum, err := total(t.Context(), d, tab)
	if err != nil || int64(sum) != w.done.Load() {
		t.Errorf("the rows count %d, %d writes are done: %v", sum, w.done.Load(), err)
	}
}

// TestGrow: a database of one process, opened without a node, grows to five nodes and shrinks to two while it serves; the node that had it at
// first is among those that leave.
func TestGrow(t *testing.T) {
	p := newParty(t, 5, Options{})
	alone, err := open(p.fs[p.names[0]], "db")
	if err != nil {
		t.Fatal(err)
	}
	var w writer
	w.run(t, alone)
	p.until(5*time.Second, "a few writes", func() bool { return w.done.Load() > 20 })
	w.end(t, alone)
	if err := alone.Close(); err != nil {
		t.Fatal(err)
	}
	w.stop.Store(false)
	for i, want := range [][2]string{{"1+0", "1+0"}, {"1+1", "1+1"}, {"3+0", "3+0"}, {"3+1", "3+0"}, {"5+0", "3+0"}} {
		p.start(p.names[i])
		if i < 2 {
			w.run(t, p.dbs[p.names[i]])
		}
		p.until(30*time.Second, fmt.Sprintf("%d nodes: %v", i+1, want), p.settled(want[0], want[1]))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i, want := range [][2]string{{"3+1", "3+0"}, {"3+0", "3+0"}, {"1+1", "1+1"}} {
		if err := p.dbs[p.names[i]].Leave(ctx); err != nil {
			p.dump()
			t.Fatalf("%s does not leave: %v", p.names[i], err)
		}
		p.until(30*time.Second, fmt.Sprintf("%d nodes: %v", 4-i, want), p.settled(want[0], want[1]))
	}
	w.end(t, p.dbs[p.names[4]])
	var left []uint64
	for _, name := range p.names[:3] {
		left = append(left, p.dbs[name].log.ID())
		if err := p.dbs[name].Close(); err != nil {
			t.Error(err)
		}
		delete(p.dbs, name)
	}
	w.compare(t, p.dbs[p.names[3]])
	p.until(30*time.Second, "the sessions of the nodes that have left are ended", func() bool {
		d := p.dbs[p.names[4]]
		for _, g := range groups() {
			list, err := txn.Sessions(d.state.Reader(), g)
			if err != nil || slices.ContainsFunc(list, func(s txn.Session) bool { return slices.Contains(left, storeOf(s)) }) {
				return false
			}
		}
		return true
	})
	o := Options{Dir: "db"}
	if _, err := start(ctx, p.sim.Node(p.names[0]), p.fs[p.names[0]], o); !errors.Is(err, ErrLeft) {
		t.Errorf("a node that has left starts with its old folder: %v", err)
	}
}

// TestMinority: a node that is cut off refuses within two seconds, and comes back by itself; the others go on; after all stopped, all is there.
func TestMinority(t *testing.T) {
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters everywhere", p.settled("3+0", "3+0"))
	cut, others := p.names[0], p.names[1:]
	var w writer
	w.run(t, p.dbs[others[0]])
	tab, err := NewTable[string, int](t.Context(), p.dbs[cut], "alone")
	if err != nil {
		t.Fatal(err)
	}
	p.sim.Isolate(cut)
	for i := range 4 {
		begun := time.Now()
		err := p.dbs[cut].Update(t.Context(), func(tx *Tx) error { return tab.Put(tx, "x", i) })
		if took := time.Since(begun); took > 2*time.Second || !errors.Is(err, ErrNoQuorum) && !errors.Is(err, ErrUnknown) || i > 0 && !errors.Is(err, ErrNoQuorum) {
			t.Errorf("a write on the side of the minority ends after %v with %v", took, err)
		}
	}
	begun := time.Now()
	if err := p.dbs[cut].View(t.Context(), func(tx *Tx) error { _, err := tab.Get(tx, "x"); return err }); !errors.Is(err, ErrNoQuorum) || time.Since(begun) > 2*time.Second {
		t.Errorf("a strict read on the side of the minority ends after %v with %v", time.Since(begun), err)
	}
	before := w.done.Load()
	p.until(10*time.Second, "writes go on", func() bool { return w.done.Load() > before+20 })
	p.sim.HealAll()
	begun = time.Now()
	p.until(10*time.Second, "the node that was cut off serves again", func() bool {
		return p.dbs[cut].Update(t.Context(), func(tx *Tx) error { return tab.Put(tx, "x", 9) }) == nil
	})
	t.Logf("healed after %v", time.Since(begun))
	w.end(t, p.dbs[cut])
	for name, d := range p.dbs {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		delete(p.dbs, name)
	}
	p.opts.Expect = nil
	p.start(p.names...)
	w.compare(t, p.dbs[others[1]])
}

// TestWhoCreates: nobody creates a database before all that are expected are there; one that is not expected waits for it; a node with another database is
// told so.
func TestWhoCreates(t *testing.T) {
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names[:2])
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	o := p.opts
	o.Dir = "db"
	if _, err := start(short, p.sim.Node(p.names[0]), p.fs[p.names[0]], o); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the first of two starts alone: %v", err)
	}
	o.Expect = nil
	short, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := start(short, p.sim.Node(p.names[2]), p.fs[p.names[2]], o); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("one that is not expected starts alone: %v", err)
	}
	p.start(p.names[:2]...)
	if a, b := p.dbs[p.names[0]].cluster(), p.dbs[p.names[1]].cluster(); a != b {
		t.Errorf("two databases: %x and %x", a, b)
	}
	other, err := open(p.fs[p.names[2]], "db")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t.Context(), p.sim.Node(p.names[2]), p.fs[p.names[2]], o); !errors.Is(err, ErrOtherDatabase) {
		t.Errorf("a node with another database starts: %v", err)
	}
}
