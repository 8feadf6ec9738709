// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
)

// relations are what ties a process to others. Most have few, so they are made when the first is; guarded by the
// process's mu. Links and monitors on this node are kept at both ends; the ends are never locked together.
type relations struct {
	links    map[PID]*link
	monitors map[Reference]watch   // whom this process watches
	watched1 watched               // most are watched by one, if by any: erpc's for one
	watchers map[Reference]watcher // the others
	names    []Atom
	timers   map[*Timer]struct{}
	tickets  map[*call]uint32   // deferred replies not yet given, with their generation
	aliases  map[Reference]bool // true: gone after one message
	parent   PID
	leader   PID
	onCrash  func(CrashReport)
	last     string     // type of the message in which the process asked to stop
	labels   *ownLabels // nil: not made yet, or the name has changed
	life     *lifeContext
	turn     *turnContext

	nodes     map[Atom]struct{} // whose loss it waits for, see MonitorNode
	suspended *waiter           // of the server that waits for Resume, nil if it is not suspended
	systems   int               // system messages in the mailbox

	service float64 // how long a call that tells the load takes on average, ns; 0 before the first, see told
}

// link is one end of a link. Between nodes it follows Erlang's link protocol: a link that is being undone stays known until
// the other side has acknowledged, so that a link signal that crosses is ignored.
type link struct {
	active    bool
	unlinking uint64 // id of an unlink not yet acknowledged, 0 none
}

// watch is a monitor, at the watching end.
type watch struct {
	pid  PID
	name Atom  // by name: pid holds the node
	proc *Self // who it turned out to be, if on this node
}

// watcher is a monitor, at the watched end.
type watcher struct {
	local *Self
	run   *spawning // RunAt of this node
	pid   PID       // of the watcher
	name  Atom      // how it asked, goes back in Down
}

// watched is a watcher with its monitor; a zero ref is none.
type watched struct {
	ref Reference
	watcher
}

func (r *relations) addWatcher(ref Reference, w watcher) {
	if r.watched1.ref.IsZero() || r.watched1.ref == ref {
		r.watched1 = watched{ref, w}
		return
	}
	if r.watchers == nil {
		r.watchers = map[Reference]watcher{}
	}
	r.watchers[ref] = w
}

func (r *relations) dropWatcher(ref Reference) {
	if r.watched1.ref == ref {
		r.watched1 = watched{}
		return
	}
	delete(r.watchers, ref)
}

// eachWatcher goes through all of them.
func (r *relations) eachWatcher(yield func(Reference, watcher) bool) {
	if !r.watched1.ref.IsZero() && !yield(r.watched1.ref, r.watched1.watcher) {
		return
	}
	for ref, w := range r.watchers {
		if !yield(ref, w) {
			return
		}
	}
}

func (r *relations) countWatchers() int {
	n := len(r.watchers)
	if !r.watched1.ref.IsZero() {
		n++
	}
	return n
}

// Exit is the message that an exit signal becomes for a process that traps exits.
type Exit struct {
	From   PID
	Reason error
}

// Immutable marks it as safe to share.
func (Exit) Immutable() {}

// Down is the message that a monitor sends, once, when the process it watches is gone.
type Down struct {
	Monitor Reference
	PID     PID  // zero if it was watched by a name that nobody had
	Name    Atom // set if it was watched by name
	Node    Atom
	Reason  error // nil is never used: ErrNormal
}

// Immutable marks it as safe to share.
func (Down) Immutable() {}

// related gives the process's relations, made if need be. With mu held, or before the process is known.
func (p *Self) related() *relations {
	if p.ext == nil {
		p.ext = &relations{}
	}
	return p.ext
}

// Link ties the fates of this process and another: when one ends abnormally the other gets an exit signal. Linking twice
// is linking once. A process that is not there is an exit signal with ErrNoProcess.
func (p *Self) Link(to PID) error {
	if to == p.pid {
		return nil
	}
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return ErrKilled
	}
	r := p.related()
	l := r.links[to]
	if l == nil {
		if r.links == nil {
			r.links = map[PID]*link{}
		}
		l = &link{}
		r.links[to] = l
	}
	was := l.active
	l.active = true
	if to.Node == p.node.name {
		l.unlinking = 0
	}
	p.mu.Unlock()
	if was {
		return nil
	}
	if to.Node != p.node.name {
		return p.node.linkRemote(p, to)
	}
	if q := p.node.procs.get(to); q == nil || !q.linkedBy(p.pid) {
		p.receiveExit(to, ErrNoProcess, exitLink)
	}
	return nil
}

// linkedBy adds the other end of a link; false if the process is dead.
func (p *Self) linkedBy(from PID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() {
		return false
	}
	r := p.related()
	if r.links == nil {
		r.links = map[PID]*link{}
	}
	if r.links[from] == nil { // anything known: also our own unlink on its way
		r.links[from] = &link{active: true}
	}
	return true
}

