// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/tenure"
	"github.com/banyan-go/banyan/db/internal/txn"
)

const (
	// cutAfter is how long a group's majority must have been silent before its users are told so. With the second that it takes to notice silence
	// it makes less than two.
	cutAfter = 700 * time.Millisecond
	// catchUp is how long a replica here may take to have what its leader has, before another one is read instead.
	catchUp = time.Second
)

// spread is a group whose replicas may be on any nodes: it asks the one that leads, wherever that is, and reads here if there is a replica.
type spread struct {
	*local
	m *member

	mu       sync.Mutex
	hint     uint64          // the node that led last, for as long as no replica here knows better
	turn     int             // which node is asked when nobody knows
	lost     time.Time       // since when no majority is heard; zero: one is
	newAt    time.Duration   // by tenure.Clock: the replica here has all that was committed then; 0: it was never asked
	whole    context.Context // ends when the group's users are told that its majority is away
	endWhole context.CancelFunc

	refreshing atomic.Bool
	behind     atomic.Int64 // the replica here does not keep up: others are read until then, by tenure.Clock; 0: it does
}

func newSpread(m *member, l *local) *spread {
	s := &spread{local: l, m: m}
	s.whole, s.endWhole = context.WithCancel(m.ctx)
	return s
}

// errNobody: it is not known who leads. Nothing has happened.
var errNobody = &host.NotLeader{}

// look finds out whether a majority of the group's voters is heard.
func (s *spread) look() {
	heard := s.majority()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case heard:
		s.lost = time.Time{}
		if s.whole.Err() != nil {
			s.whole, s.endWhole = context.WithCancel(s.m.ctx)
		}
	case s.lost.IsZero():
		s.lost = time.Now()
	case time.Since(s.lost) >= cutAfter:
		s.endWhole()
	}
}

// majority: without a replica of the group here, that of the meta group, which every node has one of, stands for it.
func (s *spread) majority() bool {
	g, ok := s.m.watch.of(s.group)
	if !ok {
		if g, ok = s.m.watch.of(txn.MetaGroup); !ok {
			return true // this node has just come: it knows nothing yet
		}
	}
	for _, half := range [][]uint64{g.conf.Raft.GetVoters(), g.conf.Raft.GetVotersOutgoing()} {
		n := 0
		for _, id := range half {
			if mem, ok := g.conf.Member(id); ok && (mem.Node == s.m.number || s.m.health.silence(mem.Node) < silentTicks) {
				n++
			}
		}
		if len(half) > 0 && n <= len(half)/2 {
			return false
		}
	}
	return true
}

