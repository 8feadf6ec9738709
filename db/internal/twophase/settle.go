// SPDX-License-Identifier: Apache-2.0

package twophase

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// met remembers since when transactions of others have been in the way. It is about who has patience, and for how long; what happens to a transaction is decided
// in the log where its record is.
type met struct {
	mu    sync.Mutex
	since map[txn.Holder]time.Time
}

// soFar reports how long a transaction has been in the way.
func (m *met) soFar(h txn.Holder, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	since, ok := m.since[h]
	if !ok {
		if m.since == nil || len(m.since) >= 4096 { // whoever is forgotten has more time
			m.since = map[txn.Holder]time.Time{}
		}
		m.since[h] = now
		return 0
	}
	return now.Sub(since)
}

func (m *met) forget(h txn.Holder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.since, h)
}

// push clears a transaction out of the way of one that began at start, in a group: if it has ended, its part there is resolved; if not, it is ended if it is the
// younger one, or has been in the way for too long. Prepared says that it is still there.
func (c *Coordinator) push(ctx context.Context, h txn.Holder, group, start uint64) (txn.Verdict, error) {
	if h.Start <= start && c.met.soFar(h, c.Now()) < c.Expiry {
		return c.ask(ctx, h, group)
	}
	return c.End(ctx, h, group)
}

// End ends a transaction that is not decided yet, and resolves its part in a group.
func (c *Coordinator) End(ctx context.Context, h txn.Holder, group uint64) (txn.Verdict, error) {
	record, err := c.Shard(h.Record)
	if err != nil {
		return 0, err
	}
	out, err := c.close(ctx, record, h.Session, h.Seq)
	if err != nil {
		return 0, err
	}
	c.met.forget(h)
	return out.Verdict, c.resolved(ctx, h, group, out.Verdict)
}

// ask learns how a transaction has ended; if it has, its part in a group is resolved. Prepared says that it has not.
func (c *Coordinator) ask(ctx context.Context, h txn.Holder, group uint64) (txn.Verdict, error) {
	record, err := c.Shard(h.Record)
	if err != nil {
		return 0, err
	}
	if err := c.Confirm(ctx, record); err != nil {
		return 0, err
	}
	out, err := record.Consult(ctx, &txn.Entry{Kind: txn.KindClose, Session: h.Session, Seq: h.Seq})
	switch {
	case err != nil:
		return 0, err
	case !out.Known:
		return c.unrecorded(ctx, h, group)
	}
	c.met.forget(h)
	return out.Verdict, c.resolved(ctx, h, group, out.Verdict)
}

// unrecorded judges a transaction whose record is not there. If its part in the group is still prepared, then it is not decided, since the
// record of one that is decided is kept as long as there is such a part. If not, then it has ended meanwhile, nobody knows how any more, and who met it must look again: a Conflict.
func (c *Coordinator) unrecorded(ctx context.Context, h txn.Holder, group uint64) (txn.Verdict, error) {
	s, err := c.Shard(group)
	if err != nil {
		return 0, err
	}
	if err := c.Confirm(ctx, s); err != nil {
		return 0, err
	}
	out, err := s.Consult(ctx, &txn.Entry{Kind: txn.KindClose, Session: h.Session, Seq: h.Seq})
	if err == nil && out.Known && out.Verdict == txn.Prepared {
		return txn.Prepared, nil
	}
	c.met.forget(h)
	return txn.Conflict, err
}

func (c *Coordinator) resolved(ctx context.Context, h txn.Holder, group uint64, verdict txn.Verdict) error {
	_, err := c.resolve(ctx, group, h, verdict == txn.Committed && c.Flaw != txn.AbortCommitted)
	return err
}

// resolve writes what a transaction has prepared in a group, or gives it up.
func (c *Coordinator) resolve(ctx context.Context, group uint64, h txn.Holder, commit bool) (txn.Outcome, error) {
	s, err := c.Shard(group)
	if err != nil {
		return txn.Outcome{}, err
	}
	return c.Propose(ctx, s, &txn.Entry{Kind: txn.KindResolve, Session: h.Session, Seq: h.Seq, Commit: commit})
}

// Forget ends the sessions that mine picks, of which nobody makes use any more. First all of their transactions are resolved, in all groups: as long as a part
// of one is somewhere, its record must not be forgotten. Then they are forgotten in the groups in which known finds them.
func (c *Coordinator) Forget(ctx context.Context, groups []uint64, known func(group uint64) ([]txn.Session, error), mine func(txn.Session) bool) error {
	for _, g := range groups {
		if c.Flaw == txn.ForgetRecord {
			break
		}
		if err := c.EndAll(ctx, g, mine); err != nil {
			return err
		}
	}
	for _, g := range groups {
		old, err := known(g)
		if err != nil {
			return err
		}
		for _, s := range old {
			if !mine(s) {
				continue
			}
			if err := c.expire(ctx, g, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// EndAll ends what sessions have prepared in a group.
func (c *Coordinator) EndAll(ctx context.Context, group uint64, mine func(txn.Session) bool) error {
	s, err := c.Shard(group)
	if err != nil {
		return err
	}
	if err := c.Confirm(ctx, s); err != nil {
		return err
	}
	open, err := s.Consult(ctx, &txn.Entry{Kind: txn.KindPrepare})
	if err != nil {
		return err
	}
	for _, h := range open.Holders {
		if !mine(h.Session) {
			continue
		}
		if _, err := c.End(ctx, h, group); err != nil {
			return err
		}
	}
	return nil
}

// expire lets a group forget a session.
func (c *Coordinator) expire(ctx context.Context, group uint64, session txn.Session) error {
	s, err := c.Shard(group)
	if err != nil {
		return err
	}
	out, err := c.Propose(ctx, s, &txn.Entry{Kind: txn.KindExpire, Session: session})
	if err == nil && out.Verdict != txn.Committed && c.Flaw != txn.ForgetRecord {
		err = fmt.Errorf("db: session %x of group %d is still in use", session, group)
	}
	return err
}
