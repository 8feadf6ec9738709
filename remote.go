// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// remoteTable holds the links to other nodes.
type remoteTable struct {
	nodes   atomic.Pointer[map[Atom]*remoteNode] // copy on write
	version atomic.Uint64                        // changes after nodes, and what is known of them

	mu    sync.Mutex // guards the writing of nodes
	calls sync.Map   // Reference to *pendingReply: calls in flight to other nodes
}

// remoteNode is one live link, with all that has to end when it breaks.
type remoteNode struct {
	Peer
	n      *Node
	banyan atomic.Bool // the peer said that it is one of us
	newer  atomic.Bool // and of version 3 or later: it tells its load when asked, and hears that we drain

	draining atomic.Bool // the peer said that it is about to leave

	mu       sync.Mutex
	gone     bool
	links    map[linkEnds]struct{}
	monitors map[Reference]*Self // of our processes, on that node
	watched  map[Reference]*Self // our processes that its processes watch
	calls    map[Reference]*pendingReply
	spawns   map[Reference]*spawning
	backlog  []Signal          // signals that found the link full; they go first
	waiting  atomic.Bool       // backlog is not empty; written under mu
	full     map[PID]time.Time // processes there whose mailbox was full, until when that is believed
	anyFull  atomic.Bool       // full is not empty; written under mu
	told     map[PID]time.Time // of our own full mailboxes, when the peer was told
}

type linkEnds struct{ here, there PID }

// pendingReply is a call that waits for its reply from another node.
type pendingReply struct {
	c     *call
	gen   uint32
	rec   *record
	l     *remoteNode
	watch watch // monitored there, if pid.Node is set
}

func (t *remoteTable) get(node Atom) *remoteNode {
	if m := t.nodes.Load(); m != nil {
		return (*m)[node]
	}
	return nil
}

// of finds a link by its transport's side.
func (t *remoteTable) of(peer Peer) *remoteNode {
	if l := t.get(peer.Node()); l != nil && l.Peer == peer {
		return l
	}
	return nil
}

func (t *remoteTable) up(n *Node, peer Peer) {
	l := &remoteNode{Peer: peer, n: n, links: map[linkEnds]struct{}{}, monitors: map[Reference]*Self{},
		watched: map[Reference]*Self{}, calls: map[Reference]*pendingReply{}, spawns: map[Reference]*spawning{},
		full: map[PID]time.Time{}, told: map[PID]time.Time{}}
	if old := t.get(peer.Node()); old != nil {
		t.down(n, old.Peer)
	}
	l.greet() // first of all: now others find the link
	t.change(func(m map[Atom]*remoteNode) { m[peer.Node()] = l })
	n.nodeEvent(peer, true)
}

func (t *remoteTable) change(f func(map[Atom]*remoteNode)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := map[Atom]*remoteNode{}
	if old := t.nodes.Load(); old != nil {
		for k, v := range *old {
			m[k] = v
		}
	}
	f(m)
	t.nodes.Store(&m)
	t.version.Add(1)
}

// down ends all that went across a link, each thing once.
func (t *remoteTable) down(n *Node, peer Peer) {
	l := t.of(peer)
	if l == nil {
		return
	}
	t.change(func(m map[Atom]*remoteNode) {
		if m[peer.Node()] == l {
			delete(m, peer.Node())
		}
	})
	l.mu.Lock()
	l.gone = true
	links, monitors, watched, calls, spawns := l.links, l.monitors, l.watched, l.calls, l.spawns
	l.links, l.monitors, l.watched, l.calls, l.spawns, l.backlog = nil, nil, nil, nil, nil, nil
	l.mu.Unlock()
	for ref, pr := range calls {
		t.calls.Delete(ref)
		pr.fail(ErrNoConnection)
	}
	for _, s := range spawns {
		s.report(PID{}, ErrNoConnection)
	}
	for e := range links {
		if p := n.procs.get(e.here); p != nil {
			p.receiveExit(e.there, ErrNoConnection, exitLink)
		}
	}
	for ref, p := range monitors {
		p.receiveDown(ref, PID{}, ErrNoConnection)
	}
	for ref, p := range watched {
		p.unwatchedBy(ref)
	}
	n.nodeEvent(peer, false)
}

// fail ends a call that will not be answered. Whoever takes it from the tables first calls it.
func (pr *pendingReply) fail(err error) {
	if pr.c.claim(pr.gen) {
		pr.c.err = err
		pr.c.finish(pr.gen, nil)
	}
}