// Unlink undoes a link. Afterwards no exit signal comes from it; a process that traps exits may have the Exit message
// queued already.
func (p *Self) Unlink(from PID) {
	p.mu.Lock()
	var l *link
	if p.ext != nil {
		l = p.ext.links[from]
	}
	if l == nil || !l.active {
		p.mu.Unlock()
		return
	}
	l.active = false
	if from.Node != p.node.name {
		p.mu.Unlock()
		p.node.unlinkRemote(p, from)
		return
	}
	delete(p.ext.links, from)
	p.mu.Unlock()
	if q := p.node.procs.get(from); q != nil {
		q.unlinkedBy(p.pid)
	}
}

func (p *Self) unlinkedBy(from PID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext != nil {
		delete(p.ext.links, from)
	}
}

// Monitor watches a process: when it ends, or if it is not there, a Down message comes, once.
func (p *Self) Monitor(who PID) Reference { return p.monitor(watch{pid: who}) }

// MonitorName watches whoever has a name on a node ("" is this one) at this moment.
func (p *Self) MonitorName(name, node Atom) Reference {
	if node == "" {
		node = p.node.name
	}
	return p.monitor(watch{pid: PID{Node: node}, name: name})
}

func (p *Self) monitor(w watch) Reference {
	ref := p.node.newRef()
	if w.pid.Node == p.node.name {
		w.proc = p.node.find(w)
	}
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return ref
	}
	r := p.related()
	if r.monitors == nil {
		r.monitors = map[Reference]watch{}
	}
	r.monitors[ref] = w
	p.mu.Unlock()
	if w.pid.Node != p.node.name {
		p.node.monitorRemote(p, ref, w)
		return ref
	}
	q := w.proc
	if q == nil || !q.watchedBy(ref, watcher{local: p, pid: p.pid, name: w.name}) {
		p.receiveDown(ref, w.pid, ErrNoProcess)
	}
	return ref
}

// find resolves a monitor's target on this node.
func (n *Node) find(w watch) *Self {
	if w.name != "" {
		return n.names.get(w.name)
	}
	return n.procs.get(w.pid)
}

func (p *Self) watchedBy(ref Reference, w watcher) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() {
		return false
	}
	p.related().addWatcher(ref, w)
	return true
}

func (p *Self) unwatchedBy(ref Reference) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext != nil {
		p.ext.dropWatcher(ref)
	}
}

// Demonitor ends a monitor. Its Down message does not come any more, even if it was queued already.
func (p *Self) Demonitor(ref Reference) {
	p.mu.Lock()
	var w watch
	ok := false
	if p.ext != nil {
		if w, ok = p.ext.monitors[ref]; ok {
			delete(p.ext.monitors, ref)
		}
	}
	if !ok {
		p.flushDown(ref)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	if w.pid.Node != p.node.name {
		p.node.demonitorRemote(p, ref, w)
		return
	}
	if w.proc != nil {
		w.proc.unwatchedBy(ref)
	}
}

// flushDown takes a Down back out of the mailbox. With mu held, by the process itself.
func (p *Self) flushDown(ref Reference) {
	if p.firstState == firstFull {
		p.first.flush(ref)
	}
	var inner *buffer
	if _, ok := p.mine(); ok { // a stray goroutine must not reach into the batch
		inner = p.inner
	}
	for _, b := range []*buffer{inner, p.outer} {
		if b == nil {
			continue
		}
		for i := b.pos; i < len(b.env); i++ {
			b.env[i].flush(ref)
		}
	}
}

func (e *envelope) flush(ref Reference) {
	if e.rec != infoRecord {
		return
	}
	if d, ok := e.info().(Down); ok && d.Monitor == ref {
		*e = envelope{}
	}
}

// TrapExits says whether exit signals become Exit messages instead of ending the process.
func (p *Self) TrapExits(on bool) {
	p.mu.Lock()
	p.trap = on
	p.mu.Unlock()
}

// SendExit sends an exit signal to a process, as if it were linked with the sender and that had ended so. ErrKill ends it
// whether it traps exits or not. ErrNormal is ignored unless trapped.
func SendExit(ctx context.Context, to PID, reason error) error {
	n := nodeOf(ctx)
	if n == nil {
		return &OpError{Op: "exit", To: to.String(), Err: ErrNoNode}
	}
	from := callerOf(ctx)
	var pid PID
	if from.self != nil && from.self.dead.Load() {
		return &OpError{Op: "exit", To: to.String(), Err: ErrKilled}
	}
	if from.self != nil {
		pid = from.self.pid
	}
	if to.Node != n.name {
		if pid.IsZero() {
			pid = PID{Node: n.name, ID: 1, Creation: n.creation}
		}
		return n.sendTerm(ctx, from, &Signal{Op: OpExit2, From: pid, To: to, Reason: reasonOrNormal(reason)})
	}
	if p := n.procs.get(to); p != nil {
		p.receiveExit(pid, reasonOrNormal(reason), exitSignal)
	}
	return nil
}

type exitKind uint8

const (
	exitLink   exitKind = iota // a link broke
	exitSignal                 // SendExit was called
	exitStop                   // Stop from outside: not trapped, normal counts
)

// receiveExit is an exit signal, at the receiver.
func (p *Self) receiveExit(from PID, reason error, how exitKind) {
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return
	}
	if how == exitLink {
		var l *link
		if p.ext != nil {
			l = p.ext.links[from]
		}
		if l == nil {
			p.mu.Unlock()
			return
		}
		delete(p.ext.links, from)
		if !l.active {
			p.mu.Unlock()
			return
		}
	}
	if how == exitSignal && reason == ErrKill {
		p.mu.Unlock()
		p.kill(ErrKilled)
		return
	}
	if p.trap && how != exitStop && !p.fromParent(from) {
		p.inform(Exit{from, reason})
		return
	}
	if reason == ErrNormal && how != exitStop && !(how == exitSignal && from == p.pid) && !(p.trap && p.fromParent(from)) {
		p.mu.Unlock()
		return
	}
	if p.exit != nil { // it is ending already: only a kill is stronger
		p.mu.Unlock()
		return
	}
	p.exit, p.ownExit = reason, how == exitStop
	if p.waiting != nil {
		p.waiting.interrupt(p.exit)
	}
	wake := !p.scheduled
	p.scheduled = true
	p.mu.Unlock()
	if wake {
		p.wake(nil, false)
	}
	p.cancelContext()
}

