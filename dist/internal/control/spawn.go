// SPDX-License-Identifier: Apache-2.0

package control

import (
	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// knownOption reports whether a pair that begins with name is an option of spawn_opt that has no meaning here: it tunes
// a heap or a scheduler, or speaks to the caller's own node.
func knownOption(name banyan.Atom) bool {
	switch name {
	case "priority", "min_heap_size", "min_bin_vheap_size", "max_heap_size", "fullsweep_after", "message_queue_data",
		"scheduler", "reply", "reply_tag", "async_dist":
		return true
	}
	return false
}

// spawn reads {29, ReqId, From, GroupLeader, {M, F, Arity}, Opts}.
func (r *reader) spawn(m *Message) {
	s := &m.Signal
	req := &banyan.SpawnRequest{}
	s.Op, s.Spawn = banyan.OpSpawn, req
	s.Ref, s.From, req.GroupLeader = r.ref(), r.theirs(), r.pid()
	if r.err != nil {
		return
	}
	if n, err := r.d.TupleHeader(); err != nil || n != 3 {
		r.keep(err)
		r.fail("no {Module, Function, Arity}")
		return
	}
	req.Module, req.Function = r.atom(), r.atom()
	arity := r.int()
	if arity < 0 || arity > 255 {
		r.fail("arity %d", arity)
	}
	m.Arity = int(arity)
	r.options(m)
}

// options reads the option list. An unknown option is answered; something that is no list is an error.
func (r *reader) options(m *Message) {
	if r.err != nil {
		return
	}
	if r.d.Peek() == etf.KindString { // a list of small integers: a list, but no options
		m.BadOption = true
		r.skip(true)
		return
	}
	n, err := r.d.ListHeader()
	if err != nil {
		r.err = err
		return
	}
	for i := 0; i < n && r.err == nil; i++ {
		r.option(m)
	}
	if n > 0 && r.err == nil {
		r.err = r.d.ListEnd()
	}
}

// option reads an atom or a pair that begins with one.
func (r *reader) option(m *Message) {
	pair := false
	if r.d.Peek() == etf.KindTuple {
		pos := r.d.Pos()
		n, err := r.d.TupleHeader()
		if err != nil || n != 2 || r.d.Peek() != etf.KindAtom {
			r.d.SetPos(pos)
			m.BadOption = true
			r.skip(true)
			return
		}
		pair = true
	}
	if r.d.Peek() != etf.KindAtom {
		m.BadOption = true
		r.skip(true)
		return
	}
	switch name := r.atom(); {
	case name == "link" && !pair:
		m.Signal.Spawn.Link = true
	case name == "monitor":
		m.Signal.Spawn.Monitor = true
	case !pair || !knownOption(name):
		m.BadOption = true
	}
	r.skip(pair)
}