// link gives the link to a node, and connects if there is none.
func (n *Node) link(ctx context.Context, from caller, node Atom) (*remoteNode, error) {
	if l := n.remotes.get(node); l != nil {
		return l, nil
	}
	if noConnect(ctx) {
		return nil, ErrNoConnection
	}
	if n.cfg.transport == nil {
		return nil, fmt.Errorf("%w to %s: this node was started without a transport", ErrNoConnection, node)
	}
	var err error
	if from.self == nil {
		_, err = n.cfg.transport.Peer(ctx, node)
	} else {
		err = n.connectFor(ctx, from, node)
	}
	if err != nil {
		return nil, err
	}
	if l := n.remotes.get(node); l != nil {
		return l, nil
	}
	return nil, ErrNoConnection
}

// connectFor connects while the process that wants it gives its worker away.
func (n *Node) connectFor(ctx context.Context, from caller, node Atom) error {
	w := newWaiter(from)
	result := make(chan error, 1)
	cctx, cancel := context.WithTimeout(n.Context(context.WithoutCancel(ctx)), n.cfg.callTimeout)
	started := n.goroutines.start(func() {
		defer cancel()
		_, err := n.cfg.transport.Peer(cctx, node)
		result <- err
		w.wake(nil)
	})
	if !started {
		cancel()
		return ErrNodeStopped
	}
	if err := w.waitInterruptibly(from); err != nil {
		cancel()
		return err
	}
	return <-result
}

// send puts a message onto the link, and waits for room if there is none.
func (l *remoteNode) send(ctx context.Context, from caller, s *Signal) error {
	for {
		err := l.trySend(s)
		if err != ErrLinkFull || noWait(ctx) {
			return err
		}
		if err := ctx.Err(); err != nil && !from.is(ctx) {
			return err
		}
		w := newWaiter(from)
		l.OnRoom(func() { w.wake(nil) })
		var stop func() bool
		if !from.is(ctx) && ctx.Done() != nil {
			stop = context.AfterFunc(ctx, func() { w.wake(nil) })
		}
		err = w.waitInterruptibly(from)
		if stop != nil {
			stop()
		}
		if err != nil {
			return err
		}
	}
}

// trySend keeps messages behind signals that wait in the backlog.
func (l *remoteNode) trySend(s *Signal) error {
	if l.waiting.Load() {
		return ErrLinkFull
	}
	return l.Peer.Send(s)
}

// control sends a signal that must not wait nor be lost: what does not fit goes first when there is room. There are at
// most as many as there are links, monitors and calls across this link.
func (l *remoteNode) control(s *Signal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.controlLocked(s)
}

// controlLocked is control for who holds l.mu.
func (l *remoteNode) controlLocked(s *Signal) {
	if l.gone {
		return
	}
	if len(l.backlog) == 0 {
		err := l.Peer.Send(s)
		if err != nil && err != ErrLinkFull && err != ErrNoConnection {
			l.n.logger.Error("signal cannot be sent", "to", string(l.Node()), "op", s.Op, "error", err)
			if s = s.unsendable(err); s != nil {
				err = l.Peer.Send(s)
			}
		}
		if err != ErrLinkFull || s == nil {
			return
		}
		l.OnRoom(func() { l.n.goroutines.start(l.drain) })
	}
	l.backlog = append(l.backlog, *s)
	l.waiting.Store(true)
}

// unsendable is what goes in place of a signal that is too large, or cannot be encoded: whoever waits for it must hear
// something. nil if nobody does.
func (s *Signal) unsendable(err error) *Signal {
	instead := *s
	err = &RemoteError{Text: "what should have come cannot be sent: " + err.Error()}
	switch {
	case s.Op == OpExit || s.Op == OpExit2 || s.Op == OpDown:
		instead.Reason = err
	case s.Body.Kind == BodyReply:
		instead.Body.Value, instead.Body.Typed, instead.Body.Err = nil, false, err
	default:
		return nil
	}
	return &instead
}

// drain sends the backlog.
func (l *remoteNode) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.backlog) > 0 {
		s := &l.backlog[0]
		err := l.Peer.Send(s)
		if err != nil && err != ErrLinkFull && err != ErrNoConnection {
			l.n.logger.Error("signal cannot be sent", "to", string(l.Node()), "op", s.Op, "error", err)
			if s = s.unsendable(err); s != nil {
				err = l.Peer.Send(s)
			}
		}
		if err == ErrLinkFull {
			if s != nil {
				l.backlog[0] = *s
			}
			l.OnRoom(func() { l.n.goroutines.start(l.drain) })
			return
		}
		l.backlog = l.backlog[1:]
	}
	l.backlog = nil
	l.waiting.Store(false)
}

