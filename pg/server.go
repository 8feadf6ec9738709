// SPDX-License-Identifier: Apache-2.0

package pg

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
)

// table is a scope of one node, as everybody there reads it. It outlives the scope's process, and is used again by the next.
type table struct {
	mu   sync.RWMutex
	core *core // written by the scope's process, under mu
}

// tables holds the scopes of all nodes of this program, until their node stops.
var tables sync.Map // tableKey to *table

type tableKey struct {
	node  *banyan.Node
	scope Scope
}

func tableOf(n *banyan.Node, s Scope) *table {
	k := tableKey{n, s}
	if t, ok := tables.Load(k); ok {
		return t.(*table)
	}
	t, had := tables.LoadOrStore(k, &table{})
	if !had {
		n.AtStop(func(context.Context) { tables.Delete(k) })
	}
	return t.(*table)
}

// server is the scope's process: it hands events to the core and does what that says.
type server struct {
	scope    Scope
	table    *table
	core     *core
	refs     map[banyan.PID]banyan.Reference // monitors of members and of other scopes
	watchers watchers
	owing    bool   // a retry is due
	lost     uint64 // the node's count of messages that did not fit, when it was last looked at
}

type (
	retry struct{}
	check struct{}
)

const (
	retryAfter = 50 * time.Millisecond // until a link that was full is tried again
	checkEvery = 10 * time.Second      // between looks for messages that were lost, and for scopes on hidden nodes
)

// mailbox is large: what is lost of a scope's messages has to be asked for again.
var mailbox = banyan.Limits{Messages: 1 << 20, Bytes: 256 << 20}

func (c Config) start(_ context.Context, self *banyan.Self) (*server, error) {
	n := self.Node()
	core := newCore(self.PID(), c.limits())
	s := &server{scope: c.Scope, table: tableOf(n, c.Scope), core: core, refs: map[banyan.PID]banyan.Reference{},
		watchers: newWatchers(), lost: n.Stats().Overflows}
	s.table.mu.Lock()
	s.table.core = core
	s.table.mu.Unlock()
	self.MonitorNodes(true)
	core.drain(n.Draining(n.Name()))
	visible := n.VisibleNodes()
	for _, node := range n.Nodes() {
		s.step(self, func() { core.nodeUp(node, !slices.Contains(visible, node)) })
	}
	self.Every(checkEvery, check{})
	return s, nil
}

// step lets the core take an event, and does what it says.
func (s *server) step(self *banyan.Self, event func()) {
	s.table.mu.Lock()
	event()
	s.table.mu.Unlock()
	for _, e := range s.core.take() {
		s.do(self, e)
	}
	if !s.owing && s.core.owes() {
		s.owing = true
		self.SendAfter(retryAfter, retry{})
	}
}

func (s *server) do(self *banyan.Self, e effect) {
	ctx := banyan.NoWait(self)
	var err error
	switch e.kind {
	case doSeek:
		err = banyan.SendName(ctx, banyan.Atom(s.scope), e.node, discoverTerm(self.PID()))
	case doTell:
		err = banyan.Send(ctx, e.pid, e.term)
	case doChange:
		if s.core.mayTell(e.pid) {
			err = banyan.Send(ctx, e.pid, e.term)
		}
	case doSync:
		err = s.sync(ctx, self, e)
	case doWatch:
		if e.pid.Node == self.Node().Name() || slices.Contains(self.Node().Nodes(), e.pid.Node) { // or its end is on its way to us
			s.refs[e.pid] = self.Monitor(e.pid)
		}
	case doUnwatch:
		self.Demonitor(s.refs[e.pid])
		delete(s.refs, e.pid)
	case doAnnounce:
		s.watchers.announce(self, e)
	case doWarn:
		self.Node().Logger().Warn("pg: "+e.text, "scope", string(s.scope), "peer", e.pid.String())
	}
	switch {
	case err == nil:
	case errors.Is(err, banyan.ErrLinkFull):
		s.core.stuck(e)
	case errors.Is(err, banyan.ErrNoConnection): // its end is on its way to us
	default:
		self.Node().Logger().Error("pg: another scope cannot be told", "scope", string(s.scope), "peer", e.pid.String(), "error", err)
	}
}

func (s *server) sync(ctx context.Context, self *banyan.Self, e effect) error {
	ref, err := banyan.RefOf[banyan.Foreign](self.Node(), e.pid)
	if err != nil {
		return err
	}
	return banyan.Cast(ctx, ref, banyan.Tell{Term: e.term})
}

// Info takes what other scopes send, the ends of processes, and news of links.
func (s *server) Info(self *banyan.Self, m any) error {
	switch m := m.(type) {
	case banyan.NodeUp:
		s.step(self, func() { s.core.nodeUp(m.Node, m.Hidden) })
	case banyan.NodeDown:
		s.step(self, func() { s.core.nodeDown(m.Node) })
	case banyan.NodeDraining: // what other nodes' scopes say of themselves is enough
		if m.Node == self.Node().Name() {
			s.step(self, func() { s.core.drain(m.On) })
		}
	case banyan.Down:
		if s.watchers.drop(m.Monitor) {
			return nil
		}
		if s.refs[m.PID] == m.Monitor {
			delete(s.refs, m.PID)
			s.step(self, func() { s.core.down(m.PID) })
		}
	case retry:
		s.owing = false
		s.step(self, s.core.retry)
	case check:
		s.step(self, s.core.poll)
		if now := self.Node().Stats().Overflows; now != s.lost {
			s.lost = now
			s.step(self, s.core.resync)
		}
	default:
		h, ok := parseInfo(m)
		s.heard(self, h, ok)
	}
	return nil
}

// TermCast takes the sync of another scope.
func (s *server) TermCast(self *banyan.Self, note any) error {
	h, ok := parseCast(note)
	s.heard(self, h, ok)
	return nil
}

func (s *server) heard(self *banyan.Self, h heard, ok bool) {
	if !ok {
		self.Node().Logger().Debug("pg: a message that is none of a scope is dropped", "scope", string(s.scope))
		return
	}
	s.step(self, func() { s.core.hear(h) })
}

// The calls of this node's processes.
type (
	joinCall struct {
		group key
		pids  []banyan.PID
	}
	leaveCall struct {
		group key
		pids  []banyan.PID
	}
	monitorCall struct {
		group key
		all   bool
		who   banyan.PID
	}
	demonitorCall struct{ ref banyan.Reference }
)

// Call lets processes join.
func (m joinCall) Call(s *server, self *banyan.Self) (_ struct{}, err error) {
	s.step(self, func() { err = s.core.join(m.group, m.pids) })
	return struct{}{}, err
}

// Call lets processes leave.
func (m leaveCall) Call(s *server, self *banyan.Self) (left int, _ error) {
	s.step(self, func() { left = s.core.leave(m.group, m.pids) })
	return left, nil
}

// Call subscribes a process, and gives what there is at that moment.
func (m monitorCall) Call(s *server, self *banyan.Self) (snapshot, error) {
	snap := snapshot{Ref: self.Monitor(m.who)}
	s.watchers.add(snap.Ref, m)
	for k, e := range s.core.members {
		if m.all || k == m.group {
			snap.Groups = append(snap.Groups, groupState{k, e.all()})
		}
	}
	return snap, nil
}

// Call ends a subscription.
func (m demonitorCall) Call(s *server, self *banyan.Self) (bool, error) {
	self.Demonitor(m.ref)
	return s.watchers.drop(m.ref), nil
}

type (
	snapshot struct {
		Ref    banyan.Reference
		Groups []groupState
	}
	groupState struct {
		group key
		pids  []banyan.PID
	}
)