// attempt is ctx until the group's majority is known to be away. Then it gives the error that says so.
func (s *spread) attempt(ctx context.Context) (context.Context, context.CancelFunc, error) {
	s.mu.Lock()
	whole := s.whole
	s.mu.Unlock()
	if whole.Err() != nil {
		if s.m.ctx.Err() != nil {
			return nil, nil, host.ErrStopped
		}
		return nil, nil, fmt.Errorf("%w: group %d: too few of its voters are heard here", ErrNoQuorum, s.group)
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(whole, cancel)
	return ctx, func() { stop(); cancel() }, nil
}

// leader finds the node that leads, as far as it is known; 0: it is not.
func (s *spread) leader() (node uint64, here bool) {
	g, ok := s.m.watch.of(s.group)
	if ok && g.here {
		return s.m.number, true
	}
	if ok && g.leader != 0 {
		if mem, ok := g.conf.Member(g.leader); ok {
			return mem.Node, false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hint, false
}

// guess is a node to ask who leads, when nobody here knows: those that should have a replica take turns.
func (s *spread) guess() uint64 {
	w := placement.Of(s.group, ruleOf(s.group), nodesFor(s.group, s.m.localNodes()), 0, nil)
	all := append(w.Voters, w.Learners...)
	if len(all) < 2 { // little is known: ask everybody
		all = s.m.peers.all()
	}
	if len(all) == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	return all[s.turn%len(all)]
}

// learn takes what an answer says of who leads.
func (s *spread) learn(node uint64) {
	s.mu.Lock()
	s.hint = node
	s.mu.Unlock()
}

// ask sends a call to the node that may lead the group. An error that wraps host.ErrUnknown says that the call may have been carried out.
func ask[Q banyan.Query[*desk, answer]](ctx context.Context, s *spread, node uint64, q Q) (answer, error) {
	name := s.m.peers.name(node)
	if name == "" {
		s.learn(0)
		return answer{}, errNobody
	}
	ctx, cancel := s.m.health.during(ctx, node)
	defer cancel()
	if ctx.Err() != nil {
		s.learn(0)
		return answer{}, errNobody
	}
	a, err := banyan.Call(banyan.NoConnect(s.m.node.Context(ctx)), banyan.At[*desk](askDoor, name), q)
	switch {
	case err == nil:
	case errors.Is(err, banyan.ErrNotDelivered):
		s.learn(0)
		return answer{}, fmt.Errorf("%w: node %s: %w", errNobody, name, err)
	default:
		s.learn(0)
		return answer{}, fmt.Errorf("%w: node %s: %w", host.ErrUnknown, name, err)
	}
	if a.Code == codeNotLeader || a.Code == codeNoGroup {
		s.learn(a.Lead)
	} else if a.Code == codeDone {
		s.learn(node)
	}
	return a, a.err()
}

// route calls here if the group's leader is in this process, and there with its node if not.
func (s *spread) route(ctx context.Context, here func(ctx context.Context) error, there func(ctx context.Context, node uint64) error) error {
	ctx, end, err := s.attempt(ctx)
	if err != nil {
		return err
	}
	defer end()
	node, mine := s.leader()
	if mine {
		return here(ctx)
	}
	if node == 0 || node == s.m.number {
		if _, ok := s.m.watch.of(s.group); ok {
			return here(ctx) // it finds no leader, and wakes the group up, so that there will be one
		}
		if node = s.guess(); node == 0 || node == s.m.number {
			return errNobody
		}
	}
	return there(ctx, node)
}

func (s *spread) Propose(ctx context.Context, data []byte) (out txn.Outcome, err error) {
	err = s.route(ctx, func(ctx context.Context) (err error) {
		out, err = s.local.Propose(ctx, data)
		return err
	}, func(ctx context.Context, node uint64) error {
		a, err := ask(ctx, s, node, proposeCall{s.m.cluster, s.group, data})
		out = a.outcome()
		return err
	})
	return out, err
}

// Confirm lets the replica here catch up with the group. Without one there is nothing to do: views are then made by the leader, when they are opened.
func (s *spread) Confirm(ctx context.Context) error {
	began := tenure.Clock()
	return s.route(ctx, func(ctx context.Context) error {
		err := s.local.Confirm(ctx)
		if err == nil {
			s.asked(began)
		}
		return err
	}, func(ctx context.Context, node uint64) error {
		if !s.readsHere() {
			return nil
		}
		a, err := ask(ctx, s, node, indexCall{s.m.cluster, s.group})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, catchUp)
		defer cancel()
		err = s.host.Await(ctx, s.group, a.At)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, host.ErrNoGroup) {
			s.behind.Store(int64(tenure.Clock() + 10*catchUp))
			return nil // the leader makes the view
		}
		if err == nil {
			s.asked(began)
		}
		return err
	})
}

// readsHere reports whether the replica here is one to read.
func (s *spread) readsHere() bool {
	if !s.m.watch.has(s.group) {
		return false
	}
	until := s.behind.Load()
	return until == 0 || int64(tenure.Clock()) > until
}

func (s *spread) view(ctx context.Context) (v view, err error) {
	if s.readsHere() {
		if v, err = s.local.view(ctx); err == nil {
			return v, nil
		}
	}
	err = s.atLeader(ctx, func(ctx context.Context) (err error) {
		v, err = s.local.view(ctx)
		return err
	}, func(ctx context.Context, node uint64) error {
		a, err := ask(ctx, s, node, viewCall{s.m.cluster, s.group})
		if err == nil {
			v = &farView{s: s, node: node, id: a.View, index: a.At}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (s *spread) Consult(ctx context.Context, e *txn.Entry) (out txn.Seen, err error) {
	if s.readsHere() {
		if out, err = s.local.Consult(ctx, e); err == nil {
			return out, nil
		}
	}
	err = s.atLeader(ctx, func(ctx context.Context) (err error) {
		out, err = s.local.Consult(ctx, e)
		return err
	}, func(ctx context.Context, node uint64) error {
		a, err := ask(ctx, s, node, lookCall{s.m.cluster, s.group, e.Append(nil)})
		out = a.seen()
		return err
	})
	return out, err
}

// atLeader reads where the group is led, here or there, and goes on trying until it is known that there is no majority, or ctx ends.
func (s *spread) atLeader(ctx context.Context, here func(ctx context.Context) error, there func(ctx context.Context, node uint64) error) error {
	for attempt := 0; ; attempt++ {
		err := s.route(ctx, func(ctx context.Context) error {
			if err := s.local.Confirm(ctx); err != nil {
				return err
			}
			return here(ctx)
		}, there)
		switch {
		case err == nil, errors.Is(err, ErrNoQuorum):
			return err
		case errors.Is(err, host.ErrStopped):
			return s.m.db.stopped()
		}
		if perr := s.m.db.pause(ctx, attempt); perr != nil {
			return fmt.Errorf("%w: %w: %w", ErrNoQuorum, perr, err)
		}
	}
}