// sendTerm sends a message or exit signal to another node, connecting if need be.
func (n *Node) sendTerm(ctx context.Context, from caller, s *Signal) error {
	if from.self != nil {
		if from.self.dead.Load() {
			return ErrKilled
		}
		from.self.sent++
		if s.From.IsZero() {
			s.From = from.self.pid
		}
	} else if s.From.IsZero() {
		s.From = n.outsider()
	}
	l, err := n.link(ctx, from, s.To.Node)
	if err == nil {
		if l.isFull(s.To) {
			err = ErrMailboxFull
		} else {
			err = l.send(ctx, from, s)
		}
	}
	if err != nil {
		return &OpError{Op: "send", To: s.To.String(), What: string(s.Name), Err: undelivered(err)}
	}
	return nil
}

// sendValue sends a message of any type to another node, connecting if need be.
func (n *Node) sendValue(ctx context.Context, from caller, op Op, to PID, name Atom, m any) error {
	s := signals.Get().(*Signal)
	s.Op, s.To, s.Name, s.Body.Value = op, to, name, m
	err := n.sendTerm(ctx, from, s)
	*s = Signal{}
	signals.Put(s)
	return err
}

// outsider is the pid in whose name goroutines that are no process send.
func (n *Node) outsider() PID { return PID{Node: n.name, ID: 1, Creation: n.creation} }

// castRemote sends a note to another node. m is a pointer to it.
func castRemote(ctx context.Context, h *handle, rec *record, m any) error {
	if h.pid.Node == h.node.name {
		return ErrNoProcess // of this node, and dead when the handle was made
	}
	if rec.wire.Load() == nil {
		return notRegistered("RegisterCast", rec)
	}
	from := callerOf(ctx)
	s := signals.Get().(*Signal)
	s.Op, s.To, s.Name = OpSend, h.pid, h.atom()
	s.Body.Kind, s.Body.Value, s.Body.Typed = BodyCast, m, true
	if h.name != nil {
		s.Op = OpSendName
	}
	err := h.node.sendTerm(ctx, from, s)
	*s = Signal{}
	signals.Put(s)
	return err
}

// signals holds signals to use again: a transport keeps none, and they are large.
var signals = sync.Pool{New: func() any { return new(Signal) }}

func notRegistered(fn string, rec *record) error {
	return fmt.Errorf("%w: call banyan.%s[%s](name) at start-up, on all nodes", ErrNotRegistered, fn, rec.name)
}

// sendRemote sends the call to another node and notes that it waits for a reply.
func (c *call) sendRemote(ctx context.Context, h *handle, from caller, gen uint32) error {
	n := h.node
	if h.pid.Node == n.name {
		return ErrNoProcess // of this node, and dead when the handle was made
	}
	if c.rec.wire.Load() == nil {
		return notRegistered("RegisterCall", c.rec)
	}
	if from.self != nil && from.self.dead.Load() {
		return ErrKilled
	}
	l, err := n.link(ctx, from, h.pid.Node)
	if err != nil {
		return err
	}
	if l.isFull(h.pid) {
		return ErrMailboxFull
	}
	ref := n.newRef()
	pr := &pendingReply{c: c, gen: gen, rec: c.rec, l: l}
	c.pending = pr
	system := c.rec == systemRecord()
	if !l.banyan.Load() || system { // a Banyan node says itself when the callee of a call is gone
		pr.watch = watch{pid: h.pid, name: h.atom()}
	}
	if err := l.expect(ref, pr); err != nil {
		return err
	}
	pid := n.outsider()
	if from.self != nil {
		pid = from.self.pid
		from.self.sent++
	}
	if pr.watch.pid.Node != "" {
		l.control(&Signal{Op: OpMonitor, From: pid, To: h.pid, Name: h.atom(), Ref: ref})
	}
	value := reflect.NewAt(c.rec.msg.typ, c.queryPtr()).Interface()
	s := signals.Get().(*Signal)
	s.Op, s.From, s.To, s.Name = OpSend, pid, h.pid, h.atom()
	s.Body = Body{Kind: BodyCall, Value: value, Typed: true, Tag: ref, From: pid, Asks: c.asks && l.newer.Load()}
	if system {
		s.Body.Kind = BodySystem
	}
	if h.name != nil {
		s.Op = OpSendName
	}
	err = l.send(ctx, from, s)
	*s = Signal{}
	signals.Put(s)
	if err != nil {
		l.n.remotes.takeRef(ref)
	}
	return err
}

// expect enters a call into the tables; the end of the link will end it.
func (l *remoteNode) expect(ref Reference, pr *pendingReply) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return ErrNoConnection
	}
	l.calls[ref] = pr
	l.n.remotes.calls.Store(ref, pr)
	pr.c.ref = ref
	return nil
}

// pendingReply finds the call that waits for a reply.
func (t *remoteTable) pendingReply(ref Reference) (ReplyType, bool) {
	v, ok := t.calls.Load(ref)
	if !ok {
		return ReplyType{}, false
	}
	pr := v.(*pendingReply)
	return ReplyType{Type: pr.rec.reply.typ, Raw: pr.rec == callRecord[Foreign, any, Ask[any]](), rec: pr.rec, c: pr.c, gen: pr.gen, ref: ref}, true
}

