// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"sync"
	"time"
)

// kernelName is the process to which Banyan nodes send what only they understand. Erlang nodes have no such name, and
// drop it.
const kernelName Atom = "banyan"

// kernel is that process.
type kernel struct{ n *Node }

var registerKernel sync.Once

func newKernel(_ context.Context, self *Self) (*kernel, error) {
	registerKernel.Do(func() {
		RegisterCast[hello]("hello")
		RegisterCast[mailboxFull]("mailbox_full")
		RegisterCast[draining]("draining")
	})
	return &kernel{self.Node()}, nil
}

// hello is the first message on a link between Banyan nodes. Who delivers it takes note at once, in the reader's order: what the
// peer sends right behind it is treated as a Banyan node's already.
type hello struct {
	Node    Atom
	Version int
}

// protocolVersion is that of docs/protocol.md. It is 3 since calls may ask for the load, and nodes say that they drain.
const protocolVersion = 3

// Cast is only what makes it a message.
func (hello) Cast(*kernel, *Self) error { return nil }

// greeted takes note of a hello; false if it is another message.
func (l *remoteNode) greeted(s *Signal) bool {
	if s.Name != kernelName || s.Op != OpSendName {
		return false
	}
	m, ok := s.Body.Value.(*hello)
	if ok {
		l.newer.Store(m.Version >= 3)
		l.banyan.Store(true)
		l.n.remotes.version.Add(1)
		if f, ok := l.Peer.(Friend); ok {
			f.Agreed(m.Version)
		}
		if m.Version >= 3 {
			l.welcome()
		}
	}
	return ok
}

// mailboxFull tells a sending node that a process cannot take more for the moment.
type mailboxFull struct{ PID PID }

// Cast makes the next sends to that process fail at once.
func (m mailboxFull) Cast(k *kernel, _ *Self) error {
	l := k.n.remotes.get(m.PID.Node)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full != nil && len(l.full) < 10_000 {
		l.full[m.PID] = time.Now().Add(fullFor)
		l.anyFull.Store(true)
	}
	return nil
}

// kernelSignal is a cast to the peer's kernel. m is a pointer.
func kernelSignal(l *remoteNode, m any) *Signal {
	return &Signal{Op: OpSendName, From: l.n.outsider(), To: PID{Node: l.Node()}, Name: kernelName,
		Body: Body{Kind: BodyCast, Value: m, Typed: true}}
}

func (l *remoteNode) greet() {
	m := hello{l.n.name, protocolVersion}
	l.control(kernelSignal(l, &m))
}
