// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// spawnModule is the Erlang module under which registered constructors are known: spawn(Node, banyan, stock, []).
const spawnModule Atom = "banyan"

// spawning is a spawn on another node that has not been answered, or of RunAt, whose process has not ended.
type spawning struct {
	mu     sync.Mutex
	pid    PID
	err    error
	done   bool
	w      *waiter
	ref    Reference
	self   *Self // who wants to be linked or to monitor, nil if nobody
	run    bool  // of RunAt: done when the process has ended; err is then why
	gaveUp error // why the wait ended before
}

// report ends it: with the process, or for RunAt with the process's end, or with why there is none.
func (s *spawning) report(pid PID, err error) {
	s.mu.Lock()
	if !s.done {
		s.pid, s.err, s.done = pid, err, true
	}
	s.mu.Unlock()
	s.w.wake(nil)
}

// giveUp ends the wait.
func (s *spawning) giveUp(err error) {
	s.mu.Lock()
	if !s.done {
		s.gaveUp, s.done = err, true
	}
	s.mu.Unlock()
	s.w.wake(nil)
}

// SpawnAt starts a server on another node (or this one) by the name its constructor was registered under, and waits until
// it runs. Of the options Linked and Monitored count; then ctx must come from a process. The error names the node if it
// has no such constructor.
//
// If ctx is over first, the process may come into being all the same. One that was to be Linked then ends, for the reason
// abandoned, as soon as this node hears of it; the caller hears nothing more.
func SpawnAt[S any](ctx context.Context, node Atom, name string, opts ...SpawnOption) (Ref[S], error) {
	return spawnAt[S](ctx, node, name, nil, opts)
}

// spawnAt has args nil, or a pointer to the argument.
func spawnAt[S any](ctx context.Context, node Atom, name string, args any, opts []SpawnOption) (Ref[S], error) {
	n := nodeOf(ctx)
	if n == nil {
		return Ref[S]{}, &OpError{Op: "spawn", To: string(node), What: name, Err: ErrNoNode}
	}
	from := callerOf(ctx)
	if node == n.name || node == "" {
		c := spawnable(Atom(name))
		if c == nil || (c.args == nil) != (args == nil) {
			return Ref[S]{}, &OpError{Op: "spawn", To: string(n.name), What: name, Err: c.missing(args != nil)}
		}
		by := Spawner(n)
		if from.self != nil {
			by = from.self
		}
		pid, err := c.start(by, args, opts)
		if err != nil {
			return Ref[S]{}, err
		}
		return RefOf[S](n, pid)
	}
	req := SpawnRequest{Module: spawnModule, Function: Atom(name)}
	if args != nil {
		at, err := argsOf(reflect.TypeOf(args).Elem())
		if err != nil {
			return Ref[S]{}, &OpError{Op: "spawn", To: string(node), What: name, Err: err}
		}
		req.Args = at.split(args)
	}
	pid, err := n.spawnRemote(ctx, from, node, req, opts)
	if err != nil {
		return Ref[S]{}, &OpError{Op: "spawn", To: string(node), What: name, Err: err}
	}
	return Ref[S]{&handle{pid: pid, node: n}}, nil
}

var errNoConstructor = errors.New("no constructor is registered under that name: call banyan.RegisterSpawn there")

// missing is the error for a constructor that is not there, or takes another number of arguments.
func (c *constructor) missing(args bool) error {
	switch {
	case c == nil:
		return errNoConstructor
	case args && c.args == nil:
		return fmt.Errorf("%w: the constructor takes none", ErrBadArgument)
	case c.args.arity() == 1:
		return fmt.Errorf("%w: the constructor takes one argument, a %v", ErrBadArgument, c.args.typ)
	}
	return fmt.Errorf("%w: the constructor takes %d arguments, the fields of %v", ErrBadArgument, c.args.arity(), c.args.typ)
}

