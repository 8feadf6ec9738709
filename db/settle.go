// SPDX-License-Identifier: Apache-2.0

package db

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
func (m *met) soFar(h txn.Holder) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
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
func (d *DB) push(ctx context.Context, h txn.Holder, group, start uint64) (txn.Verdict, error) {
	if h.Start <= start && d.met.soFar(h) < d.expiry {
		return d.ask(ctx, h, group)
	}
	return d.end(ctx, h, group)
}

// end ends a transaction that is not decided yet, and resolves its part in a group.
func (d *DB) end(ctx context.Context, h txn.Holder, group uint64) (txn.Verdict, error) {
	record, err := d.shard(h.Record)
	if err != nil {
		return 0, err
	}
	out, err := d.propose(ctx, record, &txn.Entry{Kind: txn.KindClose, Session: h.Session, Seq: h.Seq})
	if err != nil {
		return 0, err
	}
	d.met.forget(h)
	return out.Verdict, d.resolved(ctx, h, group, out.Verdict)
}

// ask learns how a transaction has ended; if it has, its part in a group is resolved. Prepared says that it has not.
func (d *DB) ask(ctx context.Context, h txn.Holder, group uint64) (txn.Verdict, error) {
	record, err := d.shard(h.Record)
	if err != nil {
		return 0, err
	}
	if err := d.confirm(ctx, record); err != nil {
		return 0, err
	}
	out, err := record.consult(ctx, &txn.Entry{Kind: txn.KindClose, Session: h.Session, Seq: h.Seq})
	switch {
	case err != nil:
		return 0, err
	case !out.Known:
		return d.unrecorded(ctx, h, group)
	case out.Verdict == txn.Prepared:
		return txn.Prepared, nil
	}
	d.met.forget(h)
	return out.Verdict, d.resolved(ctx, h, group, out.Verdict)
}

// unrecorded judges a transaction whose record is not there. If its part in the group is still prepared, then the record has not come yet, since
// it is kept as long as there is such a part. If not, then it has ended meanwhile, nobody knows how any more, and who met it must look again: a Conflict.
func (d *DB) unrecorded(ctx context.Context, h txn.Holder, group uint64) (txn.Verdict, error) {
	s, err := d.shard(group)
	if err != nil {
		return 0, err
	}
	if err := d.confirm(ctx, s); err != nil {
		return 0, err
	}
	out, err := s.consult(ctx, &txn.Entry{Kind: txn.KindClose, Session: h.Session, Seq: h.Seq})
	if err == nil && out.Known && out.Verdict == txn.Prepared {
		return txn.Prepared, nil
	}
	d.met.forget(h)
	return txn.Conflict, err
}

func (d *DB) resolved(ctx context.Context, h txn.Holder, group uint64, verdict txn.Verdict) error {
	if group == h.Record {
		return nil // the end of the record was that of its part
	}
	_, err := d.resolve(ctx, group, h, verdict == txn.Committed)
	return err
}

// resolve writes what a transaction has prepared in a group, or gives it up.
func (d *DB) resolve(ctx context.Context, group uint64, h txn.Holder, commit bool) (txn.Outcome, error) {
	s, err := d.shard(group)
	if err != nil {
		return txn.Outcome{}, err
	}
	return d.propose(ctx, s, &txn.Entry{Kind: txn.KindResolve, Session: h.Session, Seq: h.Seq, Commit: commit})
}

// forgetSessions ends the sessions that earlier processes had with this store: nobody uses them any more. First all of their transactions are resolved, in all
// groups: as long as a part of one is somewhere, its record must not be forgotten. Sessions in groups without a replica here stay, and are small.
func (d *DB) forgetSessions(ctx context.Context) error {
	mine := func(s txn.Session) bool { return s != d.session && storeOf(s) == d.log.ID() }
	for g, s := range d.shards {
		if err := d.confirm(ctx, s); err != nil {
			return err
		}
		open, err := s.consult(ctx, &txn.Entry{Kind: txn.KindPrepare})
		if err != nil {
			return err
		}
		for _, h := range open.Holders {
			if !mine(h.Session) {
				continue
			}
			if _, err := d.end(ctx, h, g); err != nil {
				return err
			}
		}
	}
	for g, sh := range d.shards {
		old, err := txn.Sessions(d.state.Reader(), g)
		if err != nil {
			return err
		}
		for _, s := range old {
			if !mine(s) {
				continue
			}
			out, err := d.propose(ctx, sh, &txn.Entry{Kind: txn.KindExpire, Session: s})
			if err != nil {
				return err
			}
			if out.Verdict != txn.Committed {
				return fmt.Errorf("db: session %x of group %d is still in use", s, g)
			}
		}
	}
	return nil
}
