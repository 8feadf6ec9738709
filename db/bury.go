// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/txn"
)

const (
	// buryEvery is how often the leader of the meta group looks whether nodes that are gone have left something behind.
	buryEvery = time.Second
	// goneRows is how many nodes that are gone stay in the table of nodes, for people to see.
	goneRows = 16
	// goneFor is how long a node has been gone that has not said goodbye, until what it has left is ended: its process may still use the database until then.
	goneFor = time.Hour
	// buryWork is the number under which that is done once at a time; see member.once.
	buryWork = ^uint64(0) - 1
)

// burial ends what nodes that are gone have left in the groups: their sessions, and then the rows that say that there were such nodes, but for the last of them. The leader of the
// meta group does it.
type burial struct {
	m    *member
	next time.Time            // the tending goroutine's own
	seen map[uint64]time.Time // likewise: nodes that are gone, since when this process knows

	mu   sync.Mutex
	done map[uint64]bool // stores whose sessions have been ended
}

// look takes the next step, if there is one. rows are the nodes, by number.
func (b *burial) look(rows []nodeRow) {
	if time.Now().Before(b.next) || !slices.Contains(b.m.watch.leads(), uint64(txn.MetaGroup)) {
		return
	}
	b.next = time.Now().Add(buryEvery)
	var dead, old []nodeRow
	gone := 0
	b.mu.Lock()
	for _, r := range slices.Backward(rows) { // the newest first
		if r.state != placement.Gone {
			continue
		}
		if b.seen[r.number].IsZero() {
			b.seen[r.number] = time.Now()
		}
		if gone++; !b.done[r.store] {
			if r.ram == 0 || time.Since(b.seen[r.number]) >= goneFor {
				dead = append(dead, r)
			}
		} else if gone > goneRows {
			old = append(old, r)
		}
	}
	b.mu.Unlock()
	if len(dead)+len(old) == 0 {
		return
	}
	b.m.once(buryWork, func(ctx context.Context) {
		err := b.sessions(ctx, dead)
		if err == nil && len(old) > 0 {
			err = b.m.db.Update(ctx, func(tx *Tx) error { return forgetNodes(tx, old) })
		}
		if err != nil && ctx.Err() == nil {
			b.m.node.Logger().Debug("db: what nodes that are gone have left behind is still there; it will be tried again", "error", err)
		}
	})
}

// sessions ends the sessions of nodes whose processes have ended.
func (b *burial) sessions(ctx context.Context, dead []nodeRow) error {
	if len(dead) == 0 {
		return nil
	}
	d := b.m.db
	stores := map[uint64]bool{}
	for _, r := range dead {
		stores[r.store] = true
	}
	groups, err := d.madeGroups(ctx)
	if err == nil {
		err = d.endSessions(ctx, groups, func(s txn.Session) bool { return stores[storeOf(s)] })
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done == nil {
		b.done = map[uint64]bool{}
	}
	for s := range stores {
		b.done[s] = true
	}
	return nil
}

// forgetNodes removes the rows of nodes that are gone.
func forgetNodes(tx *Tx, rows []nodeRow) error {
	voters, _, err := votersTable.Lookup(tx, votersRowKey)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.number == founder || slices.Contains(voters.Old, r.number) || slices.Contains(voters.New, r.number) {
			continue // it is about to be no voter on leases any more; see appear for the founder
		}
		b, ok, err := tx.get(nodeKey(r.number))
		if err != nil {
			return err
		}
		if now, err := decodeNode(nodeKey(r.number), b); !ok || err != nil || now.state != placement.Gone {
			continue
		}
		if err := tx.write(txn.Write{Key: nodeKey(r.number), Delete: true}); err != nil {
			return err
		}
		if err := livesTable.Delete(tx, r.number); err != nil {
			return err
		}
	}
	return nil
}