// SpawnFunc starts a process on another node that runs a function of Erlang's kind, spawn(Node, Module, Function, Args), and
// waits until it runs. Of the options Linked and Monitored count; then ctx must come from a process. A function that is not
// there is no error: the process starts, and ends with *UndefinedError.
func SpawnFunc(ctx context.Context, node, module, function Atom, args []any, opts ...SpawnOption) (PID, error) { //lint:any terms
	n := nodeOf(ctx)
	if n == nil {
		return PID{}, &OpError{Op: "spawn", To: string(node), What: string(function), Err: ErrNoNode}
	}
	pid, err := n.spawnRemote(ctx, callerOf(ctx), node, SpawnRequest{Module: module, Function: function, Args: args}, opts)
	if err != nil {
		return PID{}, &OpError{Op: "spawn", To: string(node), What: string(module) + ":" + string(function), Err: err}
	}
	return pid, nil
}

// RunAt starts a process on another node that runs a function of Erlang's kind, and waits until it has ended: reason is why,
// which is how Erlang's erpc answers. It waits until ctx is over, without bound if that has no end; then err is ErrTimeout
// or the context's, and the process goes on. err is set if the process could not be started or the link broke, too. The
// node may be this one: then the function gets args and the caller its reason as they are, without a copy.
func RunAt(ctx context.Context, node, module, function Atom, args []any) (reason, err error) { //lint:any terms
	n := nodeOf(ctx)
	if n == nil {
		return nil, &OpError{Op: "run", To: string(node), What: string(function), Err: ErrNoNode}
	}
	req := SpawnRequest{Module: module, Function: function, Args: args, Monitor: true}
	var s *spawning
	if from := callerOf(ctx); node == n.name || node == "" {
		s, err = n.runHere(ctx, from, req)
	} else {
		s, err = n.requestSpawn(ctx, from, node, req, nil, true)
	}
	if err == nil && s.pid.IsZero() {
		err = s.err
	}
	if err != nil {
		return nil, &OpError{Op: "run", To: string(node), What: string(module) + ":" + string(function), Err: err}
	}
	return s.err, nil
}

func (n *Node) spawnRemote(ctx context.Context, from caller, node Atom, req SpawnRequest, opts []SpawnOption) (PID, error) {
	var c spawnConfig
	for _, o := range opts {
		o.apply(&c)
	}
	if (c.linked || c.monitored != nil) && from.self == nil {
		return PID{}, errNoParent
	}
	req.Link, req.Monitor = c.linked, c.monitored != nil
	s, err := n.requestSpawn(ctx, from, node, req, from.self, false)
	if err == nil {
		err = s.err
	}
	if err != nil {
		return PID{}, err
	}
	if c.monitored != nil {
		*c.monitored = s.ref
	}
	return s.pid, nil
}

// requestSpawn asks for a process and waits for the answer, or with run for its end. An error means that there is none.
func (n *Node) requestSpawn(ctx context.Context, from caller, node Atom, req SpawnRequest, self *Self, run bool) (*spawning, error) {
	l, err := n.link(ctx, from, node)
	if err != nil {
		return nil, err
	}
	s := &spawning{w: newWaiter(from), ref: n.newRef(), self: self, run: run}
	if err := l.addSpawn(s); err != nil {
		return nil, err
	}
	pid := n.outsider()
	if from.self != nil {
		pid = from.self.pid
	}
	req.GroupLeader = n.leaderFor(from)
	if err := l.send(ctx, from, &Signal{Op: OpSpawn, From: pid, Ref: s.ref, Spawn: &req}); err != nil {
		l.takeSpawn(s.ref)
		return nil, err
	}
	waitOver(ctx, from, s.w, s.giveUp)
	l.takeSpawn(s.ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gaveUp != nil {
		if run && !s.pid.IsZero() {
			l.control(&Signal{Op: OpDemonitor, From: pid, To: s.pid, Ref: s.ref})
		}
		return nil, s.gaveUp
	}
	return s, nil
}

// waitOver waits for w as long as ctx and the caller's process allow; if they do not, giveUp is called, which must wake it.
func waitOver(ctx context.Context, from caller, w *waiter, giveUp func(error)) {
	if !from.is(ctx) && ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { giveUp(overOf(ctx)) })
		defer stop()
	}
	if d, ok := ctx.Deadline(); ok { // of Within too, which has no timer of its own
		t := time.AfterFunc(time.Until(d), func() { giveUp(ErrTimeout) })
		defer t.Stop()
	}
	if err := w.waitInterruptibly(from); err != nil {
		giveUp(err)
	}
}

