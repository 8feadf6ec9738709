// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/term"
)

// foreign serves what Erlang's module gen_event sends: {notify, Event}, and calls as {From, {From, Tag}, Request}. It
// reports whether v is one of these.
func (m *Manager[E]) foreign(self *banyan.Self, v any) bool {
	t, ok := v.(term.Tuple)
	if !ok {
		return false
	}
	if len(t) == 2 && t[0] == banyan.Atom("notify") {
		if err := m.notifyTerm(self, t[1]); err != nil {
			self.Node().Logger().Warn("event not understood", "pid", self.PID().String(), "error", err.Error())
		}
		return true
	}
	if len(t) != 3 {
		return false
	}
	from, isPID := t[0].(banyan.PID)
	id, isTuple := t[1].(term.Tuple)
	if !isPID || !isTuple || len(id) != 2 || id[0] != from {
		return false
	}
	reply(self, from, id[1], m.request(self, t[2]))
	return true
}

// notifyTerm makes an event of a term, and tells the handlers.
func (m *Manager[E]) notifyTerm(self *banyan.Self, t any) (err error) {
	ev, ok := t.(E)
	if m.cfg.Decode != nil {
		ev, err = m.cfg.Decode(t)
	} else if !ok {
		err = self.Node().FromTerm(t, &ev)
	}
	if err == nil {
		m.notify(self, ev)
	}
	return err
}

// request serves a call, and gives the reply.
func (m *Manager[E]) request(self *banyan.Self, t any) any {
	const (
		ok        = banyan.Atom("ok")
		badModule = banyan.Atom("bad_module")
	)
	if t == banyan.Atom("which_handlers") {
		ids := []any{}
		for _, id := range m.which() {
			ids = append(ids, id)
		}
		return ids
	}
	r, _ := t.(term.Tuple)
	if len(r) < 2 {
		return failure(banyan.Atom("badarg"))
	}
	switch {
	case r[0] == banyan.Atom("sync_notify") && len(r) == 2:
		if err := m.notifyTerm(self, r[1]); err != nil {
			return failure(term.Tuple{banyan.Atom("badarg"), []byte(err.Error())})
		}
		return ok
	case r[0] == banyan.Atom("call") && len(r) == 3:
		e := m.named(r[1])
		if e == nil {
			return failure(badModule)
		}
		return m.callTerm(self, e, r[2])
	case r[0] == banyan.Atom("delete_handler") && len(r) == 3:
		e := m.named(r[1])
		if e == nil {
			return failure(banyan.Atom("module_not_found"))
		}
		m.remove(self, e, banyan.ErrNormal, banyan.ErrNormal)
		return ok
	}
	// A handler is Go code, which Erlang cannot bring.
	return term.Tuple{banyan.Atom("EXIT"), banyan.Atom("undef")}
}

// named finds the handler that Erlang calls Module, or {Module, ID}.
func (m *Manager[E]) named(t any) *entry[E] {
	switch id := t.(type) {
	case banyan.Atom:
		return m.find(id)
	case term.Tuple:
		if len(id) == 2 {
			return m.find(banyan.Atom(fmt.Sprintf("%v:%v", id[0], id[1])))
		}
	}
	return nil
}

// callTerm gives a query to a handler that takes terms.
func (m *Manager[E]) callTerm(self *banyan.Self, e *entry[E], query any) any {
	h, ok := e.h.(banyan.TermCaller)
	if !ok {
		return failure(banyan.Atom("not_understood"))
	}
	var v any
	var err error
	if crash := guard(func() error { v, err = h.TermCall(self, query); return nil }); crash != nil {
		m.crash(self, e, fmt.Sprintf("%T", query), crash)
		return failure(term.Tuple{banyan.Atom("EXIT"), []byte(crash.Error())})
	}
	if err != nil {
		return failure([]byte(err.Error()))
	}
	return v
}

func failure(why any) any { return term.Tuple{banyan.Atom("error"), why} }

// reply answers as gen:reply does: {Tag, Reply} to the alias in the tag, if it has one, or to the caller.
func reply(self *banyan.Self, to banyan.PID, tag, v any) {
	answer := term.Tuple{tag, v}
	var err error
	if l, ok := tag.(interface{ Improper() ([]any, any) }); ok { // etf.ImproperList
		elems, tail := l.Improper()
		if ref, ok := tail.(banyan.Reference); ok && len(elems) == 1 && elems[0] == banyan.Atom("alias") {
			err = banyan.SendAlias(self, ref, answer)
		}
	} else {
		err = banyan.Send(self, to, answer)
	}
	if err != nil { // the caller has a monitor for the case that the link is gone
		self.Node().Logger().Warn("reply of an event manager not sent", "pid", self.PID().String(), "to", to.String(), "error", err.Error())
	}
}
