// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
)

// Stats is what is known of a table (ets:info). Reads are not counted: that would cost as much as the read.
type Stats struct {
	Name    banyan.Atom
	Kind    string // set, ordered_set, bag, duplicate_bag
	Types   string // of keys and values
	Access  Access
	Owner   banyan.PID // zero: the node
	Heir    banyan.PID // zero: none
	Age     time.Duration
	Rows    int    // in a bag: keys
	Cap     int    // 0 no bound
	Blocks  int    // parts with a lock of their own
	Bytes   int64  // ~ memory: of a sample of rows, with what is behind pointers, and the empty places in blocks
	Writes  uint64 // of keys, whether they changed anything or not
	Splits  uint64 // blocks halved
	Joins   uint64 // blocks joined
	Copies  uint64 // blocks copied because a snapshot held them
	Expired uint64 // rows
	Evicted uint64 // rows
	Refused uint64 // inserts that were ErrFull
	// EventsLost are events that their process had no room for.
	EventsLost uint64
}

// counters are what a table counts, each where it is rare.
type counters struct {
	writes, splits, joins, copies, expired, evicted, refused, eventsLost atomic.Uint64
}

// Stats tells about the table. It looks at every block for a moment, about 30 ns each.
func (r Reader[K, V]) Stats() (Stats, error) {
	if !r.pass.ok() {
		return Stats{}, r.Err()
	}
	return r.core.describe(r.info), nil
}

// Tables gives the statistics of all tables of a node, in no order.
func Tables(n *banyan.Node) ([]Stats, error) {
	w, err := caller(n)
	if err != nil {
		return nil, opError("tables", "", err)
	}
	ref, err := keeperOf(n)
	if err != nil {
		return nil, opError("tables", "", err)
	}
	list, err := banyan.Call(w.ctx, ref, list{})
	if err != nil {
		return nil, opError("tables", "", err)
	}
	all := make([]Stats, 0, len(list))
	for _, e := range list {
		if !e.closed() {
			all = append(all, e.table.describe())
		}
	}
	return all, nil
}

func (c *core[K, V]) describe(i *info) Stats {
	s := Stats{Name: i.name, Kind: i.kind, Types: i.types, Access: i.access, Age: time.Since(c.born),
		Rows: int(c.rows.sum()), Cap: int(c.capacity),
		Writes: c.stats.writes.Load(), Splits: c.stats.splits.Load(), Joins: c.stats.joins.Load(), Copies: c.stats.copies.Load(),
		Expired: c.stats.expired.Load(), Evicted: c.stats.evicted.Load(), Refused: c.stats.refused.Load(),
		EventsLost: c.stats.eventsLost.Load()}
	i.mu.Lock()
	s.Owner, s.Heir = i.owner, i.heir
	i.mu.Unlock()
	var sampled, bytes, places int64
	for at := (cursor[K]{}); !at.end; {
		b := c.dir.at(at)
		b.mu.RLock()
		if b.dead {
			b.mu.RUnlock()
			continue
		}
		s.Blocks++
		s.Writes += b.writes
		places += b.rows.places()
		if s.Blocks&(s.Blocks-1) == 0 { // the first, second, fourth, ...
			b.rows.each(func(k K, v V) bool {
				bytes += sizeOf(k) + sizeOf(v)
				sampled++
				return true
			})
		}
		at = c.dir.next(b)
		b.mu.RUnlock()
	}
	var k K
	var v V
	flat := sizeOf(k) + sizeOf(v)
	s.Bytes = places*flat + int64(s.Blocks)*blockBytes
	if sampled > 0 { // what is behind pointers
		s.Bytes += max(bytes/sampled-flat, 0) * int64(s.Rows)
	}
	return s
}

// blockBytes is a block without its rows, with its place in the directory.
const blockBytes = 300