// runHere is RunAt on this node.
func (n *Node) runHere(ctx context.Context, from caller, req SpawnRequest) (*spawning, error) {
	s := &spawning{w: newWaiter(from), ref: n.newRef(), run: true}
	f := n.functions.find(req.Module, req.Function, len(req.Args))
	if f == nil {
		s.pid, s.err = PID{Node: n.name, ID: 1, Creation: n.creation}, &UndefinedError{req.Module, req.Function, req.Args}
		return s, nil
	}
	by := n.outsider()
	if from.self != nil {
		by = from.self.pid
	}
	pid, err := Go(n, func(self *Self) error { return f.run(self, req.Args) }, spawnOption(func(c *spawnConfig) {
		c.parent, c.leader = by, n.leaderFor(from)
		c.ready = func(p *Self) { p.watchedBy(s.ref, watcher{run: s, pid: by}) }
	}))
	if err != nil {
		return nil, err
	}
	waitOver(ctx, from, s.w, s.giveUp)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gaveUp != nil {
		if p := n.procs.get(pid); p != nil {
			p.unwatchedBy(s.ref)
		}
		return nil, s.gaveUp
	}
	return s, nil
}

// overOf is why ctx is over, in our words.
func overOf(ctx context.Context) error {
	if err := ctx.Err(); err != context.DeadlineExceeded {
		return err
	}
	return ErrTimeout
}

func (l *remoteNode) addSpawn(s *spawning) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return ErrNoConnection
	}
	l.spawns[s.ref] = s
	return nil
}

func (l *remoteNode) takeSpawn(ref Reference) *spawning {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.spawns[ref]
	delete(l.spawns, ref)
	return s
}

// spawnFrom starts what another node asks for: a function that Export made known, or a registered constructor.
// With t a function runs on the reader of the link.
func (n *Node) spawnFrom(l *remoteNode, s *Signal, t *Turns) {
	if f := n.functions.find(s.Spawn.Module, s.Spawn.Function, len(s.Spawn.Args)); f != nil {
		n.spawnFunction(l, s, f, t)
		return
	}
	req := *s.Spawn
	from, ref := s.From, s.Ref
	reply := func(pid PID, err Atom) {
		l.control(&Signal{Op: OpSpawnReply, To: from, Ref: ref, From: pid, Err: err,
			Linked: req.Link && err == "", Monitored: req.Monitor && err == ""})
	}
	opt := spawnOption(func(c *spawnConfig) {
		c.leader = req.GroupLeader
		c.ready = func(p *Self) {
			l.answerSpawn(p, &Signal{Op: OpSpawnReply, To: from, Ref: ref, From: p.pid, Linked: req.Link, Monitored: req.Monitor})
		}
	})
	n.spawnConstructor(l, s, opt, reply)
}

// spawnFunction starts a process that runs a function.
func (n *Node) spawnFunction(l *remoteNode, s *Signal, f *exported, t *Turns) {
	req := s.Spawn
	reply := signals.Get().(*Signal)
	defer func() {
		*reply = Signal{}
		signals.Put(reply)
	}()
	reply.Op, reply.To, reply.Ref = OpSpawnReply, s.From, s.Ref
	args := req.Args
	p := n.newPlain(func(self *Self) error { return f.run(self, args) })
	if !n.goroutines.enter() {
		reply.Err = "system_limit"
		l.control(reply)
		return
	}
	r := p.related()
	r.parent, r.leader = s.From, req.GroupLeader
	if err := n.procs.add(p); err != nil {
		n.goroutines.end()
		reply.Err = "system_limit"
		l.control(reply)
		return
	}
	onReader := t != nil && !f.pace.lasts()
	reply.From, reply.Linked, reply.Monitored, reply.Soon = p.pid, req.Link, req.Monitor, onReader
	l.answerSpawn(p, reply)
	if onReader {
		p.plain.pace = &f.pace
		t.add(p)
		return
	}
	go p.runPlain()
}

