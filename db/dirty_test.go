// SPDX-License-Identifier: Apache-2.0

package db

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// TestDirtyWithoutReplica: of four nodes each lacks some groups; what it has no replica of it reads elsewhere, also from a table that is kept in memory.
func TestDirtyWithoutReplica(t *testing.T) {
	p := newParty(t, 4, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters everywhere", p.settled("3+1", "3+0"))
	for _, storage := range []Storage{Disk, DiskRAM} {
		for _, name := range p.names { // so that copies are made before the rows are there
			partitioned[int, int](t, p.dbs[name], storage.String(), Partitioned(), Stored(storage))
		}
		tb := partitioned[int, int](t, p.dbs[p.names[0]], storage.String(), Partitioned(), Stored(storage))
		if err := p.dbs[p.names[0]].Update(t.Context(), func(tx *Tx) error {
			for i := range 64 {
				if err := tb.Put(tx, i, i+1); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, name := range p.names {
			tb := partitioned[int, int](t, p.dbs[name], storage.String(), Partitioned(), Stored(storage))
			for i := range 64 {
				p.until(20*time.Second, "the row is read", func() bool {
					v, ok, err := tb.Dirty(t.Context(), i)
					if err != nil {
						t.Fatalf("%s: row %d: %v", name, i, err)
					}
					return ok && v == i+1
				})
			}
		}
	}
}

// TestMaxLagOfLateNews: a node hears the others as often as ever, but late. What it reads within a bound is no older than that all the same.
func TestMaxLagOfLateNews(t *testing.T) {
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters everywhere", p.settled("3+0", "3+0"))
	const bound = 250 * time.Millisecond
	writer, reader := p.dbs[p.names[0]], p.dbs[p.names[2]]
	from := partitioned[string, int64](t, writer, "stamps")
	at := partitioned[string, int64](t, reader, "stamps")
	for _, name := range p.names[:2] {
		p.sim.Delay(name, p.names[2], 550*time.Millisecond, 550*time.Millisecond)
	}
	began := time.Now()
	var acked []time.Duration // of each value, which count from 0, when it was committed at the latest
	for read := 1; read <= 3; read++ {
		for time.Since(began) < time.Duration(read)*time.Second {
			i := int64(len(acked))
			if err := writer.Update(t.Context(), func(tx *Tx) error { return from.Put(tx, "x", i) }); err != nil {
				t.Fatal(err)
			}
			acked = append(acked, time.Since(began))
		}
		called := time.Since(began)
		v, ok, err := at.Dirty(t.Context(), "x", MaxLag(bound))
		if errors.Is(err, ErrNoQuorum) || errors.Is(err, ErrConflict) {
			continue // it says so
		}
		if err != nil {
			t.Fatal(err)
		}
		missed := int64(0)
		if ok {
			missed = v + 1
		}
		if missed < int64(len(acked)) && called-acked[missed] > bound+50*time.Millisecond {
			t.Fatalf("value %d is read %v after the next one was committed", v, called-acked[missed])
		}
	}
}

// TestDirtyWhileReplaced: a row that is there is found, also while the copy of its group is being filled anew.
func TestDirtyWhileReplaced(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := partitioned[int, int](t, d, "t", Partitioned(), Stored(DiskRAM))
	const rows = 64
	update(t, d, func(tx *Tx) (err error) {
		for k := range rows {
			err = errors.Join(err, tb.Put(tx, k, k+1))
		}
		return err
	})
	for k := range rows { // what lies in other groups than the transaction's record comes a little later
		for _, ok, err := tb.Dirty(t.Context(), k); !ok; _, ok, err = tb.Dirty(t.Context(), k) {
			if err != nil {
				t.Fatal(err)
			}
			runtime.Gosched()
		}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for k := 0; ; k = (k + 1) % rows {
				select {
				case <-stop:
					return
				default:
				}
				if v, ok, err := tb.Dirty(t.Context(), k); v != k+1 || !ok || err != nil {
					t.Errorf("row %d: %d %v %v", k, v, ok, err)
					return
				}
			}
		})
	}
	for range 200 {
		for _, g := range txn.Disk.Groups() {
			d.engine.copies.Replaced(g)
		}
	}
	close(stop)
	wg.Wait()
}
