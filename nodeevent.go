// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"sync"
)

// NodeUp and NodeDown come to processes that watch the links of their node, see Self.MonitorNodes and Self.MonitorNode.
type (
	// NodeUp tells of a new link to a node. Hidden: one of the two is a hidden node, see Peer.Hidden.
	NodeUp struct {
		Node   Atom
		Hidden bool
	}
	// NodeDown tells that the link to a node is gone.
	NodeDown struct {
		Node   Atom
		Hidden bool
	}
)

// MonitorNodes lets this process hear of links that come and go, as NodeUp and NodeDown messages, and of linked nodes that are
// about to leave, as NodeDraining.
func (p *Self) MonitorNodes(on bool) {
	n := p.node
	n.watchers.mu.Lock()
	defer n.watchers.mu.Unlock()
	if n.watchers.m == nil {
		n.watchers.m = map[*Self]struct{}{}
	}
	if on {
		n.watchers.m[p] = struct{}{}
	} else {
		delete(n.watchers.m, p)
	}
}

func (n *Node) nodeEvent(peer Peer, up bool) {
	var m any = NodeDown{peer.Node(), peer.Hidden()}
	if up {
		m = NodeUp{peer.Node(), peer.Hidden()}
	}
	n.tellWatchers(m)
	if up {
		return
	}
	for _, p := range n.nodeMonitors.take(peer.Node()) {
		p.forgetNode(peer.Node())
		p.informIfAlive(m)
	}
}

// tellWatchers tells those that asked by MonitorNodes.
func (n *Node) tellWatchers(m any) {
	n.watchers.mu.Lock()
	list := make([]*Self, 0, len(n.watchers.m))
	for p := range n.watchers.m {
		if p.dead.Load() {
			delete(n.watchers.m, p)
			continue
		}
		list = append(list, p)
	}
	n.watchers.mu.Unlock()
	for _, p := range list {
		p.informIfAlive(m)
	}
}

func (p *Self) informIfAlive(m any) {
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return
	}
	p.inform(m)
}

// nodeMonitorTable knows who waits for the loss of which node.
type nodeMonitorTable struct {
	mu sync.Mutex
	m  map[Atom]map[*Self]struct{}
}

func (t *nodeMonitorTable) add(node Atom, p *Self) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[Atom]map[*Self]struct{}{}
	}
	if t.m[node] == nil {
		t.m[node] = map[*Self]struct{}{}
	}
	t.m[node][p] = struct{}{}
}

func (t *nodeMonitorTable) remove(node Atom, p *Self) (was bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, was = t.m[node][p]
	delete(t.m[node], p)
	if len(t.m[node]) == 0 {
		delete(t.m, node)
	}
	return was
}

func (t *nodeMonitorTable) take(node Atom) (list []*Self) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.m[node] {
		list = append(list, p)
	}
	delete(t.m, node)
	return list
}

// MonitorNode lets this process hear of the loss of the link to a node: one NodeDown comes, and that ends it. It connects
// if need be, and waits for that; if the node cannot be reached NodeDown comes at once. Asking again before that is asking
// once, where Erlang's monitor_node counts; with on false no NodeDown comes any more, but one that is queued.
func (p *Self) MonitorNode(node Atom, on bool) {
	n := p.node
	if node == n.name {
		return
	}
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return
	}
	r := p.related()
	if r.nodes == nil {
		r.nodes = map[Atom]struct{}{}
	}
	if on {
		r.nodes[node] = struct{}{}
		n.nodeMonitors.add(node, p) // before the link is looked for: its loss must not come between
	} else {
		delete(r.nodes, node)
		n.nodeMonitors.remove(node, p)
	}
	p.mu.Unlock()
	if !on {
		return
	}
	if _, err := n.link(n.Context(context.Background()), n.callerFor(p), node); err != nil && n.nodeMonitors.remove(node, p) {
		p.forgetNode(node)
		p.informIfAlive(NodeDown{Node: node})
	}
}

func (p *Self) forgetNode(node Atom) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext != nil {
		delete(p.ext.nodes, node)
	}
}
