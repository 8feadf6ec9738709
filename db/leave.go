// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
)

// ErrLeft: the node has left the database, or was taken for lost and replaced. Its folder is of no use any more: empty it, and the node may join again.
var ErrLeft = errors.New("the node has left the database")

// Leave takes this node out of the database: its replicas move to other nodes, and when none is left here it returns. It can still be used until it is closed; then its
// folder can be deleted. Of two nodes, the other one is left with all data; the last one cannot leave. When ctx ends first, the node goes on leaving; Leave may be called again.
func (d *DB) Leave(ctx context.Context) error {
	m := d.member
	if m == nil {
		return errors.New("db: the database has one node, which cannot leave")
	}
	err := d.Update(ctx, func(tx *Tx) error {
		rows, err := nodesOf(tx)
		if err != nil {
			return err
		}
		others := false
		for _, r := range rows {
			others = others || r.number != m.number && r.state == placement.Up
		}
		if !others {
			return errors.New("db: this is the last node of the database: it cannot leave")
		}
		return setState(tx, m.number, placement.Leaving)
	})
	if err != nil {
		return err
	}
	if err := m.emptied(ctx, 1); err != nil { // all but the meta group's replica, which knows where the others go
		return err
	}
	if err := d.Update(ctx, func(tx *Tx) error { return setState(tx, m.number, placement.Gone) }); err != nil {
		return err
	}
	return m.emptied(ctx, 0)
}

// emptied waits until so many groups have a replica here.
func (m *member) emptied(ctx context.Context, most int) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		answer := make(chan int, 1)
		if !m.db.host.Do(func(c *host.Core) { answer <- len(c.Groups()) }) {
			return m.db.stopped()
		}
		left := <-answer
		if left <= most {
			return nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return fmt.Errorf("db: %d groups still have a replica here: %w", left, ctx.Err())
		case <-m.db.closed:
			return ErrClosed
		}
	}
}
