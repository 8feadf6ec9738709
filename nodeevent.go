// SPDX-License-Identifier: Apache-2.0

package banyan

// NodeUp and NodeDown come to processes that watch the links of their node, see Self.MonitorNodes.
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

// MonitorNodes lets this process hear of links that come and go, as NodeUp and NodeDown messages.
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
		p.mu.Lock()
		if p.dead.Load() {
			p.mu.Unlock()
			continue
		}
		p.inform(m)
	}
}
