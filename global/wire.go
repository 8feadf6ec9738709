// SPDX-License-Identifier: Apache-2.0

package global

import (
	"math/rand/v2"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// TermCall serves the name servers, lockers and registrars of other nodes, and our own: locks and names.
func (s *server) TermCall(self *banyan.Self, request any) (any, error) { //lint:any terms
	if tag, ok := request.(atom); ok {
		return s.ask(tag)
	}
	tag, args, _ := split(request)
	by := self.Caller()
	switch {
	case (tag == "set_lock" || tag == "del_lock") && len(args) == 1:
		id, ok := args[0].(etf.Tuple)
		if !ok || len(id) != 2 {
			return nil, errDropped
		}
		done := true
		s.step(self, func() {
			if tag == "set_lock" {
				done = s.core.setLock(id[0], id[1], by)
			} else {
				s.core.delLock(id[0], id[1], by)
			}
		})
		return done, nil
	case tag == "register" && len(args) == 3, tag == "register_ext" && len(args) == 4:
		n, ok := namedOf(args[:3])
		if !ok {
			return nil, errDropped
		}
		s.step(self, func() { s.core.register(n, by) })
		return atom("yes"), nil
	case tag == "unregister" && len(args) == 1:
		s.step(self, func() { s.core.unregister(args[0]) })
		return atom("ok"), nil
	case tag == "sync" && len(args) == 1:
		if l, ok := args[0].(etf.List); ok && len(s.foreign) < s.limits.locks {
			nodes := make([]atom, len(l))
			for i := range l {
				nodes[i] = nodeArg(etf.Tuple(l), i)
			}
			s.lastID++
			s.foreign[s.lastID] = banyan.Defer[any](self)
			s.step(self, func() { s.core.sync(s.lastID, nodes) })
			return nil, nil
		}
	}
	return nil, errDropped
}

// ask answers the requests that are bare atoms.
func (s *server) ask(tag atom) (any, error) {
	switch tag {
	case "get_known":
		list := etf.List{}
		for _, m := range s.core.members() {
			list = append(list, m.node)
		}
		return list, nil
	case "get_synced":
		list := etf.List{}
		for n := range s.core.synced {
			list = append(list, n)
		}
		return list, nil
	case "get_protocol_version":
		return version, nil
	case "get_names_ext":
		return etf.List{}, nil
	}
	return nil, errDropped
}

// TermCast takes what other name servers and lockers send as casts.
func (s *server) TermCast(self *banyan.Self, note any) error { //lint:any terms
	tag, args, _ := split(note)
	understood := true
	s.step(self, func() {
		switch {
		case tag == "init_connect" && len(args) == 3:
			g, ok := greetingOf(args)
			if understood = ok; ok {
				s.core.greet(nodeArg(args, 1), g)
			}
		case tag == "exchange" && len(args) == 4:
			list, ok := namesOf(args[1])
			if understood = ok; ok {
				s.core.exchange(nodeArg(args, 0), list, args[3])
			}
		case tag == "resolved" && len(args) == 6:
			ops, ok1 := opsOf(args[1])
			known, ok2 := membersOf(args[2])
			if understood = ok1 && ok2; understood {
				s.core.resolution(nodeArg(args, 0), resolution{ops, known}, args[5])
			}
		case tag == "new_nodes" && len(args) == 5:
			ops, ok1 := opsOf(args[1])
			nodes, ok2 := membersOf(args[3])
			if understood = ok1 && ok2; understood {
				s.core.newNodes(nodeArg(args, 0), ops, nodes, lockTag(args[4]))
			}
		case tag == "in_sync" && len(args) == 2:
			s.core.inSync(nodeArg(args, 0))
		case tag == "lock_set" && (len(args) == 3 || len(args) == 4):
			m, ok := lockSetOf(args)
			if understood = ok; ok {
				s.core.lockSet(m)
			}
		case tag == "async_del_name" || tag == "async_del_lock": // of old versions, without meaning
		default:
			understood = false
		}
	})
	if !understood {
		s.dropped(self, note)
	}
	return nil
}

func (s *server) dropped(self *banyan.Self, m any) {
	tag, _, _ := split(m)
	self.Node().Logger().Debug("global: a message that is none of its own is dropped", "tag", string(tag))
}

// info takes what other name servers send as plain messages.
func (s *server) info(self *banyan.Self, m any) {
	tag, args, _ := split(m)
	if tag == "whereis" && len(args) == 2 {
		s.whereis(self, m, args)
		return
	}
	understood := true
	s.step(self, func() {
		switch {
		case tag == "init_connect_ack" && len(args) == 3:
			s.core.acknowledged(nodeArg(args, 0), args[1], args[2])
		case tag == "cancel_connect" && len(args) == 2:
			s.core.cancelled(nodeArg(args, 0), args[1])
		case tag == "lost_connection" && len(args) == 4:
			creation, ok1 := args[1].(int)
			op, ok2 := args[2].(int)
			if understood = ok1 && ok2; understood {
				s.core.lostConnection(nodeArg(args, 0), int64(creation), int64(op), nodeArg(args, 3), time.Now())
			}
		case tag == "remove_connection" && len(args) == 1:
			s.core.removeConnection(nodeArg(args, 0))
		case tag == "lock_set" && len(args) == 3: // of version 5
			if l, ok := lockSetOf(args); ok {
				s.core.lockSet(l)
			}
		default:
			understood = false
		}
	})
	if !understood {
		s.dropped(self, m)
	}
}

// whereis answers a C node's question; while names are being changed it is put off.
func (s *server) whereis(self *banyan.Self, m any, args etf.Tuple) {
	from, ok := args[1].(etf.Tuple)
	if !ok || len(from) != 2 {
		return
	}
	to, ok := from[0].(banyan.PID)
	if !ok || !s.core.links[to.Node] && to.Node != s.core.node {
		return
	}
	if s.core.locks[globalKey] != nil {
		self.SendAfter(time.Duration(rand.IntN(1000)+1)*time.Millisecond, m)
		return
	}
	answer := any(atom("undefined"))
	if k, err := etf.Key(args[0]); err == nil && s.core.names[k] != nil {
		answer = s.core.names[k].pid
	}
	if err := banyan.Send(banyan.NoWait(self), to, etf.Tuple{from[1], answer}); err != nil {
		self.Node().Logger().Debug("global: a question cannot be answered", "pid", to.String(), "error", err)
	}
}

func greetingOf(args etf.Tuple) (g greeting, ok bool) {
	v, isTuple := args[0].(etf.Tuple)
	l, isLocker := args[2].(etf.Tuple)
	if !isTuple || len(v) < 2 || !isLocker || len(l) != 4 {
		return g, false
	}
	g.version, ok = v[0].(int)
	g.tag = v[1]
	var isPID bool
	g.locker, isPID = l[3].(banyan.PID)
	return g, ok && isPID
}

func namesOf(t any) (list []named, ok bool) {
	l, ok := t.(etf.List)
	for _, e := range l {
		n, ok := namedOf(e)
		if !ok {
			return nil, false
		}
		list = append(list, n)
	}
	return list, ok
}

func lockSetOf(args etf.Tuple) (m lockSet, ok bool) {
	m.locker, ok = args[0].(banyan.PID)
	m.set = isTrue(args[1])
	if len(args) == 4 {
		m.tagged, m.tagTerm = true, args[3]
	}
	return m, ok
}
