// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/tenure"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// ErrLeft: the node has left the database, or was taken for lost and replaced. Its folder is of no use any more: empty it, and the node may join again.
var ErrLeft = errors.New("the node has left the database")

// Leave takes this node out of the database: its replicas move to other nodes, and when none is left here it returns. It can still be used until it is closed, for an hour at most if
// it cannot say so then; its folder can be deleted after that. Of two nodes, the other one is left with all data; the last one cannot leave. When ctx ends first, the node goes on leaving; Leave may be called again.
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
	m.left.Store(true)
	return m.emptied(ctx, 0)
}

// farewell tells the database that the process of a node that has left ends, so that what it leaves behind can be ended, too.
func (m *member) farewell() {
	if !m.left.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tenure.Farewell)
	defer cancel()
	err := m.db.Update(ctx, func(tx *Tx) error {
		b, ok, err := tx.get(nodeKey(m.number))
		if err != nil || !ok {
			return err
		}
		r, err := decodeNode(nodeKey(m.number), b)
		if r.state != placement.Gone || err != nil {
			return err
		}
		r.ram = 0
		return tx.write(txn.Write{Key: nodeKey(m.number), Value: r.encode()})
	})
	if err != nil {
		m.node.Logger().Debug("db: the database was not told that this process ends; it will notice within an hour", "error", err)
	}
}

// emptied waits until so many groups have a replica here.
func (m *member) emptied(ctx context.Context, most int) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		left := 0
		for _, e := range m.db.engines() {
			if !e.do(func(c *host.Core) { left += len(c.Groups()) }) {
				return m.db.stopped()
			}
		}
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
