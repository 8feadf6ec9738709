// SPDX-License-Identifier: Apache-2.0

package banyan

// ProcessDetail is what is known of one process beyond ProcessInfo.
type ProcessDetail struct {
	// Watches are the processes that it monitors.
	Watches []Watch
	// WatchedBy are the processes that monitor it.
	WatchedBy []PID
	// GroupLeader takes its output; zero if it has none.
	GroupLeader PID
}

// Watch is whom a monitor watches: a process, or whoever had a name on a node.
type Watch struct {
	PID        PID
	Name, Node Atom // set if it watches by name
}

// Detail reads what one process is tied to.
func (n *Node) Detail(pid PID) (d ProcessDetail, ok bool) {
	p := n.procs.get(pid)
	if p == nil {
		return ProcessDetail{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext == nil {
		return ProcessDetail{}, true
	}
	d.GroupLeader = p.ext.leader
	for _, w := range p.ext.monitors {
		if w.name != "" {
			d.Watches = append(d.Watches, Watch{Name: w.name, Node: w.pid.Node})
		} else {
			d.Watches = append(d.Watches, Watch{PID: w.pid})
		}
	}
	for _, w := range p.ext.eachWatcher {
		d.WatchedBy = append(d.WatchedBy, w.pid)
	}
	return d, true
}
