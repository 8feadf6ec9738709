// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"log/slog"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/lease"
	"github.com/banyan-go/banyan/db/internal/tenure"
	"github.com/banyan-go/banyan/supervisor"
)

func init() { banyan.RegisterCast[leaseNote]("banyan_db_lease") }

// leaseDoor is the registered name of what takes in messages about leases.
const leaseDoor = "banyan_db_lease"

// lease gives the database's leases, and starts them if need be: a database of one node has none until somebody wants a name.
func (d *DB) lease(name string, log *slog.Logger) (*tenure.Keeper, error) {
	d.leasing.Lock()
	defer d.leasing.Unlock()
	select {
	case <-d.closed:
		return nil, ErrClosed
	default:
	}
	if d.leases != nil {
		return d.leases, nil
	}
	cfg := tenure.Config{Node: founder, Name: name, Book: book{d}, FS: d.fs, Dir: d.dir, Tell: d.tellDowns, Log: log}
	if d.member != nil {
		cfg.Node, cfg.Send = d.member.number, d.member.sendLease
	}
	l, err := tenure.New(cfg)
	if err != nil {
		return nil, err
	}
	d.leases = l
	l.Start()
	return l, nil
}

func (d *DB) endLease() {
	d.leasing.Lock()
	defer d.leasing.Unlock()
	if d.leases != nil {
		d.leases.Stop()
	}
}

// startLease starts a member's lease, and its door.
func (m *member) startLease() error {
	l, err := m.db.lease(string(m.node.Name()), m.node.Logger())
	if err != nil {
		return err
	}
	return m.supervise("banyan_db_leases", supervisor.Worker(leaseDoor, func(context.Context, *banyan.Self) (*leaseDesk, error) { return &leaseDesk{m, l}, nil },
		supervisor.With(banyan.Name(leaseDoor))))
}

// sendLease sends a message about leases, or drops it: all of them are sent again as long as they matter.
func (m *member) sendLease(to uint64, data []byte) {
	name := m.peers.name(to)
	if name == "" {
		return
	}
	ctx := banyan.NoWait(m.node.Context(m.ctx))
	_ = banyan.Cast(ctx, banyan.At[*leaseDesk](leaseDoor, name), leaseNote{m.cluster, m.number, data})
}

// leaseDesk takes in messages about leases.
type leaseDesk struct {
	m *member
	l *tenure.Keeper
}

// leaseNote is a message about leases, of a node of a database.
type leaseNote struct {
	Cluster, From uint64
	Data          []byte
}

// Cast hands the message to the lease's core.
func (n leaseNote) Cast(d *leaseDesk, _ *banyan.Self) error {
	if n.Cluster != d.m.cluster || n.From == d.m.number || d.l.Receive(n.From, n.Data) != nil {
		d.m.badFrames.Add(1)
	}
	return nil
}

// Down is a life of a node that is over, by the word of the meta group: nobody holds anything in its name any more, nor ever will.
type Down struct {
	Node        banyan.Atom
	Incarnation uint64 // of the node in the database: rises with each start of its process
	Left        bool   // it said goodbye itself
	Why         string
}

func (d *DB) tellDowns(ended []tenure.Ended) {
	downs := make([]Down, 0, len(ended))
	for _, e := range ended {
		downs = append(downs, Down{banyan.Atom(e.Name), e.Inc, e.State == tenure.Left, e.Why})
	}
	d.downs.tell(downs)
}

// OnDown has f called with each life of a node that is over from now on, as soon as this node has applied the entry that says so. It must not block. The result
// ends that. It is of databases that Start gave: a database of one node has nobody to bury.
//
// Down is final: nothing that such a life holds is valid, and it never will be again; not before the node has started anew does it hold anything.
func (d *DB) OnDown(f func(downs []Down)) (remove func()) { return d.downs.add(f) }

// Reaped tells the database that the process of a node has ended, on the word of its parent, who has waited for it (os.Process.Wait has returned). The incarnation is the
// one of Lives. It is not waited for the node's lease: if the process has not ended, what it holds may have two holders.
func (d *DB) Reaped(ctx context.Context, node banyan.Atom, incarnation uint64) error {
	lives, err := d.Lives(ctx)
	if err != nil {
		return err
	}
	for _, l := range lives {
		if l.Node == node && l.Incarnation == incarnation {
			return book{d}.End(ctx, lease.Life{Node: l.number, Inc: incarnation}, tenure.Down, "its parent has seen it end")
		}
	}
	return nil // its successor is there
}

// Life is the newest life of a node of the database.
type Life struct {
	Node        banyan.Atom
	Incarnation uint64
	Over        bool
	Left        bool   // over, by its own word
	Why         string // it is over

	number uint64
}

// Lives are the newest lives of all nodes, in no order.
func (d *DB) Lives(ctx context.Context) (list []Life, err error) {
	err = d.View(ctx, func(tx *Tx) error {
		list = nil
		for r, err := range livesTable.All(tx, Range[uint64]{}) {
			if err != nil {
				return err
			}
			list = append(list, Life{banyan.Atom(r.Value.Name), r.Value.Inc, r.Value.State != tenure.Up, r.Value.State == tenure.Left, r.Value.Why, r.Key})
		}
		return nil
	})
	return list, err
}
