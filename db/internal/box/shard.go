// SPDX-License-Identifier: Apache-2.0

package box

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// catchUp is how long a replica may take to have what its leader has, before another one is read instead.
const catchUp = time.Second

// errNobody: there is nobody to ask. Nothing has happened.
var errNobody = &host.NotLeader{}

// shard is a group as a process sees it: by way of its own node's replica, or of the leader. It is what package db has, over the simulated network.
type shard struct {
	p     *process
	group uint64
}

// request lets ask be carried out on a node, and returns what it answers, once. Request and answer go over the network: either may be lost, and then nobody knows.
func request[A any](ctx *deadline, p *process, to uint64, copies bool, ask func(n *node, reply func(A, error))) (answer A, err error) {
	s := p.s
	if err := ctx.Err(); err != nil {
		return answer, fmt.Errorf("%w: %w", errNobody, err)
	}
	n := s.nodes[to-1]
	if !n.up {
		_ = ctx.sleep(s.between(time.Millisecond, 20*time.Millisecond)) // what comes next sees how it ended
		return answer, errNobody
	}
	answered := false
	err = host.ErrUnknown
	ctx.t.wait(func(wake func()) {
		life := n.life
		reply := func(a A, e error) {
			switch {
			case n.life != life:
				e = host.ErrUnknown // the link is broken
			case n != p.n && errors.Is(e, host.ErrStopped):
				e = errNobody
			}
			s.net.pass(n, p.n, func() {
				if !answered && !ctx.t.dead {
					answered, answer, err = true, a, e
					wake()
				}
			})
		}
		s.net.pass(p.n, n, func() { ask(n, reply) })
		if copies && !s.calm && s.chance(max(s.net.copy, 10)) {
			s.net.pass(p.n, n, func() { ask(n, reply) })
		}
		s.after(min(s.between(500*time.Millisecond, 1500*time.Millisecond), max(ctx.until-s.now, 0)), wake)
	})
	if answered = true; ctx.t.dead { // what comes from now on is too late
		err = errDied
	}
	return answer, err
}

// pass carries something from one process to another, unless it is lost.
func (w *network) pass(from, to *node, do func()) {
	s := w.s
	if from == to {
		to.in(s.between(20*time.Microsecond, 200*time.Microsecond), do)
		return
	}
	k := [2]uint64{from.id, to.id}
	if w.cut[k] || s.chance(w.loss) {
		return
	}
	d := s.between(100*time.Microsecond, 2*time.Millisecond)
	if s.chance(25) && !s.calm {
		d += s.between(0, 60*time.Millisecond)
	}
	if w.slow > 0 && s.chance(30) {
		d += s.between(0, w.slow)
	}
	to.in(d, func() {
		if !w.cut[k] {
			do()
		}
	})
}

// leader is the node to ask.
func (h *shard) leader() uint64 {
	p := h.p
	if st, ok := p.n.status(h.group); ok && p.s.chance(90) {
		if m, ok := st.Conf.Member(st.Lead); ok {
			return m.Node
		}
	}
	if at := p.hints[h.group]; at != 0 {
		return at
	}
	return 1 + uint64(p.s.rng.IntN(len(p.s.nodes)))
}

// learn takes the answer's word for who leads.
func (h *shard) learn(asked uint64, err error) {
	var nl *host.NotLeader
	switch {
	case err == nil:
		h.p.hints[h.group] = asked
	case errors.As(err, &nl) && nl.Node != 0:
		h.p.hints[h.group] = nl.Node
	default:
		delete(h.p.hints, h.group)
	}
}

// Propose implements twophase.Shard.
func (h *shard) Propose(ctx context.Context, data []byte) (txn.Outcome, error) {
	at := h.leader()
	out, err := request(ctx.(*deadline), h.p, at, true, func(n *node, reply func(txn.Outcome, error)) {
		n.do(func() {
			n.core.Propose(h.group, data, func(r host.Result) {
				out, ok := r.Value.(txn.Outcome)
				if !ok && r.Err == nil {
					r.Err = host.ErrUnknown // a flaw of the host
				}
				reply(out, r.Err)
			})
		})
	})
	h.learn(at, err)
	return out, err
}

// index asks the leader how far a replica must be to have everything.
func (h *shard) index(ctx *deadline) (uint64, error) {
	at := h.leader()
	i, err := request(ctx, h.p, at, false, func(n *node, reply func(uint64, error)) {
		n.do(func() { n.core.ReadIndex(h.group, reply) })
	})
	h.learn(at, err)
	return i, err
}

