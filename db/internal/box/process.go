// SPDX-License-Identifier: Apache-2.0

package box

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// patience is how long a transaction is tried, and each attempt at what is left to do in the background.
const patience = 2500 * time.Millisecond

// process is what runs transactions on a node for as long as it is up: a coordinator with a session of its own, and its clients. It is package db's part in
// the simulation, and a twophase.World.
type process struct {
	s     *Sim
	n     *node
	txns  *twophase.Coordinator
	tasks []*task // that have not come to their end
	dead  bool

	hints  map[uint64]uint64        // by group: the node that led it last
	behind map[uint64]time.Duration // by group: until then the replica here is not read, since it does not keep up
	served []*pebble.Snapshot       // views for other nodes, and its own
}

// startProcess begins the process of a node that has just started: first it ends the sessions that it had in earlier lives.
func (n *node) startProcess() {
	s := n.s
	p := &process{s: s, n: n, hints: map[uint64]uint64{}, behind: map[uint64]time.Duration{}}
	p.txns = &twophase.Coordinator{World: p, Session: sessionOf(n.log.ID(), n.log.Boot()), Expiry: twophase.Expiry, Flaw: s.o.TxnFlaw}
	n.process = p
	p.spawn(func(t *task) {
		for {
			err := p.forgetSessions(p.limit(t))
			if t.dead {
				return
			}
			s.note("%v forgets its sessions: %v", n, err)
			if err == nil {
				break
			}
		}
		s.trade.begin(p)
	})
}

func sessionOf(store, boot uint64) (s txn.Session) {
	binary.BigEndian.PutUint64(s[:], store)
	binary.BigEndian.PutUint64(s[8:], boot)
	return s
}

func (p *process) forgetSessions(ctx *deadline) error {
	var groups []uint64
	for g := range uint64(p.s.o.Groups) {
		groups = append(groups, g+1)
	}
	me := p.txns.Session
	known := func(group uint64) ([]txn.Session, error) { return txn.Sessions(p.n.state.Reader(), group) }
	return p.txns.Forget(ctx, groups, known, func(s txn.Session) bool { return s != me && slices.Equal(s[:8], me[:8]) })
}

// end is when the node stops: before its stores are closed.
func (p *process) end() {
	p.dead = true
	for len(p.tasks) > 0 {
		t := p.tasks[0]
		p.tasks = p.tasks[1:]
		t.kill()
	}
	for _, v := range p.served {
		_ = v.Close() // it never fails
	}
	p.served = nil
}

func (p *process) forget(t *task) {
	p.tasks = slices.DeleteFunc(p.tasks, func(o *task) bool { return o == t })
}

func (p *process) limit(t *task) *deadline { return &deadline{t: t, until: p.s.now + patience} }

// snapshot is a view of the node's state, which is closed when the node stops, if not before.
func (p *process) snapshot() *pebble.Snapshot {
	v := p.n.state.View()
	p.served = append(p.served, v)
	return v
}

func (p *process) drop(v *pebble.Snapshot) {
	if i := slices.Index(p.served, v); i >= 0 {
		p.served = slices.Delete(p.served, i, i+1)
		_ = v.Close() // it never fails
	}
}

// Shard implements twophase.World.
func (p *process) Shard(group uint64) (twophase.Shard, error) { return &shard{p, group}, nil }

// Stopped implements twophase.World.
func (p *process) Stopped() error { return host.ErrStopped }

// Now implements twophase.World.
func (p *process) Now() time.Time { return time.Unix(0, int64(p.s.now)) }

// Pause implements twophase.World, as package db does it.
func (p *process) Pause(ctx context.Context, attempt int) error {
	d := time.Millisecond << min(attempt, 5)
	return ctx.(*deadline).sleep(p.s.between(d/2, d*3/2))
}

// Each implements twophase.World, by a task for each.
func (p *process) Each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	parent := ctx.(*deadline)
	contexts := make([]*deadline, n)
	left, wakeUp := n, func() {}
	var first error
	for i := range n {
		d := &deadline{until: parent.until, parent: parent}
		contexts[i] = d
		d.t = p.spawn(func(t *task) {
			err := do(d, i)
			if err != nil && first == nil && !t.dead {
				first = err
				for _, o := range contexts {
					if o != d {
						o.end()
					}
				}
			}
			if left--; left == 0 {
				wakeUp()
			}
		})
	}
	for left > 0 {
		if !parent.t.wait(func(wake func()) { wakeUp = wake }) {
			return errDied
		}
	}
	return first
}

// Later implements twophase.World.
func (p *process) Later(do func(ctx context.Context) error) {
	if p.dead {
		return
	}
	p.spawn(func(t *task) {
		for attempt := 0; ; attempt++ {
			err := do(p.limit(t))
			if err == nil || errors.Is(err, twophase.ErrCrash) || p.Pause(p.limit(t), attempt) != nil {
				return
			}
		}
	})
}

// Dies implements twophase.World: now and then a coordinator is gone though its node is not.
func (p *process) Dies(string) bool { return !p.s.calm && !p.s.o.Calm && p.s.chance(4) }
