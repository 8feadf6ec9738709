// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// party is a database on several nodes of a simulated network, in real time: pebble's goroutines know no other.
type party struct {
	t     testing.TB
	sim   *banyantest.Sim
	names []string
	dbs   map[string]*DB
	fs    map[string]vfs.FS
	opts  Options
	dirs  func(name string) string // nil: all are called db
}

func newParty(t testing.TB, n int, o Options) *party {
	p := &party{t: t, dbs: map[string]*DB{}, fs: map[string]vfs.FS{}, opts: o}
	for i := range n {
		p.names = append(p.names, fmt.Sprintf("n%d@sim", i+1))
		p.fs[p.names[i]] = vfs.NewMem()
	}
	p.sim = banyantest.Cluster(t, banyantest.Nodes(p.names...))
	p.sim.Connect()
	t.Cleanup(func() {
		for _, d := range p.dbs {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return p
}

// start starts the database on nodes, all at once.
func (p *party) start(names ...string) {
	p.t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, name := range names {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
			defer cancel()
			o := p.opts
			o.Dir = "db"
			if p.dirs != nil {
				o.Dir = p.dirs(name)
			}
			d, err := start(ctx, p.sim.Node(name), p.fs[name], o)
			if err != nil {
				p.t.Errorf("%s: %v", name, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			p.dbs[name] = d
		})
	}
	wg.Wait()
	if p.t.Failed() {
		p.t.FailNow()
	}
}

// until waits for something that comes about by itself.
func (p *party) until(within time.Duration, what string, f func() bool) {
	p.t.Helper()
	end := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-end:
			p.dump()
			p.t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// dump logs what the nodes have.
func (p *party) dump() {
	for _, name := range p.names {
		if d := p.dbs[name]; d != nil {
			for _, g := range allGroups() {
				if st, ok := d.engineOf(g).host.Status(g); ok {
					p.t.Logf("%s: group %d: leading %v quiet %v replica %d lead %d term %d commit %d applied %d %s %v %v", name, g, st.Leading, st.Quiet, st.Replica, st.Lead, st.Term, st.Commit, st.Applied.Index, st.Refused, st.Conf, st.Progress)
				}
			}
			p.t.Log(name, d.member.localNodes(), d.member.homes())
		}
	}
}

// shape is "voters+learners" of a group, as its leader has it; "" if nobody leads.
func (p *party) shape(group uint64) string {
	for _, d := range p.dbs {
		if st, ok := d.engineOf(group).host.Status(group); ok && st.Leading && !st.Conf.Joint() {
			return fmt.Sprintf("%d+%d", len(st.Conf.Raft.GetVoters()), len(st.Conf.Raft.GetLearners()))
		}
	}
	return ""
}

func (p *party) settled(meta, data string) func() bool {
	return func() bool {
		for _, g := range groups() {
			want := data
			if g == txn.MetaGroup {
				want = meta
			}
			if p.shape(g) != want {
				return false
			}
		}
		return true
	}
}

func sims(names []string) (list []banyan.Atom) {
	for _, n := range names {
		list = append(list, banyan.Atom(n))
	}
	return list
}

// add counts a row up, tried again as long as that is safe.
func add(ctx context.Context, d *DB, t *Table[string, int], key string) error {
	for {
		err := d.Update(ctx, func(tx *Tx) error {
			v, err := t.Get(tx, key)
			if err != nil {
				return err
			}
			return t.Put(tx, key, v+1)
		})
		var unknown *UnknownError
		if errors.As(err, &unknown) {
			done, oerr := d.Outcome(ctx, unknown.ID)
			for errors.Is(oerr, ErrNoQuorum) && ctx.Err() == nil { // nobody can say so far; it may be done
				done, oerr = d.Outcome(ctx, unknown.ID)
			}
			if oerr != nil || done {
				return oerr
			}
			continue
		}
		if errors.Is(err, ErrNoQuorum) && ctx.Err() == nil {
			continue
		}
		return err
	}
}

// total adds up a table, as it is at one moment.
func total(ctx context.Context, d *DB, t *Table[string, int]) (sum int, err error) {
	err = d.View(ctx, func(tx *Tx) error {
		sum = 0
		for r, err := range t.All(tx, Range[string]{}) {
			if err != nil {
				return err
			}
			sum += r.Value
		}
		return nil
	})
	return sum, err
}

// TestThreeNodes: three nodes make a database together; each of them can do everything.
func TestThreeNodes(t *testing.T) {
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	begun := time.Now()
	p.start(p.names...)
	t.Logf("started in %v", time.Since(begun))
	p.until(20*time.Second, "three voters everywhere", p.settled("3+0", "3+0"))
	t.Logf("three voters after %v", time.Since(begun))
	ctx := t.Context()
	var wg sync.WaitGroup
	for _, name := range p.names {
		wg.Go(func() {
			d := p.dbs[name]
			tab, err := NewTable[string, int](ctx, d, "counts", Partitioned())
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			for i := range 50 {
				if err := add(ctx, d, tab, fmt.Sprint(i%10)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	wg.Wait()
	for _, name := range p.names {
		d := p.dbs[name]
		tab, err := NewTable[string, int](ctx, d, "counts", Partitioned())
		if err != nil {
			t.Fatal(err)
		}
		if sum, err := total(ctx, d, tab); err != nil || sum != 150 {
			t.Errorf("%s counts %d, want 150: %v", name, sum, err)
		}
	}
}

// TestCloseBusy closes a database while others use it: they are told so, and nothing looks into a closed store.
func TestCloseBusy(t *testing.T) {
	d, err := open(vfs.NewMem(), "db")
	if err != nil {
		t.Fatal(err)
	}
	tab, err := NewTable[string, int](t.Context(), d, "counts", Partitioned())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	begun := make(chan struct{}, 8)
	for i := range 8 {
		wg.Go(func() {
			for {
				err := d.View(t.Context(), func(tx *Tx) error {
					for _, err := range tab.All(tx, Range[string]{}) {
						if err != nil {
							return err
						}
					}
					return tx.usable()
				})
				if err == nil {
					err = add(t.Context(), d, tab, fmt.Sprint(i))
				}
				if err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Errorf("closed under a transaction: %v", err)
					}
					return
				}
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 8 {
		<-begun
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
