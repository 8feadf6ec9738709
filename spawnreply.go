// SPDX-License-Identifier: Apache-2.0

package banyan

// spawned is the answer to a spawn.
func (t *remoteTable) spawned(l *remoteNode, sig *Signal) {
	l.mu.Lock()
	s := l.spawns[sig.Ref]
	if s != nil && (!s.run || sig.Err != "") {
		delete(l.spawns, sig.Ref)
	}
	l.mu.Unlock()
	switch {
	case sig.Err != "":
		if s != nil {
			s.report(PID{}, spawnError(sig.Err))
		}
	case s == nil:
		l.abandonSpawned(sig)
	default:
		s.started(l, sig)
	}
}

// started is the answer that there is a process. It is taken up here, or abandoned where nobody waits for it any more: one
// or the other, for giveUp takes the same lock.
func (s *spawning) started(l *remoteNode, sig *Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.done:
		l.abandonSpawned(sig)
	case s.run:
		s.pid = sig.From
	default:
		s.adopt(l, sig)
		s.pid, s.done = sig.From, true
		s.w.wake(nil)
	}
}

var errAbandoned = &TermError{Term: Atom("abandoned")}

// abandonSpawned sees to a process that was started for somebody who has given up: what is linked to him ends, as in Erlang
// after spawn_request_abandon, since nobody knows of it who could end it. One that is not may go on, unwatched.
func (l *remoteNode) abandonSpawned(sig *Signal) {
	if sig.Monitored {
		l.control(&Signal{Op: OpDemonitor, From: sig.To, To: sig.From, Ref: sig.Ref})
	}
	if sig.Linked {
		l.control(&Signal{Op: OpExit, From: sig.To, To: sig.From, Reason: errAbandoned})
	}
}

// adopt makes the link and the monitor of a process that another node has started for us. The other side has its end
// already, so that neither the process nor the news of its death can get lost. It runs before any later signal of that
// node is handled. Call with mu held.
func (s *spawning) adopt(l *remoteNode, sig *Signal) {
	p := s.self
	if p == nil {
		return
	}
	if sig.Linked && (!p.linkedBy(sig.From) || !l.addLink(p.pid, sig.From)) {
		l.control(&Signal{Op: OpExit, From: p.pid, To: sig.From, Reason: p.exitReason()})
	}
	if !sig.Monitored {
		return
	}
	p.mu.Lock()
	if !p.dead.Load() {
		r := p.related()
		if r.monitors == nil {
			r.monitors = map[Reference]watch{}
		}
		r.monitors[s.ref] = watch{pid: sig.From}
	}
	p.mu.Unlock()
	l.mu.Lock()
	if !l.gone {
		l.monitors[s.ref] = p
	}
	l.mu.Unlock()
}
