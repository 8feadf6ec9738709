// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"time"

	"github.com/banyan-go/banyan"
)

// Option changes what a table is like.
type Option interface{ apply(*config) }

type config struct {
	access   Access
	heir     banyan.PID
	data     any
	capacity int64
	evicts   bool
	ttl      time.Duration
	checked  bool
	report   func(Violation)
	events   banyan.PID
	bag      bool
}

type option func(*config)

func (o option) apply(c *config) { o(c) }

// Open to whom: see Access.
func With(a Access) Option { return option(func(c *config) { c.access = a }) }

// Heir names the process that gets the table when its owner ends, by a message Transfer with data. If it is not there
// either, the table is dropped.
func Heir(pid banyan.PID, data any) Option { //lint:any whatever the heir understands, as in Erlang
	return option(func(c *config) { c.heir, c.data = pid, data })
}

// Cap bounds the number of rows, in a bag the number of keys: what does not fit is ErrFull. Inserts of new rows then share one
// counter.
func Cap(rows int) Option { return option(func(c *config) { c.capacity = int64(max(rows, 1)) }) }

// Evict makes room in a table that has reached its Cap, in place of ErrFull. An ordered table gives up the row with the
// lowest key. Another one gives up a row near the new one, by hash: the one that expires first if rows expire, else any.
func Evict() Option { return option(func(c *config) { c.evicts = true }) }

// TTL lets rows expire that long after they were written last. An expired row is not seen any more; it is swept, and its
// memory free, within two seconds.
func TTL(d time.Duration) Option { return option(func(c *config) { c.ttl = max(d, 0) }) }

// Events sends an Event to a process for each row that expires or is evicted. What its mailbox does not take is counted in
// Stats.EventsLost.
func Events(to banyan.PID) Option { return option(func(c *config) { c.events = to }) }

// Checked is the debug mode. A row is compared with what it was when it came in, whenever it is read: so a write to a value
// whose type says that it is immutable comes to light. report is told, on the goroutine that reads; nil panics with the
// Violation. It makes tables about ten times slower.
func Checked(report func(Violation)) Option {
	return option(func(c *config) { c.checked, c.report = true, report })
}
