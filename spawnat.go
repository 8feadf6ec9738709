// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"errors"
	"strings"
	"sync"
)

// spawnModule is the Erlang module under which registered constructors are known: spawn(Node, banyan, stock, []).
const spawnModule Atom = "banyan"

// spawning is a spawn on another node that has not been answered.
type spawning struct {
	mu   sync.Mutex
	pid  PID
	err  error
	done bool
	w    *waiter
	ref  Reference
	self *Self // who wants to be linked or to monitor, nil if nobody
}

func (s *spawning) report(pid PID, err error) {
	s.mu.Lock()
	if !s.done {
		s.pid, s.err, s.done = pid, err, true
	}
	s.mu.Unlock()
	s.w.wake(nil)
}

// SpawnAt starts a server on another node (or this one) by the name its constructor was registered under, and waits until
// it runs. Of the options Linked and Monitored count; then ctx must come from a process. The error names the node if it
// has no such constructor.
func SpawnAt[S any](ctx context.Context, node Atom, name string, opts ...SpawnOption) (Ref[S], error) {
	n := nodeOf(ctx)
	if n == nil {
		return Ref[S]{}, &OpError{Op: "spawn", To: string(node), What: name, Err: ErrNoNode}
	}
	from := callerOf(ctx)
	if node == n.name || node == "" {
		start := spawnable(Atom(name))
		if start == nil {
			return Ref[S]{}, &OpError{Op: "spawn", To: string(n.name), What: name, Err: errNoConstructor}
		}
		by := Spawner(n)
		if from.self != nil {
			by = from.self
		}
		pid, err := start(by, opts)
		if err != nil {
			return Ref[S]{}, err
		}
		return RefOf[S](n, pid)
	}
	pid, err := n.spawnRemote(ctx, from, node, Atom(name), opts)
	if err != nil {
		return Ref[S]{}, &OpError{Op: "spawn", To: string(node), What: name, Err: err}
	}
	return Ref[S]{&handle{pid: pid, node: n}}, nil
}

var errNoConstructor = errors.New("no constructor is registered under that name: call banyan.RegisterSpawn there")

func (n *Node) spawnRemote(ctx context.Context, from caller, node, name Atom, opts []SpawnOption) (PID, error) {
	var c spawnConfig
	for _, o := range opts {
		o.apply(&c)
	}
	if (c.linked || c.monitored != nil) && from.self == nil {
		return PID{}, errNoParent
	}
	l, err := n.link(ctx, from, node)
	if err != nil {
		return PID{}, err
	}
	ref := n.newRef()
	s := &spawning{w: newWaiter(from), ref: ref, self: from.self}
	l.mu.Lock()
	if l.gone {
		l.mu.Unlock()
		return PID{}, ErrNoConnection
	}
	l.spawns[ref] = s
	l.mu.Unlock()
	pid := n.outsider()
	if from.self != nil {
		pid = from.self.pid
	}
	l.control(&Signal{Op: OpSpawn, From: pid, Ref: ref,
		Spawn: &SpawnRequest{GroupLeader: pid, Module: spawnModule, Function: name, Link: c.linked, Monitor: c.monitored != nil}})
	if !from.is(ctx) && ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { s.report(PID{}, ctx.Err()) })
		defer stop()
	}
	if err := s.w.waitInterruptibly(from); err != nil {
		s.report(PID{}, err)
	}
	l.mu.Lock()
	delete(l.spawns, ref)
	l.mu.Unlock()
	s.mu.Lock()
	pid, err = s.pid, s.err
	s.mu.Unlock()
	if err != nil {
		return PID{}, err
	}
	if c.monitored != nil {
		*c.monitored = ref
	}
	return pid, nil
}

// adopt makes the link and the monitor of a process that another node has started for us. The other side has its end
// already, so that neither the process nor the news of its death can get lost. It runs before any later signal of that
// node is handled.
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

// spawned is the answer to a spawn.
func (t *remoteTable) spawned(l *remoteNode, sig *Signal) {
	l.mu.Lock()
	s := l.spawns[sig.Ref]
	delete(l.spawns, sig.Ref)
	l.mu.Unlock()
	if s == nil {
		return
	}
	if sig.Err == "" {
		s.adopt(l, sig)
		s.report(sig.From, nil)
		return
	}
	if err, ok := ErrorByCode(string(sig.Err)); ok {
		s.report(PID{}, err)
		return
	}
	s.report(PID{}, &RemoteError{Text: strings.TrimPrefix(string(sig.Err), "error: ")})
}

// spawnFrom starts a registered constructor for another node. Its constructor may take its time, so it runs apart.
func (n *Node) spawnFrom(l *remoteNode, s *Signal) {
	req := *s.Spawn
	from, ref := s.From, s.Ref
	reply := func(pid PID, err Atom) {
		l.control(&Signal{Op: OpSpawnReply, To: from, Ref: ref, From: pid, Err: err,
			Linked: req.Link && err == "", Monitored: req.Monitor && err == ""})
	}
	start := spawnable(req.Function)
	if req.Module != spawnModule || start == nil || len(req.Args) != 0 {
		if l.banyan.Load() && req.Module == spawnModule {
			reply(PID{}, Atom("error: "+errNoConstructor.Error()))
			return
		}
		n.spawnUndefined(l, s)
		return
	}
	started := n.goroutines.start(func() {
		pid, err := start(n, []SpawnOption{spawnOption(func(c *spawnConfig) { c.leader = req.GroupLeader })})
		if err != nil {
			code, _, ok := ErrorCode(err)
			if !ok {
				code = "error: " + err.Error()
			}
			reply(PID{}, Atom(truncate(code, 250)))
			return
		}
		if req.Link {
			n.linkFrom(l, &Signal{Op: OpLink, From: from, To: pid})
		}
		reply(pid, "")
		if req.Monitor {
			n.monitorFrom(l, &Signal{Op: OpMonitor, From: from, To: pid, Ref: ref})
		}
	})
	if !started {
		reply(PID{}, "system_limit")
	}
}

func truncate(s string, max int) string {
	for i := range s {
		if i > max {
			return s[:i]
		}
	}
	return s
}

// spawnUndefined answers a spawn of a function that is not there as Erlang does: the process starts, and dies of undef.
func (n *Node) spawnUndefined(l *remoteNode, s *Signal) {
	req := *s.Spawn
	dead := PID{Node: n.name, ID: 1, Serial: uint32(n.refs.Add(1)), Creation: n.creation}
	l.control(&Signal{Op: OpSpawnReply, To: s.From, Ref: s.Ref, From: dead, Linked: req.Link, Monitored: req.Monitor})
	reason := &UndefinedError{req.Module, req.Function, req.Args}
	if req.Link {
		l.control(&Signal{Op: OpExit, From: dead, To: s.From, Reason: reason})
	}
	if req.Monitor {
		l.control(&Signal{Op: OpDown, From: dead, To: s.From, Ref: s.Ref, Reason: reason})
	}
}

// UndefinedError is Erlang's undef: there is no such function. On the wire it is {undef, [{M, F, Args, []}]}.
type UndefinedError struct {
	Module, Function Atom
	Args             []any
}

// Error names the function.
func (e *UndefinedError) Error() string {
	return "undefined function " + string(e.Module) + ":" + string(e.Function)
}
