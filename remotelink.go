// SPDX-License-Identifier: Apache-2.0

package banyan

import "context"

// linkRemote asks another node for a link. It connects if need be; no connection is an exit signal.
func (n *Node) linkRemote(p *Self, to PID) error {
	l, err := n.link(n.Context(context.Background()), n.callerFor(p), to.Node)
	if err != nil || !l.addLink(p.pid, to) {
		p.receiveExit(to, ErrNoConnection, exitLink)
		return nil
	}
	l.control(&Signal{Op: OpLink, From: p.pid, To: to})
	return nil
}

// callerFor is the process as a caller, if it really runs this.
func (n *Node) callerFor(p *Self) caller {
	if co, ok := p.mine(); ok {
		return caller{n, p, co}
	}
	return caller{node: n}
}

func (l *remoteNode) addLink(here, there PID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return false
	}
	l.links[linkEnds{here, there}] = struct{}{}
	return true
}

func (l *remoteNode) forgetLink(here, there PID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.links, linkEnds{here, there})
}

// unlinkRemote undoes a link: it stays known, inactive, until the other side has acknowledged.
func (n *Node) unlinkRemote(p *Self, to PID) {
	l := n.remotes.get(to.Node)
	id := n.refs.Add(1)
	p.mu.Lock()
	if p.ext != nil {
		if k := p.ext.links[to]; k != nil {
			if l == nil {
				delete(p.ext.links, to)
			} else {
				k.unlinking = id
			}
		}
	}
	p.mu.Unlock()
	if l != nil {
		l.forgetLink(p.pid, to)
		l.control(&Signal{Op: OpUnlink, From: p.pid, To: to, ID: id})
	}
}

// linkFrom is a link that a process of another node makes.
func (n *Node) linkFrom(l *remoteNode, s *Signal) {
	q := n.procs.get(s.To)
	if q == nil || !q.linkedBy(s.From) {
		l.control(&Signal{Op: OpExit, From: s.To, To: s.From, Reason: ErrNoProcess})
		return
	}
	if !l.addLink(s.To, s.From) {
		q.receiveExit(s.From, ErrNoConnection, exitLink)
	}
}

// unlinkFrom is the end of a link, asked for by the other side; it is acknowledged in every case.
func (n *Node) unlinkFrom(l *remoteNode, s *Signal) {
	if q := n.procs.get(s.To); q != nil {
		q.mu.Lock()
		if q.ext != nil {
			if k := q.ext.links[s.From]; k != nil && k.active {
				delete(q.ext.links, s.From)
			}
		}
		q.mu.Unlock()
		l.forgetLink(s.To, s.From)
	}
	l.control(&Signal{Op: OpUnlinkAck, From: s.To, To: s.From, ID: s.ID})
}

func (n *Node) unlinkAck(l *remoteNode, s *Signal) {
	q := n.procs.get(s.To)
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ext == nil {
		return
	}
	if k := q.ext.links[s.From]; k != nil && k.unlinking == s.ID {
		k.unlinking = 0
		if !k.active {
			delete(q.ext.links, s.From)
		}
	}
}

// exitRemote tells a linked process on another node that p is dead.
func (n *Node) exitRemote(p *Self, to PID, reason error, soon bool) {
	if l := n.remotes.get(to.Node); l != nil {
		l.forgetLink(p.pid, to)
		l.control(&Signal{Op: OpExit, From: p.pid, To: to, Reason: reasonOrNormal(reason), Soon: soon && p.onTurns(l)})
	}
}

// monitorRemote asks another node for a monitor; no connection fires it at once.
func (n *Node) monitorRemote(p *Self, ref Reference, w watch) {
	l, err := n.link(n.Context(context.Background()), n.callerFor(p), w.pid.Node)
	if err == nil {
		l.mu.Lock()
		if l.gone {
			err = ErrNoConnection
		} else {
			l.monitors[ref] = p
		}
		l.mu.Unlock()
	}
	if err != nil {
		p.receiveDown(ref, PID{}, ErrNoConnection)
		return
	}
	l.control(&Signal{Op: OpMonitor, From: p.pid, To: w.pid, Name: w.name, Ref: ref})
}

func (n *Node) demonitorRemote(p *Self, ref Reference, w watch) {
	l := n.remotes.get(w.pid.Node)
	if l == nil {
		return
	}
	l.mu.Lock()
	_, ok := l.monitors[ref]
	delete(l.monitors, ref)
	l.mu.Unlock()
	if ok {
		l.control(&Signal{Op: OpDemonitor, From: p.pid, To: w.pid, Name: w.name, Ref: ref})
	}
}

// monitorFrom is a monitor that a process of another node wants on one of ours.
func (n *Node) monitorFrom(l *remoteNode, s *Signal) {
	q := n.addressee(s)
	w := watcher{pid: s.From, name: s.Name}
	if q != nil {
		l.mu.Lock()
		if !l.gone {
			l.watched[s.Ref] = q
		}
		l.mu.Unlock()
	}
	if q == nil || !q.watchedBy(s.Ref, w) {
		l.takeWatched(s.Ref)
		l.control(&Signal{Op: OpDown, From: s.To, Name: s.Name, To: s.From, Ref: s.Ref, Reason: ErrNoProcess})
	}
}

func (l *remoteNode) takeWatched(ref Reference) *Self {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.watched[ref]
	delete(l.watched, ref)
	return q
}

// downRemote tells a watcher on another node that p is dead.
func (n *Node) downRemote(p *Self, ref Reference, w watcher, reason error, soon bool) {
	l := n.remotes.get(w.pid.Node)
	if l == nil || l.takeWatched(ref) == nil {
		return
	}
	s := signals.Get().(*Signal)
	s.Op, s.From, s.To, s.Ref, s.Reason, s.Soon = OpDown, p.pid, w.pid, ref, reasonOrNormal(reason), soon && p.onTurns(l)
	if w.name != "" {
		s.From, s.Name = PID{}, w.name
	}
	l.control(s)
	*s = Signal{}
	signals.Put(s)
}

// downFrom is a monitor of ours that fires on another node. It may be a call's.
func (n *Node) downFrom(l *remoteNode, s *Signal) {
	l.mu.Lock()
	p := l.monitors[s.Ref]
	delete(l.monitors, s.Ref)
	pr := l.calls[s.Ref]
	delete(l.calls, s.Ref)
	sp := l.spawns[s.Ref]
	if sp != nil && sp.run {
		delete(l.spawns, s.Ref)
	}
	l.mu.Unlock()
	if sp != nil && sp.run {
		sp.report(s.From, reasonOrNormal(s.Reason))
	}
	if p != nil {
		p.receiveDown(s.Ref, s.From, s.Reason)
	}
	if pr != nil {
		n.remotes.calls.Delete(s.Ref)
		err := reasonOrNormal(s.Reason)
		if err == ErrNoProcess {
			pr.fail(undelivered(err))
		} else {
			pr.fail(&ProcessError{PID: s.From, Reason: err, Delivered: true})
		}
	}
}
