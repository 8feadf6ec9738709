// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// shapes reports whether all groups of a class have a shape.
func (p *party) shapes(c txn.Class, want string) func() bool {
	return func() bool {
		for _, g := range c.Groups() {
			if p.shape(g) != want {
				return false
			}
		}
		return true
	}
}

// stop closes the database of nodes, all at once.
func (p *party) stop(names ...string) {
	p.t.Helper()
	var wg sync.WaitGroup
	for _, name := range names {
		d := p.dbs[name]
		delete(p.dbs, name)
		wg.Go(func() {
			if err := d.Close(); err != nil {
				p.t.Error(err)
			}
		})
	}
	wg.Wait()
}

// try runs a transaction as long as it is not known to be done, or not to be, on a node that has no majority for the moment.
func (p *party) try(name string, f func(tx *Tx) error) {
	p.t.Helper()
	p.until(30*time.Second, "a transaction on "+name, func() bool {
		ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
		defer cancel()
		err := p.dbs[name].Update(ctx, f)
		if err != nil {
			p.t.Log(name, err)
		}
		if err != nil && !errors.Is(err, ErrNoQuorum) && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrConflict) {
			p.t.Fatal(err)
		}
		return err == nil
	})
}

// TestRAMNodes runs random programs on tables in memory of three nodes, and on maps. One node that starts anew loses nothing; when two do at once, what was in memory is gone, on all nodes, which is
// told, and what was on disks is there.
func TestRAMNodes(t *testing.T) {
	t.Parallel()
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters everywhere", p.settled("3+0", "3+0"))
	ctx := t.Context()
	open := func(name string) []*Table[int, int] {
		var list []*Table[int, int]
		for _, s := range []Storage{RAM, Disk} {
			tab, err := NewTable[int, int](ctx, p.dbs[name], s.String(), Stored(s), Partitioned())
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, tab)
		}
		return list
	}
	if open(p.names[0]); !p.shapes(txn.RAM, "3+0")() {
		t.Error("a new table in memory has not its three voters")
	}
	rng := rand.New(rand.NewPCG(7, 7))
	model := []map[int]int{{}, {}}
	var mu sync.Mutex
	heard := map[string]int{}
	listen := func(names ...string) {
		for _, name := range names {
			p.dbs[name].OnLost(func(l Lost) {
				mu.Lock()
				defer mu.Unlock()
				if fmt.Sprint(l.Tables) == "[ram]" && time.Since(l.At) < time.Hour {
					heard[name]++
				}
			})
		}
	}
	listen(p.names...)
	work := func(n int) {
		for range n {
			name := p.names[rng.IntN(3)]
			tabs, k, v, kill := open(name), rng.IntN(50), rng.IntN(1000), rng.IntN(4) == 0
			p.try(name, func(tx *Tx) error {
				for i, tab := range tabs {
					have, ok, err := tab.Lookup(tx, k)
					if err != nil {
						return err
					}
					if want, there := model[i][k]; ok != there || have != want {
						return fmt.Errorf("key %d of %s is %d %v, want %d %v", k, tab.Name(), have, ok, want, there)
					}
					if kill {
						err = tab.Delete(tx, k)
					} else {
						err = tab.Put(tx, k, v)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
			for i := range model {
				if model[i][k] = v; kill {
					delete(model[i], k)
				}
			}
		}
	}
	same := func(what string) {
		t.Helper()
		for _, name := range p.names {
			for i, tab := range open(name) {
				var got []string
				p.until(30*time.Second, "a view of "+tab.Name()+" on "+name, func() bool {
					got = nil
					short, cancel := context.WithTimeout(ctx, 5*time.Second)
					defer cancel()
					err := p.dbs[name].View(short, func(tx *Tx) error {
						got = nil
						for r, err := range tab.All(tx, Range[int]{}) {
							if err != nil {
								return err
							}
							got = append(got, fmt.Sprintf("%d=%d", r.Key, r.Value))
						}
						return nil
					})
					if err != nil {
						t.Log(what, name, err)
					}
					return err == nil
				})
				if w := list(model[i], 0, 50, false); fmt.Sprint(got) != fmt.Sprint(w) {
					t.Fatalf("%s: %s on %s has %v, want %v", what, tab.Name(), name, got, w)
				}
				for k := range 50 {
					p.until(10*time.Second, fmt.Sprintf("key %d of %s on %s is read", k, tab.Name(), name), func() bool {
						v, ok, err := tab.Dirty(ctx, k)
						want, there := model[i][k]
						return err == nil && ok == there && v == want
					})
				}
			}
		}
	}
	work(20)
	same("at first")
	one := p.names[rng.IntN(3)]
	p.stop(one)
	p.start(one)
	listen(one)
	work(20)
	same("after one was started anew")
	p.until(20*time.Second, "it has its replicas again", p.shapes(txn.RAM, "3+0"))
	stays := p.names[rng.IntN(3)]
	var others []string
	for _, name := range p.names {
		if name != stays {
			others = append(others, name)
		}
	}
	if len(heard) > 0 {
		t.Errorf("a loss is told, and nothing was lost: %v", heard)
	}
	p.stop(others...)
	p.start(others...)
	p.until(20*time.Second, "the loss is told on the node that stayed", func() bool { mu.Lock(); defer mu.Unlock(); return heard[stays] > 0 })
	clear(model[0])
	same("after two were started anew")
	work(20)
	p.until(20*time.Second, "the groups have three voters again", p.shapes(txn.RAM, "3+0"))
	same("in the end")
	if err := p.dbs[stays].Drop(ctx, "ram"); err != nil {
		t.Error(err)
	}
}

// TestReplicas: tables have as many copies as they ask for, as far as there are nodes, and more when nodes come; what cannot be is told.
func TestReplicas(t *testing.T) {
	t.Parallel()
	p := newParty(t, 4, Options{})
	p.opts.Expect = sims(p.names[:2])
	p.start(p.names[:2]...)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if _, err := NewTable[string, int](ctx, p.dbs[p.names[0]], "two", Replicas(2)); !errors.Is(err, ErrReplicas) {
		t.Errorf("two replicas: %v", err)
	}
	cases := []struct {
		name    string
		ram     bool
		copies  int
		options []TableOption
		shapes  [3]string // of two, three and four nodes
	}{
		{"one", false, 1, []TableOption{Replicas(1), Partitioned()}, [3]string{"1+0", "1+0", "1+0"}},
		{"five", true, 5, []TableOption{Replicas(5), Partitioned(), Stored(RAM)}, [3]string{"1+1", "3+0", "3+1"}},
		{"all", false, Everywhere, []TableOption{Replicas(Everywhere), Partitioned(), Stored(DiskRAM)}, [3]string{"1+1", "3+0", "3+1"}},
	}
	for i, name := range []string{p.names[1], p.names[2], p.names[3]} {
		if i > 0 {
			p.start(name)
		}
		d := p.dbs[name]
		for _, c := range cases {
			tab, err := NewTable[string, int](ctx, d, c.name, c.options...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := NewTable[string, int](ctx, d, c.name, append(c.options, Replicas(3))...); !errors.Is(err, ErrType) {
				t.Errorf("table %s is opened with three replicas: %v", c.name, err)
			}
			for k := range 20 {
				if err := add(ctx, d, tab, fmt.Sprint(k)); err != nil {
					t.Fatal(err)
				}
			}
			class, _ := txn.ClassFor(c.ram, c.copies)
			p.until(30*time.Second, fmt.Sprintf("table %s has %s on %d nodes", c.name, c.shapes[i], i+2), p.shapes(class, c.shapes[i]))
			if sum, err := total(ctx, d, tab); err != nil || sum != 20*(i+1) {
				t.Errorf("table %s counts %d, want %d: %v", c.name, sum, 20*(i+1), err)
			}
			for k := range 20 {
				p.until(10*time.Second, "a dirty read sees the row", func() bool { v, ok, err := tab.Dirty(ctx, fmt.Sprint(k)); return ok && v == i+1 && err == nil })
			}
		}
	}
	list, err := p.dbs[p.names[3]].Tables(ctx)
	if err != nil || len(list) != 3 || list[0].Copies != Everywhere || list[1].Copies != 5 || list[2].Copies != 1 {
		t.Errorf("%+v %v", list, err)
	}
	if err := p.dbs[p.names[0]].Leave(ctx); err != nil {
		p.dump()
		t.Fatal(err)
	}
	p.stop(p.names[0])
	for _, c := range cases {
		tab, err := NewTable[string, int](ctx, p.dbs[p.names[1]], c.name, c.options...)
		if err != nil {
			t.Fatal(err)
		}
		if sum, err := total(ctx, p.dbs[p.names[1]], tab); err != nil || sum != 60 {
			t.Errorf("after a node has left, table %s counts %d, want 60: %v", c.name, sum, err)
		}
	}
}
