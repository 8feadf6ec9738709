// SPDX-License-Identifier: Apache-2.0

package global

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

// server is the process global_name_server: it hands events to the core and does what that says. It never waits: who waits
// are the locker, the registrar, and a process for each lock.
type server struct {
	table   *table
	core    *core
	box     outbox
	locker  banyan.PID
	clerk   banyan.PID // registers names
	refs    map[banyan.PID]banyan.Reference
	waits   map[int]banyan.Later[struct{}]          // for Sync
	foreign map[int]banyan.Later[any]               // the same, of callers from other nodes
	holders map[banyan.PID][]banyan.Later[struct{}] // processes that hold locks, and who has asked them to give these back
	dialing map[atom]bool
	lastID  int
	owing   bool
	limits  limits
	strict  bool // all nodes are taken for Erlang's
}

// server1 is the server of the calling node.
var server1 = banyan.At[*server](serverName, "")

// table holds the names of a node, as everybody there reads them.
type table struct {
	mu   sync.RWMutex
	core *core // written by the server's process, under mu
	pid  banyan.PID
}

// tables holds the table of each node of this program, until the node stops.
var tables sync.Map // *banyan.Node to *table

func tableOf(n *banyan.Node) (t *table, again bool) {
	v, again := tables.LoadOrStore(n, &table{})
	if !again {
		n.AtStop(func(context.Context) { tables.Delete(n) })
	}
	return v.(*table), again
}

type (
	retry     struct{}
	tick      struct{}
	reconnect struct{ nodes []atom }
	gone      struct{ pid banyan.PID }
	arrived   struct {
		node atom
		ok   bool
	}
)

// Immutable marks it as safe to share.
func (reconnect) Immutable() {}

const (
	retryAfter     = 50 * time.Millisecond // until a link that was full is tried again
	tickEvery      = time.Minute
	connectWithin  = 10 * time.Second
	reconnectAfter = 5 * time.Second // when the server has ended and begins anew
)

func (c Config) start(_ context.Context, self *banyan.Self) (*server, error) {
	n := self.Node()
	s := &server{refs: map[banyan.PID]banyan.Reference{}, waits: map[int]banyan.Later[struct{}]{}, foreign: map[int]banyan.Later[any]{},
		holders: map[banyan.PID][]banyan.Later[struct{}]{}, dialing: map[atom]bool{}, limits: c.limits(), strict: c.strict}
	var again bool
	var err error
	s.table, again = tableOf(n)
	if s.locker, err = banyan.Go(self, runLocker, banyan.Linked()); err != nil {
		return nil, err
	}
	if s.clerk, err = banyan.Go(self, runClerk, banyan.Linked()); err != nil {
		return nil, err
	}
	tag, extension := rand.Int64N(1<<40), rand.Int64N(1<<27)
	s.core = newCore(n.Name(), s.locker, s.limits, c.AllowOverlappingPartitions, tag, extension<<32+int64(n.Creation())-1<<59)
	s.table.mu.Lock()
	s.table.core, s.table.pid = s.core, self.PID()
	s.table.mu.Unlock()
	exportResolve(n)
	self.MonitorNodes(true)
	self.Every(tickEvery, tick{})
	visible := n.VisibleNodes()
	if again && len(visible) > 0 {
		// The others believe that we know names and locks, which went with the former server: let them forget us first.
		for _, node := range visible {
			n.Disconnect(node)
		}
		self.SendAfter(reconnectAfter, reconnect{visible})
		return s, nil
	}
	for _, node := range visible {
		s.step(self, func() { s.core.linkUp(node) })
	}
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
	if s.box.queued > 0 && !s.owing {
		s.owing = true
		self.SendAfter(retryAfter, retry{})
	}
}

func (s *server) do(self *banyan.Self, e effect) {
	n := self.Node()
	switch e.kind {
	case doInfo, doCast:
		s.box.send(self, e)
	case doLocker:
		s.box.locker(e.msg, s.tellLocker(self))
	case doConnect:
		s.connect(self, e.node)
	case doDisconnect:
		n.Disconnect(e.node)
	case doWatch:
		if e.pid.Node == n.Name() || slices.Contains(n.Nodes(), e.pid.Node) {
			s.refs[e.pid] = self.Monitor(e.pid)
		} else if err := banyan.Send(self, self.PID(), gone{e.pid}); err != nil { // a monitor would make a link
			self.Stop(fmt.Errorf("global: the server cannot tell itself: %w", err))
		}
	case doUnwatch:
		self.Demonitor(s.refs[e.pid])
		delete(s.refs, e.pid)
	case doResolve:
		if _, err := banyan.Go(self, func(self *banyan.Self) error { return resolveAll(self, e) }, banyan.Linked()); err != nil {
			n.Logger().Error("global: clashes cannot be resolved", "node", string(e.node), "error", err)
		}
	case doSynced:
		_ = s.waits[e.id].Reply(struct{}{}) // or that of a foreign caller; who has given up is not missed
		_ = s.foreign[e.id].Reply(atom("ok"))
		delete(s.waits, e.id)
		delete(s.foreign, e.id)
	case doLog:
		n.Logger().Warn("global: "+e.text, "peer", string(e.node))
	}
}