// fromParent: like a gen_server, a server that traps exits ends with its parent all the same, with Terminate. With mu held.
func (p *Self) fromParent(from PID) bool {
	return p.plain == nil && p.ext != nil && !from.IsZero() && p.ext.parent == from
}

// receiveDown is a monitor that fires, at the watcher. The PID is the watched process's.
func (p *Self) receiveDown(ref Reference, who PID, reason error) {
	p.mu.Lock()
	if p.dead.Load() || p.ext == nil {
		p.mu.Unlock()
		return
	}
	w, ok := p.ext.monitors[ref]
	if !ok {
		p.mu.Unlock()
		return
	}
	delete(p.ext.monitors, ref)
	d := Down{Monitor: ref, PID: who, Name: w.name, Node: w.pid.Node, Reason: reasonOrNormal(reason)}
	if w.name == "" {
		d.PID = w.pid
	} else if who.ID == 0 {
		d.PID = PID{}
	}
	p.inform(d)
}

// inform queues a signal's message past all bounds. It is called with mu held, and returns without it.
func (p *Self) inform(v any) { p.informEnvelope(infoEnvelope(v)) }

func (p *Self) informEnvelope(e envelope) {
	if p.outer == nil && p.firstState == firstEmpty {
		p.first, p.firstState = e, firstFull
	} else {
		if p.outer == nil {
			p.outer = newBuffer()
		}
		p.outer.env = append(p.outer.env, e)
	}
	p.stats.in++
	wake := !p.scheduled
	p.scheduled = true
	p.mu.Unlock()
	if wake {
		p.wake(nil, false)
	}
}

// tell tells all that a process tied to them is dead. The relations belong to the caller; mine says that it runs the process.
func (r *relations) tell(p *Self, reason error, mine bool) {
	n := p.node
	for t := range r.timers {
		t.stop()
	}
	for c, gen := range r.tickets {
		c.fail(gen, &ProcessError{p.pid, reason, true}, true, nil)
	}
	for ref := range r.aliases {
		n.aliases.remove(ref)
	}
	for node := range r.nodes {
		n.nodeMonitors.remove(node, p)
	}
	for ref, w := range r.monitors {
		if w.pid.Node != n.name {
			n.demonitorRemote(p, ref, w)
		} else if w.proc != nil {
			w.proc.unwatchedBy(ref)
		}
	}
	for to, l := range r.links {
		switch {
		case p.starting.Load() != nil && to == r.parent: // the spawner is told by the error
			if q := n.procs.get(to); q != nil {
				q.unlinkedBy(p.pid)
			}
		case to.Node != n.name:
			if l.active {
				n.exitRemote(p, to, reason, mine)
			}
		default:
			if q := n.procs.get(to); q != nil {
				q.receiveExit(p.pid, reason, exitLink)
			}
		}
	}
	for ref, w := range r.eachWatcher {
		if w.run != nil {
			w.run.report(p.pid, reasonOrNormal(reason))
		} else if w.local != nil {
			w.local.receiveDown(ref, p.pid, reason)
		} else {
			n.downRemote(p, ref, w, reason, mine)
		}
	}
	if r.turn != nil {
		r.turn.cancel()
	}
	if r.life != nil {
		r.life.end()
	}
}
