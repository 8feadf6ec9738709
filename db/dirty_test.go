// SPDX-License-Identifier: Apache-2.0

package db

import (
	"testing"
	"time"
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
