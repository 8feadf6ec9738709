// SPDX-License-Identifier: Apache-2.0

package db

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkUpdate writes one row per transaction, durably, on a real disk. Compare runs of one machine only.
func BenchmarkUpdate(b *testing.B) {
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			d, err := Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			tb, err := NewTable[int, []byte](b.Context(), d, "t")
			if err != nil {
				b.Fatal(err)
			}
			value := make([]byte, 128)
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
						if err := d.Update(b.Context(), func(tx *Tx) error { return tb.Put(tx, i%100000, value) }); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
		})
	}
}
