// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan"
)

// State is what may be asked of a node.
type State uint8

// The states.
const (
	Up       State = iota
	Draining       // it is leaving: what is there may finish, nothing new
	Suspect        // it may be dead: nothing new while there are others
)

// String is the state's name.
func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case Draining:
		return "draining"
	}
	return "suspect"
}

// NodeInfo is what routers and pools want to know of a node.
type NodeInfo struct {
	Name   banyan.Atom
	Zone   string
	Weight float64 // its share of work relative to others; 0 counts as 1
	State  State
}

// Nodes tells which nodes there are: Links, a Static, or the members of a cluster by package route/members. A node that is not listed is gone. The methods may be called from anywhere, at every
// message, and do not block.
type Nodes interface {
	// List is the nodes now. The slice is not changed any more.
	List() []NodeInfo
	// Version changes with each change of the list. One that is always 0 says that it is not known; then routers look at the
	// list when they look up their targets.
	Version() uint64
	// Watch sends a NodesChanged (or banyan.NodeUp, NodeDown, NodeDraining) to a process, now and then after each change, until it ends.
	Watch(self *banyan.Self) error
}

// NodesChanged is the message by which a process hears that Nodes.List has changed.
type NodesChanged struct{}

// links is the nodes that this node has a link to, and itself.
type links struct {
	n *banyan.Node

	mu      sync.Mutex
	version uint64     // of list; guarded by mu
	list    []NodeInfo // guarded by mu
}

// Links takes for the cluster the Banyan nodes that a node is linked to, and itself: all alike, and up unless they have said that they
// drain, which is known within the time that a message takes. A node that does not answer stays in it until its link is given up.
func Links(n *banyan.Node) Nodes { return &links{n: n} }

func (l *links) List() []NodeInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	version := l.n.NodesVersion() // before it is looked at: what changes meanwhile is looked at again
	if l.list != nil && version == l.version {
		return l.list
	}
	names := append(l.n.BanyanNodes(), l.n.Name())
	slices.Sort(names)
	list := make([]NodeInfo, len(names))
	for i, name := range names {
		list[i] = NodeInfo{Name: name}
		if l.n.Draining(name) {
			list[i].State = Draining
		}
	}
	l.version, l.list = version, list
	return list
}

func (l *links) Version() uint64 { return l.n.NodesVersion() }

func (l *links) Watch(self *banyan.Self) error {
	self.MonitorNodes(true)
	return banyan.Send(self, self.PID(), NodesChanged{})
}

// Static is a list of nodes that somebody keeps: from a file, for a test, or from a membership of another kind.
type Static struct {
	mu       sync.Mutex
	version  atomic.Uint64
	list     []NodeInfo
	watchers map[*banyan.Node][]banyan.PID
}

// NewStatic makes a list of nodes.
func NewStatic(list ...NodeInfo) *Static {
	return &Static{list: slices.Clone(list), watchers: map[*banyan.Node][]banyan.PID{}}
}

// List is the nodes now.
func (s *Static) List() []NodeInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

// Version counts the calls of Set.
func (s *Static) Version() uint64 { return s.version.Load() }

// Watch tells a process of each Set.
func (s *Static) Watch(self *banyan.Self) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := self.Node()
	live := s.watchers[n][:0:0]
	for _, pid := range s.watchers[n] {
		if _, ok := n.Info(pid); ok {
			live = append(live, pid)
		}
	}
	s.watchers[n] = append(live, self.PID())
	return banyan.Send(self, self.PID(), NodesChanged{})
}

// Set replaces the list.
func (s *Static) Set(list ...NodeInfo) {
	s.mu.Lock()
	s.list = slices.Clone(list)
	s.version.Add(1)
	watchers := map[*banyan.Node][]banyan.PID{}
	for n, pids := range s.watchers {
		watchers[n] = slices.Clone(pids)
	}
	s.mu.Unlock()
	for n, pids := range watchers {
		for _, pid := range pids {
			_ = banyan.Send(n.Context(context.Background()), pid, NodesChanged{}) // one that has ended does not mind
		}
	}
}

// stateOf finds a node in a list.
func stateOf(list []NodeInfo, name banyan.Atom) (NodeInfo, bool) {
	for _, n := range list {
		if n.Name == name {
			return n, true
		}
	}
	return NodeInfo{}, false
}
