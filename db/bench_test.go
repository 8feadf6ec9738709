// SPDX-License-Identifier: Apache-2.0

package db

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// benchUpdates makes b.N transactions, each the i-th of them, by so many clients at once.
func benchUpdates(b *testing.B, clients int, do func(d *DB, tb *Table[int, []byte], i int) error, opts ...TableOption) {
	d, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	tb, err := NewTable[int, []byte](b.Context(), d, "t", opts...)
	if err != nil {
		b.Fatal(err)
	}
	together(b, clients, func(i int) error { return do(d, tb, i) })
}

// together does b.N things by so many clients at once.
func together(b *testing.B, clients int, do func(i int) error) {
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > b.N {
					return
				}
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

// BenchmarkUpdate writes one row per transaction, durably, on a real disk. Compare runs of one machine only.
func BenchmarkUpdate(b *testing.B) {
	value := make([]byte, 128)
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			benchUpdates(b, clients, func(d *DB, tb *Table[int, []byte], i int) error {
				return d.Update(b.Context(), func(tx *Tx) error { return tb.Put(tx, i%100000, value) })
			})
		})
	}
}

// BenchmarkAcross is BenchmarkUpdate with two rows in any two groups, and in memory.
func BenchmarkAcross(b *testing.B) {
	value := make([]byte, 128)
	for _, s := range []Storage{Disk, RAM} {
		for _, rows := range []int{1, 2} {
			for _, clients := range []int{1, 16, 256} {
				b.Run(fmt.Sprintf("%v/rows=%d/clients=%d", s, rows, clients), func(b *testing.B) {
					benchUpdates(b, clients, func(d *DB, tb *Table[int, []byte], i int) error {
						return d.Update(b.Context(), func(tx *Tx) (err error) {
							for r := range rows {
								if e := tb.Put(tx, (i*7919+r*104729)%100000, value); e != nil {
									err = e
								}
							}
							return err
						})
					}, Partitioned(), Stored(s))
				})
			}
		}
	}
}

// BenchmarkDirty reads rows of a table without a transaction.
func BenchmarkDirty(b *testing.B) {
	d, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	for _, s := range []Storage{Disk, RAM, DiskRAM} {
		b.Run(s.String(), func(b *testing.B) {
			tb, err := NewTable[int, int](b.Context(), d, s.String(), Partitioned(), Stored(s))
			if err != nil {
				b.Fatal(err)
			}
			const n = 10000
			for i := 0; i < n; i += 100 {
				err := d.Update(b.Context(), func(tx *Tx) (err error) {
					for k := range 100 {
						if e := tb.Put(tx, i+k, k); e != nil {
							err = e
						}
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if _, ok, err := tb.Dirty(b.Context(), i*7919%n); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// BenchmarkUpdateThree is BenchmarkUpdate on three nodes of a simulated network, all of them on one disk, with the clients on one of them. Rows lie in all groups.
func BenchmarkUpdateThree(b *testing.B) {
	p := newParty(b, 3, Options{})
	p.opts.Expect = sims(p.names)
	dir := b.TempDir()
	p.dirs = func(name string) string { return filepath.Join(dir, name) }
	for _, n := range p.names {
		p.fs[n] = vfs.Default
		if err := os.MkdirAll(p.dirs(n), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	p.start(p.names...)
	p.until(60*time.Second, "three voters in every group", p.settled("3+0", "3+0"))
	d := p.dbs[p.names[0]]
	tb, err := NewTable[int, []byte](b.Context(), d, "t", Partitioned())
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 128)
	for _, keys := range []int{1, 2} {
		for _, clients := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("keys=%d/clients=%d", keys, clients), func(b *testing.B) {
				together(b, clients, func(i int) error {
					return d.Update(b.Context(), func(tx *Tx) (err error) {
						for k := range keys {
							if e := tb.Put(tx, (i*7919+k*2000)%4000, value); e != nil {
								err = e
							}
						}
						return err
					})
				})
			})
		}
	}
}
