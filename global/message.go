// SPDX-License-Identifier: Apache-2.0

package global

import (
	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

type atom = banyan.Atom

// serverName is where the messages of global go, on every node.
const serverName = atom("global_name_server")

// version is the protocol that we speak; peers may speak oldest or newer.
const (
	version       = 8
	oldest        = 5
	versionAcks   = 8 // from here on init_connect is acknowledged, and tags are in all messages of a session
	versionNodes  = 7 // from here on nodes are told with their versions, and lost connections are told
	versionLocker = 6 // from here on lockers speak by way of their servers
)

// named is a name with who has it. Method is how a clash is resolved: a fun, kept as the term it is.
type named struct {
	name   any
	pid    banyan.PID
	method any
}

func (n named) term() any { return etf.Tuple{n.name, n.pid, n.method} }

func namedOf(t any) (n named, ok bool) {
	q, isTuple := t.(etf.Tuple)
	if !isTuple || len(q) != 3 {
		return n, false
	}
	n.name, n.method = q[0], q[2]
	n.pid, ok = q[1].(banyan.PID)
	return n, ok
}

// op is a change of the names that two nodes agree on when they meet: an insert, or a delete of the name alone.
type op struct {
	named
	remove bool
}

func opsTerm(ops []op) any {
	l := make(etf.List, len(ops))
	for i, o := range ops {
		if o.remove {
			l[i] = etf.Tuple{atom("delete"), o.name}
		} else {
			l[i] = etf.Tuple{atom("insert"), o.term()}
		}
	}
	return l
}

func opsOf(t any) (ops []op, ok bool) {
	l, ok := t.(etf.List)
	for _, e := range l {
		q, isTuple := e.(etf.Tuple)
		if !isTuple || len(q) != 2 {
			return nil, false
		}
		switch q[0] {
		case any(atom("delete")):
			ops = append(ops, op{named{name: q[1]}, true})
		case any(atom("insert")):
			n, ok := namedOf(q[1])
			if !ok {
				return nil, false
			}
			ops = append(ops, op{n, false})
		default:
			return nil, false
		}
	}
	return ops, ok
}

// member is a node of the cluster, with the version that it speaks; 0 if that is not known.
type member struct {
	node    atom
	version int
}

func membersTerm(list []member, peer int) any {
	l := make(etf.List, len(list))
	for i, m := range list {
		if l[i] = m.node; peer >= versionNodes {
			l[i] = etf.Tuple{m.node, m.version}
		}
	}
	return l
}

func membersOf(t any) (list []member, ok bool) {
	l, ok := t.(etf.List)
	for _, e := range l {
		switch e := e.(type) {
		case atom:
			list = append(list, member{e, 0})
		case etf.Tuple:
			if len(e) != 2 {
				return nil, false
			}
			node, isAtom := e[0].(atom)
			v, isInt := e[1].(int)
			if !isAtom || !isInt || v < 0 {
				return nil, false
			}
			list = append(list, member{node, v})
		default:
			return nil, false
		}
	}
	return list, ok
}

// lockTag finds the requester of the global lock in the last part of new_nodes: [{vsn, V}, {lock, {global, Requester}}].
func lockTag(extra any) any {
	l, _ := extra.(etf.List)
	for _, e := range l {
		if q, ok := e.(etf.Tuple); ok && len(q) == 2 && q[0] == any(atom("lock")) {
			if id, ok := q[1].(etf.Tuple); ok && len(id) == 2 {
				return id[1]
			}
		}
	}
	return nil
}

func extraTerm(vsn int, requester any) any {
	return etf.List{etf.Tuple{atom("vsn"), vsn}, etf.Tuple{atom("lock"), globalLock(requester)}}
}

// globalLock is the lock that orders all changes of names.
func globalLock(requester any) etf.Tuple { return etf.Tuple{atom("global"), requester} }

// split reads a message that is a tuple beginning with an atom.
func split(m any) (tag atom, args etf.Tuple, ok bool) {
	t, isTuple := m.(etf.Tuple)
	if !isTuple || len(t) == 0 {
		return "", nil, false
	}
	tag, ok = t[0].(atom)
	return tag, t[1:], ok
}

// isTrue reads a boolean, from the wire or from this node.
func isTrue(v any) bool { return v == any(true) || v == any(atom("true")) }

// nodeArg reads an element of a message that must be an atom.
func nodeArg(args etf.Tuple, i int) atom {
	a, _ := args[i].(atom)
	return a
}