func (t *remoteTable) take(rt ReplyType) bool { return t.takeRef(rt.ref) != nil }

// takeRef removes a call from the tables; only one gets it.
func (t *remoteTable) takeRef(ref Reference) *pendingReply {
	v, ok := t.calls.LoadAndDelete(ref)
	if !ok {
		return nil
	}
	pr := v.(*pendingReply)
	l := pr.l
	l.mu.Lock()
	delete(l.calls, ref)
	l.mu.Unlock()
	if pr.watch.pid.Node != "" {
		l.control(&Signal{Op: OpDemonitor, From: l.n.outsider(), To: pr.watch.pid, Name: pr.watch.name, Ref: ref})
	}
	return pr
}

// remoteCaller is where the reply of a call from another node goes.
type remoteCaller struct {
	l      *remoteNode
	callee PID // replies keep their order with the callee's other messages
	from   PID
	tag    Reference
	term   any // a foreign caller's tag, echoed unread
}

// answer sends the reply, once. r points to the reply value.
func (rc *remoteCaller) answer(c *call, gen uint32, r any, err error) {
	if !c.end(gen, callDone, nil) {
		return
	}
	// An Erlang caller hears of the callee's end by its monitor, as an exit; a reply would be a result.
	if pe, ok := err.(*ProcessError); ok && pe.PID == rc.callee && !rc.l.banyan.Load() {
		return
	}
	s := replySignal(rc.from, rc.tag, rc.term, r, err)
	s.From, s.Body.Load = rc.callee, c.load
	rc.l.control(s)
}

// replySignal is a reply: to the alias if the tag is one of ours or [alias|Ref], else to the caller's pid.
func replySignal(to PID, tag Reference, term any, value any, err error) *Signal {
	s := &Signal{Op: OpSend, To: to, Body: Body{Kind: BodyReply, Value: value, Typed: value != nil && err == nil, Tag: tag, TagTerm: term, Err: err}}
	if !tag.IsZero() && term == nil {
		s.Op, s.Ref = OpSendAlias, tag
	}
	return s
}

// tellFull lets a Banyan node know that a process's mailbox is full, not more than every 50 ms for each.
func (l *remoteNode) tellFull(pid PID) {
	if !l.banyan.Load() {
		return
	}
	now := time.Now()
	l.mu.Lock()
	if now.Sub(l.told[pid]) < fullFor/2 {
		l.mu.Unlock()
		return
	}
	if len(l.told) > 1000 {
		clear(l.told)
	}
	l.told[pid] = now
	l.mu.Unlock()
	m := mailboxFull{pid}
	l.control(kernelSignal(l, &m))
}

const fullFor = 100 * time.Millisecond // how long a peer's word that a mailbox is full is believed

func (l *remoteNode) isFull(pid PID) bool {
	if !l.anyFull.Load() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	until, ok := l.full[pid]
	if !ok {
		return false
	}
	if time.Now().After(until) {
		delete(l.full, pid)
		l.anyFull.Store(len(l.full) > 0)
		return false
	}
	return true
}

// Nodes lists the nodes that this one has a link to, hidden ones too.
func (n *Node) Nodes() []Atom { return n.remotes.list(func(Peer) bool { return true }) }

// VisibleNodes lists the nodes that this one has a link to which is not hidden, see Peer.Hidden.
func (n *Node) VisibleNodes() []Atom { return n.remotes.list(func(p Peer) bool { return !p.Hidden() }) }

// BanyanNodes lists the nodes that this one has a link to which have said that they are Banyan too. They do so a moment after
// the link is up.
func (n *Node) BanyanNodes() []Atom {
	return n.remotes.list(func(p Peer) bool {
		l := n.remotes.of(p)
		return l != nil && l.banyan.Load()
	})
}

func (t *remoteTable) list(want func(Peer) bool) []Atom {
	var list []Atom
	if m := t.nodes.Load(); m != nil {
		for name, l := range *m {
			if want(l.Peer) {
				list = append(list, name)
			}
		}
	}
	return list
}

// Connect makes a link to a node, if there is none.
func (n *Node) Connect(ctx context.Context, node Atom) error {
	if node == n.name {
		return nil
	}
	_, err := n.link(n.Context(ctx), caller{node: n}, node)
	return err
}

// Disconnect ends the link to a node; it reports whether there was one.
func (n *Node) Disconnect(node Atom) bool {
	l := n.remotes.get(node)
	if l == nil {
		return false
	}
	l.Peer.Disconnect(ErrNormal)
	return true
}
