// SPDX-License-Identifier: Apache-2.0

package banyan

import "sync"

// NodeDraining comes to processes that watch nodes, see Self.MonitorNodes: a linked Banyan node, or this one, is about to leave
// and wants nothing new, or On is false and it stays after all. Calls to it still work.
type NodeDraining struct {
	Node Atom
	On   bool
}

// drainState is what a node says of itself.
type drainState struct {
	mu sync.Mutex // held while it is said, so that it is heard in order
	on bool       // guarded by mu
}

// SetDraining says to all Banyan nodes that are linked, or will be, that this node is about to leave and wants nothing new; or
// that it does not. They know it within the time that a message takes. Nothing else changes: it is for routers and pools, and
// whoever asks Draining. Package cluster calls it.
func (n *Node) SetDraining(on bool) {
	n.drain.mu.Lock()
	defer n.drain.mu.Unlock()
	if n.drain.on == on {
		return
	}
	n.drain.on = on
	n.remotes.version.Add(1)
	n.tellWatchers(NodeDraining{n.name, on})
	if m := n.remotes.nodes.Load(); m != nil {
		for _, l := range *m {
			if l.newer.Load() { // the others are told when they have greeted
				l.sayDraining(on)
			}
		}
	}
}

// Draining reports whether a linked node, or this one, has said that it is about to leave.
func (n *Node) Draining(node Atom) bool {
	if node == n.name {
		n.drain.mu.Lock()
		defer n.drain.mu.Unlock()
		return n.drain.on
	}
	l := n.remotes.get(node)
	return l != nil && l.draining.Load()
}

// NodesVersion changes whenever Nodes, BanyanNodes or Draining may have another answer than before.
func (n *Node) NodesVersion() uint64 { return n.remotes.version.Load() }

// sayDraining is called with the drainState's mu held.
func (l *remoteNode) sayDraining(on bool) {
	m := draining{l.n.name, on}
	l.control(kernelSignal(l, &m))
}

// welcome tells a peer that has greeted what it could not be told before.
func (l *remoteNode) welcome() {
	d := &l.n.drain
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.on {
		l.sayDraining(true)
	}
}

// draining tells a linked node that this one is about to leave.
type draining struct {
	Node Atom
	On   bool
}

// Cast notes it.
func (m draining) Cast(k *kernel, _ *Self) error {
	l := k.n.remotes.get(m.Node)
	if l == nil || l.draining.Swap(m.On) == m.On {
		return nil
	}
	k.n.remotes.version.Add(1)
	k.n.tellWatchers(NodeDraining(m))
	return nil
}
