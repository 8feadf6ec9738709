// SPDX-License-Identifier: Apache-2.0

package db

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
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
				if err := do(d, tb, i); err != nil {
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