// kinds tells which of the nodes that there are links to are Banyan nodes.
func (s *server) kinds(n *banyan.Node) map[atom]bool {
	t, ok := n.Transport().(interface{ Links() []dist.LinkInfo })
	if !ok || s.strict {
		return nil
	}
	m := map[atom]bool{}
	for _, l := range t.Links() {
		m[l.Node] = l.Banyan
	}
	return m
}

func (s *server) tellLocker(self *banyan.Self) func(lockerMsg) {
	return func(m lockerMsg) {
		if err := banyan.Send(self, s.locker, m); err != nil { // without it nothing goes on: begin anew
			self.Stop(fmt.Errorf("global: the locker cannot be told: %w", err))
		}
	}
}

// connect makes a link, on a goroutine, and tells how it went. There are no more attempts at once than nodes may be known.
func (s *server) connect(self *banyan.Self, node atom) {
	if s.dialing[node] || len(s.dialing) >= s.limits.nodes {
		return
	}
	s.dialing[node] = true
	n, pid := self.Node(), self.PID()
	self.Go(func(ctx context.Context) error {
		cctx, cancel := context.WithTimeout(n.Context(ctx), connectWithin)
		defer cancel()
		err := n.Connect(cctx, node)
		if ctx.Err() != nil {
			return nil
		}
		return banyan.Send(n.Context(ctx), pid, arrived{node, err == nil || slices.Contains(n.Nodes(), node)})
	})
}

// Info takes what other servers send, the ends of processes, and news of links.
func (s *server) Info(self *banyan.Self, m any) error {
	s.step(self, func() { s.core.kinds(s.kinds(self.Node())) })
	switch m := m.(type) {
	case banyan.NodeUp:
		if m.Hidden {
			self.Node().Logger().Debug("global: a hidden link, names are not shared over it", "node", string(m.Node))
			return nil
		}
		s.step(self, func() { s.core.linkUp(m.Node) })
	case banyan.NodeDown:
		s.box.forget(m.Node)
		s.box.release(s.tellLocker(self))
		s.step(self, func() { s.core.linkDown(m.Node) })
	case banyan.Down:
		if s.refs[m.PID] == m.Monitor {
			delete(s.refs, m.PID)
			s.step(self, func() { s.core.down(m.PID) })
		} else {
			s.ended(m.PID)
		}
	case gone:
		if _, watched := s.refs[m.pid]; !watched {
			s.step(self, func() { s.core.down(m.pid) })
		}
	case arrived:
		delete(s.dialing, m.node)
		s.step(self, func() { s.core.connected(m.node, m.ok) })
	case retry:
		s.owing = false
		s.box.flush(self, s.tellLocker(self))
		s.step(self, func() {})
	case tick:
		s.step(self, func() { s.core.tick(time.Now()) })
	case reconnect:
		for _, node := range m.nodes {
			s.connect(self, node)
		}
	default:
		s.info(self, m)
	}
	return nil
}

// errDropped is why a call that is none of global's is refused.
var errDropped = errors.New("not a request of global")

// The calls and notes of this node's own processes.
type (
	freeCall   struct{ Requester any } // is the global lock free, or of this requester?
	knownCall  struct{}
	syncCall   struct{ Nodes []atom }
	lockedNote struct {
		node      atom
		tag       int64
		requester any
	}
	resolvedNote struct {
		node    atom
		tag     int64
		clashes []clash
	}
)

// Call tells whether the global lock could be set here.
func (m freeCall) Call(s *server, _ *banyan.Self) (bool, error) {
	if m.Requester == nil {
		return s.core.locks[globalKey] == nil, nil
	}
	return s.core.free(atom("global"), m.Requester), nil
}

// Call lists the nodes that are known.
func (knownCall) Call(s *server, _ *banyan.Self) (nodes []atom, _ error) {
	for _, m := range s.core.members() {
		nodes = append(nodes, m.node)
	}
	return nodes, nil
}

// Call waits until all visible nodes are in step.
func (m syncCall) Call(s *server, self *banyan.Self) (struct{}, error) {
	if len(s.waits) >= s.limits.locks {
		return struct{}{}, ErrLimit
	}
	s.lastID++
	s.waits[s.lastID] = banyan.Defer[struct{}](self)
	s.step(self, func() { s.core.sync(s.lastID, m.Nodes) })
	return struct{}{}, nil
}

// Cast is the locker's word that it has the global lock for a session.
func (m lockedNote) Cast(s *server, self *banyan.Self) error {
	s.step(self, func() { s.core.locked(m.node, m.tag, m.requester) })
	return nil
}

// Cast is the result of the methods that resolve clashes.
func (m resolvedNote) Cast(s *server, self *banyan.Self) error {
	s.step(self, func() { s.core.resolvedClashes(m.node, m.tag, m.clashes) })
	return nil
}
