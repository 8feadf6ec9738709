// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"reflect"
)

// Query is a message that is answered: a value with a method that takes the server's state S (what the constructor
// returns, *Stock or an interface) and gives the reply R. An error is the answer too; it does not end the server.
type Query[S, R any] interface {
	Call(state S, self *Self) (R, error)
}

// Note is a message without an answer. An error ends the server with that reason.
type Note[S any] interface {
	Cast(state S, self *Self) error
}

// Dest is one target for messages whose handlers take S: a Ref, a name, a router. Other packages make their own by
// resolving to a Ref at each send. Resolve must be fast and must not block longer than ctx.
type Dest[S any] interface {
	Resolve(ctx context.Context) (Ref[S], error)
}

// Many is several targets: CallAll asks them all.
type Many[S any] interface {
	ResolveAll(ctx context.Context) ([]Ref[S], error)
}

// Ref is a typed handle of one server, on this node or another. It is comparable to nil by IsZero, may be copied, kept
// and sent in messages; it stays bound to that one process. Two Refs of one remote process may differ: compare PIDs.
type Ref[S any] struct{ h *handle }

// PID is the process's number; the zero PID if the Ref is zero.
func (r Ref[S]) PID() PID {
	if r.h == nil {
		return PID{}
	}
	return r.h.pid
}

// IsZero reports whether r refers to nothing.
func (r Ref[S]) IsZero() bool { return r.h == nil }

// String is the pid.
func (r Ref[S]) String() string {
	if r.h == nil {
		return "<none>"
	}
	return r.h.String()
}

// Resolve makes a Ref a Dest: it is its own target.
func (r Ref[S]) Resolve(context.Context) (Ref[S], error) { return r, nil }

// Immutable marks a Ref as safe to share between processes.
func (r Ref[S]) Immutable() {}

// MarshalTerm makes a Ref a pid on the wire.
func (r Ref[S]) MarshalTerm() (any, error) { return r.PID(), nil }

// UnmarshalTerm makes a pid from the wire a Ref. env is the node that received it.
func (r *Ref[S]) UnmarshalTerm(t any, env any) error {
	pid, ok := t.(PID)
	n, isNode := env.(*Node)
	if !ok || !isNode {
		return &OpError{Op: "decode Ref", What: typeString(t), Err: ErrNotUnderstood}
	}
	if pid.IsZero() {
		r.h = nil
		return nil
	}
	got, err := RefOf[S](n, pid)
	r.h = got.h
	return err
}

func (h *handle) String() string {
	if h.name != nil {
		return string(*h.name) + "@" + string(h.pid.Node)
	}
	return h.pid.String()
}

// atom is the name that the handle is known by, "" if it is by its pid.
func (h *handle) atom() Atom {
	if h.name == nil {
		return ""
	}
	return *h.name
}

// RefOf makes a typed handle from a pid. For a process of this node the server's type is checked; for another node it is
// trusted, and a message that its server has no handler for is answered with ErrNotUnderstood.
func RefOf[S any](n *Node, pid PID) (Ref[S], error) {
	if pid.Node != n.name {
		return Ref[S]{&handle{pid: pid, node: n}}, nil
	}
	p := n.procs.get(pid)
	if p == nil {
		return Ref[S]{&handle{pid: pid, node: n}}, nil // a tombstone: every send says that there is no process
	}
	if err := understands[S](p); err != nil {
		return Ref[S]{}, err
	}
	return Ref[S]{&p.handle}, nil
}

// understands checks that the process is a server whose state is S, or has the methods of the interface S.
func understands[S any](p *Self) error {
	want := reflect.TypeFor[S]()
	if p.kind.server == want {
		return nil
	}
	if p.kind.server != nil && want.Kind() == reflect.Interface && p.kind.server.Implements(want) {
		return nil
	}
	return &OpError{Op: "resolve", To: p.pid.String(), What: p.kind.name + ", wanted " + want.String(), Err: ErrNotUnderstood}
}

// Named is a server known by a registered name; the name is looked up at each send.
type Named[S any] struct {
	name Atom
	node Atom // "" is the caller's own
}

// At is the server registered as name on node. With node "" it is on the caller's own node, which ctx must carry.
func At[S any](name, node Atom) Named[S] { return Named[S]{name, node} }

// String is name@node.
func (d Named[S]) String() string { return string(d.name) + " at " + string(d.node) }

// Resolve finds the process on this node, or makes a handle that the other node resolves.
func (d Named[S]) Resolve(ctx context.Context) (Ref[S], error) {
	n := nodeOf(ctx)
	if n == nil {
		return Ref[S]{}, ErrNoNode
	}
	if d.node != "" && d.node != n.name {
		return Ref[S]{&handle{pid: PID{Node: d.node}, node: n, name: &d.name}}, nil
	}
	p := n.names.get(d.name)
	if p == nil {
		return Ref[S]{}, &OpError{Op: "resolve", To: string(d.name), Err: undelivered(ErrNoProcess)}
	}
	if err := understands[S](p); err != nil {
		return Ref[S]{}, err
	}
	return Ref[S]{&p.handle}, nil
}

// Refs is a list of servers as one Many.
func Refs[S any](refs ...Ref[S]) Many[S] { return refList[S](refs) }

type refList[S any] []Ref[S]

func (l refList[S]) ResolveAll(context.Context) ([]Ref[S], error) { return l, nil }

func resolve[S any](ctx context.Context, to Dest[S]) (Ref[S], error) {
	if to == nil {
		return Ref[S]{}, ErrNoProcess
	}
	return to.Resolve(ctx)
}

// nodeOf is the node that ctx belongs to.
func nodeOf(ctx context.Context) *Node {
	if p, ok := ctx.(*Self); ok {
		return p.node
	}
	switch v := ctx.Value(callerKey{}).(type) {
	case *Self:
		return v.node
	case *Node:
		return v
	}
	return nil
}

func typeString(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).String()
}

// Backlog is the number of messages that wait in the server's mailbox. It is known for servers of this node that live.
func (r Ref[S]) Backlog() (n int, known bool) {
	if r.h == nil || r.h.proc == nil {
		return 0, false
	}
	p := r.h.proc
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queueLen(), !p.dead.Load()
}
