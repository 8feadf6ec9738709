// SPDX-License-Identifier: Apache-2.0

package banyan

import "context"

// userName is who takes the output of processes without a group leader, as on Erlang's nodes.
const userName Atom = "user"

// GroupLeader is the process that takes this one's output, as in Erlang: that of its parent, or of whoever spawned it from
// another node, unless it was set since; zero if there is none. Package erlio has group leaders, and writes to them.
func (p *Self) GroupLeader() PID {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext == nil {
		return PID{}
	}
	return p.ext.leader
}

// SetGroupLeader makes leader the group leader of a process, of this node or another: group_leader(Leader, Pid).
func SetGroupLeader(ctx context.Context, leader, pid PID) error {
	n := nodeOf(ctx)
	if n == nil {
		return &OpError{Op: "set group leader", To: pid.String(), Err: ErrNoNode}
	}
	if pid.Node == n.name {
		n.procs.get(pid).led(leader)
		return nil
	}
	return n.sendTerm(ctx, callerOf(ctx), &Signal{Op: OpGroupLeader, From: leader, To: pid})
}

// led changes the group leader; nobody, and a dead process, needs none.
func (p *Self) led(leader PID) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dead.Load() {
		p.related().leader = leader
	}
}

// leaderFor is the group leader that a process gets which is spawned on another node: that of the spawning one, or else
// this node's user, or else one that is not there, so that output fails and does not wait for ever.
func (n *Node) leaderFor(from caller) PID {
	if from.self != nil {
		if pid := from.self.GroupLeader(); !pid.IsZero() {
			return pid
		}
	}
	if pid, ok := n.Whereis(userName); ok {
		return pid
	}
	return n.outsider()
}