// readsHere reports whether the node's own replica is read. One that is refused stays as old as it is.
func (h *shard) readsHere() bool {
	st, ok := h.p.n.status(h.group)
	return ok && st.Refused == "" && h.p.s.now >= h.p.behind[h.group]
}

// Confirm implements twophase.Shard.
func (h *shard) Confirm(ctx context.Context) error {
	d, p := ctx.(*deadline), h.p
	if !h.readsHere() {
		return nil // the leader makes the view
	}
	index, err := h.index(d)
	if err != nil {
		return err
	}
	err = errNobody
	done, late := false, p.s.now+catchUp
	d.t.wait(func(wake func()) {
		p.n.in(0, func() {
			p.n.do(func() {
				p.n.core.Await(h.group, index, func(e error) {
					if !done {
						done, err = true, e
						wake()
					}
				})
			})
		})
		p.s.after(min(catchUp, max(d.until-p.s.now, 0)), wake)
	})
	switch {
	case d.t.dead:
		return errDied
	case !done && p.s.now >= late, errors.Is(err, host.ErrNoGroup):
		p.behind[h.group] = p.s.now + 5*catchUp
		err = nil
	}
	done = true
	return err
}

// look looks at the newest state there is at the leader, or at a state of the own replica.
func look[A any](ctx *deadline, h *shard, f func(n *node) (A, error)) (a A, err error) {
	if h.readsHere() {
		if a, err = f(h.p.n); err == nil {
			return a, nil
		}
	}
	for attempt := 0; ; attempt++ {
		at := h.leader()
		a, err = request(ctx, h.p, at, false, func(n *node, reply func(A, error)) {
			n.do(func() {
				n.core.ReadIndex(h.group, func(_ uint64, err error) {
					if err != nil {
						var none A
						reply(none, err)
						return
					}
					reply(f(n))
				})
			})
		})
		if h.learn(at, err); err == nil {
			return a, nil
		}
		if wrong := h.p.Pause(ctx, attempt); wrong != nil {
			return a, errors.Join(wrong, err)
		}
	}
}

// Consult implements twophase.Shard.
func (h *shard) Consult(ctx context.Context, e *txn.Entry) (txn.Seen, error) {
	return look(ctx.(*deadline), h, func(n *node) (txn.Seen, error) {
		v := n.state.View()
		defer v.Close()
		seen, err := txn.Look(v, h.group, e)
		return seen, n.readable(err)
	})
}

// readable takes an error of a read for what it is.
func (n *node) readable(err error) error {
	if err != nil && !n.excused() {
		n.s.violate("%v reads: %v", n, err)
	}
	return err
}

// view is the state of a group at one moment, on some node.
type view struct {
	h     *shard
	n     *node
	life  int
	snap  *pebble.Snapshot
	index uint64
}

func (h *shard) view(ctx *deadline) (view, error) {
	return look(ctx, h, func(n *node) (view, error) {
		snap := n.process.snapshot()
		index, err := n.state.At(snap, h.group)
		if err != nil { // there is no replica any more
			n.process.drop(snap)
			return view{}, err
		}
		return view{h, n, n.life, snap, index}, nil
	})
}

// errViewOver: the view's node has gone, or does not answer.
var errViewOver = errors.New("a view on another node is over")

// read lets f read the view.
func read[A any](ctx *deadline, v view, f func(r pebble.Reader) (A, error)) (a A, err error) {
	look := func() (A, error) {
		if v.n.life != v.life || !v.n.up || !slices.Contains(v.n.process.served, v.snap) { // the reader may have lost patience
			return a, errViewOver
		}
		a, err := f(v.snap)
		return a, v.n.readable(err)
	}
	if v.n == v.h.p.n {
		if v.h.p.s.chance(20) { // others go on meanwhile
			if err := ctx.sleep(v.h.p.s.between(0, 2*time.Millisecond)); err != nil {
				return a, err
			}
		}
		return look()
	}
	a, err = request(ctx, v.h.p, v.n.id, false, func(_ *node, reply func(A, error)) { reply(look()) })
	if err != nil {
		err = errors.Join(errViewOver, err)
	}
	return a, err
}

func (v view) close() {
	if v.n != nil && v.n.life == v.life && v.n.process != nil {
		v.n.process.drop(v.snap)
	}
}
