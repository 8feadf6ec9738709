// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/txn"
	"github.com/banyan-go/banyan/supervisor"
)

// member is the part of a database that only those have that live on several nodes.
type member struct {
	db      *DB
	node    *banyan.Node
	options Options
	ctx     context.Context // the node's, until the database is closed
	cancel  context.CancelFunc
	work    sync.WaitGroup // goroutines

	starting sync.Mutex // no goroutine is added to work once ctx has ended

	// cluster names the database, number this node in it. They are set before ready is closed.
	cluster, number uint64
	ready           chan struct{}

	peers     peers
	watch     *watch
	health    health
	spreads   []*spread
	carrier   *carrier
	listener  atomic.Pointer[func(from uint64, data []byte)] // of whispers
	badFrames atomic.Uint64
	left      atomic.Bool      // this node is gone
	trees     []supervisor.Ref // supervisors of the processes

	mu        sync.Mutex
	strangers map[banyan.Atom]uint64 // nodes that serve another database, and which
	views     map[uint64]*servedView
	lastView  uint64
	moving    map[uint64]bool // groups that a change is under way of
	said      string          // the last log line about how many nodes there are
}

// stranger notes a node that serves another database, and says so once.
func (m *member) stranger(name banyan.Atom, cluster uint64) {
	m.mu.Lock()
	known := m.strangers[name] == cluster || len(m.strangers) > 1000
	if !known {
		m.strangers[name] = cluster
	}
	m.mu.Unlock()
	if !known {
		m.node.Logger().Error("db: a node that is linked serves another database; the two have nothing to do with each other",
			"peer", name, "its", databaseName(cluster), "ours", databaseName(m.cluster))
	}
}

func databaseName(cluster uint64) string { return fmt.Sprintf("%016x", cluster) }

// followLinks is the process that hears of links. The end of one is the fastest word of a node's death; if it was not that, nothing is
// lost by an election that nobody agrees to.
func (m *member) followLinks(self *banyan.Self) error {
	self.MonitorNodes(true)
	for {
		v, err := self.Receive(m.ctx)
		if m.ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if down, ok := v.(banyan.NodeDown); ok {
			if n := m.peers.number(down.Node); n != 0 {
				m.health.note(m.ctx, n, silentTicks)
				m.db.peerDown(n)
			}
		}
	}
}

// peerDown lets both hosts know that a node's process has ended.
func (d *DB) peerDown(node uint64) {
	for _, e := range d.engines() {
		e.host.Do(func(c *host.Core) { c.PeerDown(node) })
	}
}

// look asks the core who is heard, and lets all that depends on it know.
func (m *member) look() {
	rows := m.localNodes()
	if len(rows) == 0 {
		m.health.forget() // no group has a replica here, so nobody sends beats
	}
	if !m.db.engine.do(func(c *host.Core) {
		for _, r := range rows {
			m.health.note(m.ctx, r.number, c.Silent(r.number))
		}
	}) {
		return
	}
	for _, s := range m.spreads {
		s.look()
	}
}

// localRows reads a range of the meta group from this process's replica, which perhaps is not the newest: nothing if no replica has come here yet.
func (d *DB) localRows(ctx context.Context, s txn.Scan) (list []row) {
	v, err := d.here(txn.MetaGroup).view(ctx)
	if err != nil {
		return nil
	}
	defer v.close()
	runs, err := v.page(ctx, s, false, 1<<20)
	if err != nil {
		return nil // the store is dead, which ends everything else too
	}
	for _, run := range runs {
		list = append(list, run.rows...)
	}
	return list
}

// localNodes are the nodes as this node's own replica of the meta group has them: perhaps not the newest.
func (m *member) localNodes() (list []nodeRow) {
	from := append(append([]byte(nil), nodesTable...), 'n')
	for _, row := range m.db.localRows(m.ctx, txn.Scan{From: from, To: txn.After(from)}) {
		r, err := decodeNode(row.key, row.value)
		if err != nil {
			m.node.Logger().Error("db: the table of nodes", "error", err)
			return nil
		}
		list = append(list, r)
		if r.state == placement.Gone {
			m.peers.forget(r.number)
		} else {
			m.peers.learn(r.number, r.name)
		}
	}
	return list
}