// answerSpawn tells who asked for the process p that it is there, and makes the link and the monitor that were asked for, before p
// does anything. That is one step for whoever tells of p's end, as that takes the same lock: the end can be neither missed nor
// told before the answer.
func (l *remoteNode) answerSpawn(p *Self, reply *Signal) {
	from, ref := reply.To, reply.Ref
	l.mu.Lock()
	gone, linked, watched := l.gone, false, false
	if !gone {
		if linked = reply.Linked && p.linkedBy(from); linked {
			l.links[linkEnds{p.pid, from}] = struct{}{}
		}
		if watched = reply.Monitored && p.watchedBy(ref, watcher{pid: from}); watched {
			l.watched[ref] = p
		}
		l.controlLocked(reply)
		if reply.Linked && !linked { // it was killed before it began
			l.controlLocked(&Signal{Op: OpExit, From: p.pid, To: from, Reason: p.exitReason()})
		}
		if reply.Monitored && !watched {
			l.controlLocked(&Signal{Op: OpDown, From: p.pid, To: from, Ref: ref, Reason: p.exitReason()})
		}
	}
	l.mu.Unlock()
	if gone && reply.Linked && p.linkedBy(from) {
		p.receiveExit(from, ErrNoConnection, exitLink)
	}
}

// spawnConstructor starts a registered constructor. A Banyan node is told when that has returned, and of its error. Erlang
// has the pid at once, and hears of the error as the reason for which the process ends.
func (n *Node) spawnConstructor(l *remoteNode, s *Signal, opt SpawnOption, reply func(PID, Atom)) {
	req, ours := *s.Spawn, l.banyan.Load()
	c := spawnable(req.Function)
	switch {
	case ours && req.Module == spawnModule && (c == nil || c.args.arity() != len(req.Args)):
		reply(PID{}, spawnFailed(c.missing(len(req.Args) > 0)))
		return
	case req.Module != spawnModule || c == nil || c.args.arity() != len(req.Args):
		n.spawnDead(l, s, &UndefinedError{req.Module, req.Function, req.Args})
		return
	case req.Bad != nil && ours:
		reply(PID{}, spawnFailed(req.Bad))
		return
	case req.Bad != nil:
		n.spawnDead(l, s, req.Bad)
		return
	}
	told := false
	early := spawnOption(func(c *spawnConfig) {
		ready := c.ready
		c.early = !ours
		c.ready = func(p *Self) { told = true; ready(p) }
	})
	started := n.goroutines.start(func() { // a constructor may take its time
		_, err := c.start(n, req.Value, []SpawnOption{opt, early})
		if err != nil && !told { // else the process has told by its end
			reply(PID{}, spawnFailed(err))
		}
	})
	if !started {
		reply(PID{}, "system_limit")
	}
}

// spawnFailed is an error in the answer to a spawn, which has room for an atom: its code, with the text if there is more to
// say.
func spawnFailed(err error) Atom {
	code, exact, ok := ErrorCode(err)
	switch {
	case !ok:
		code = "error: " + err.Error()
	case !exact:
		code += ": " + err.Error()
	}
	return Atom(truncate(code, 240))
}

// spawnError is the inverse of spawnFailed.
func spawnError(a Atom) error {
	code, text, more := strings.Cut(string(a), ": ")
	if err, ok := ErrorByCode(code); ok {
		if !more {
			return err
		}
		if i := strings.Index(text, err.Error()+": "); i >= 0 {
			text = text[i+len(err.Error())+2:]
		}
		return fmt.Errorf("%w: %s", err, text)
	}
	return &RemoteError{Text: strings.TrimPrefix(string(a), "error: ")}
}

func truncate(s string, max int) string {
	for i := range s {
		if i > max {
			return s[:i]
		}
	}
	return s
}

// spawnDead answers a spawn that cannot be as Erlang does: the process starts, and dies.
func (n *Node) spawnDead(l *remoteNode, s *Signal, reason error) {
	req := *s.Spawn
	dead := PID{Node: n.name, ID: 1, Serial: uint32(n.refs.Add(1)), Creation: n.creation}
	l.control(&Signal{Op: OpSpawnReply, To: s.From, Ref: s.Ref, From: dead, Linked: req.Link, Monitored: req.Monitor})
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
