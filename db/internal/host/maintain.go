// SPDX-License-Identifier: Apache-2.0

package host

import "github.com/banyan-go/banyan/db/internal/raftlog"

// maintain flushes the state when enough has been appended, so that logs can be cut.
func (c *Core) maintain() {
	if c.cfg.Flaw == CutTooFar {
		for _, r := range c.order {
			c.cut(r)
		}
	}
	if c.flushing || c.appended < c.cfg.FlushBytes {
		return
	}
	c.Flush(nil)
}

// Flush makes what has been applied durable and cuts the logs; done, if not nil, is called afterwards.
func (c *Core) Flush(done func()) {
	c.flushing, c.appended = true, 0
	marks := map[*replica]uint64{}
	for _, r := range c.order {
		marks[r] = r.queued
	}
	a := &Apply{c: c, flush: true}
	a.done = func() {
		c.flushing = false
		for _, r := range c.order {
			if m, ok := marks[r]; ok && r.rn != nil {
				r.durable = max(r.durable, min(m, r.applied.Index))
			}
			c.cut(r)
		}
		if done != nil {
			done()
		}
	}
	c.applies = append(c.applies, a)
}

// cut drops the part of a log that is durable in the state and that nobody is likely to ask for.
func (c *Core) cut(r *replica) {
	if r.rn == nil || r.paused {
		return
	}
	limit := r.durable // R2
	if c.cfg.Flaw == CutTooFar {
		limit = r.applied.Index
	}
	to := min(limit, r.applied.Index-min(r.applied.Index, c.cfg.KeepEntries))
	if to <= r.log.Start().Index {
		return
	}
	term, err := r.log.Term(to)
	if err != nil {
		c.fail(err)
		return
	}
	m := raftlog.Mark{Index: to, Term: term}
	r.log.Cut(m)
	c.write(&item{r: r, write: raftlog.Write{CutTo: &m}})
}
