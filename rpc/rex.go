// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
)

const rexName banyan.Atom = "rex"

// rex is the server of that name. Old nodes and C nodes call by it, rpc:block_call and rpc:cast do on all.
type rex struct {
	s       *Server
	running map[banyan.Reference]job // by the monitor of the process that runs it
	blocked []job                    // block_calls. Invariant: the first of them runs, if any
}

// job is a function to run for a caller.
type job struct {
	req   Request
	block bool
	reply func(any) error
}

func newRex(s *Server) *rex { return &rex{s: s, running: map[banyan.Reference]job{}} }

// TermCall serves {call | block_call, M, F, Args, GroupLeader}.
func (r *rex) TermCall(self *banyan.Self, request any) (any, error) {
	op, req, ok := rexRequest(self, request)
	if !ok || op != "call" && op != "block_call" {
		return nil, fmt.Errorf("%w: rex serves {call | block_call, Module, Function, Args, GroupLeader}", banyan.ErrNotUnderstood)
	}
	req.Caller = self.Caller()
	if r.full() {
		return ofSystem(limitAtom).reply(), nil
	}
	r.add(self, job{req, op == "block_call", banyan.Defer[any](self).Reply})
	return nil, nil
}

// full refuses what would be one job too many.
func (r *rex) full() bool {
	if int64(len(r.running)+max(len(r.blocked)-1, 0)) < r.s.max {
		return false
	}
	r.s.refused.Add(1)
	return true
}

// add runs a job, or lets a blocking one wait for its turn.
func (r *rex) add(self *banyan.Self, j job) {
	if j.block {
		if r.blocked = append(r.blocked, j); len(r.blocked) > 1 {
			return
		}
	}
	r.begin(self, j)
}

// begin starts a process that answers by its end.
func (r *rex) begin(self *banyan.Self, j job) {
	var m banyan.Reference
	s, req := r.s, j.req // the process gets its own, and nothing of rex
	_, err := banyan.Go(self, func(p *banyan.Self) error {
		req.Self = p
		return &banyan.TermError{Term: s.run(req).reply(), Answer: true}
	}, banyan.Monitored(&m))
	if err != nil {
		r.finish(self, j, ofSystem(limitAtom).reply())
		return
	}
	r.running[m] = j
}

// finish answers, and begins the next that waits behind.
func (r *rex) finish(self *banyan.Self, j job, reply any) {
	_ = j.reply(reply) // a caller that is gone needs none
	if !j.block {
		return
	}
	if r.blocked = r.blocked[1:]; len(r.blocked) > 0 {
		r.begin(self, r.blocked[0])
	}
}

// TermCast serves {cast, M, F, Args, GroupLeader}.
func (r *rex) TermCast(self *banyan.Self, note any) error {
	op, req, ok := rexRequest(self, note)
	if !ok || op != "cast" {
		self.Node().Logger().Warn("rex cast not understood", "cast", brief(note))
		return nil
	}
	_, err := banyan.Go(self.Node(), func(p *banyan.Self) error {
		req.Self = p
		r.s.cast(req)
		return nil
	})
	if err != nil {
		self.Node().Logger().Error("rpc cast failed", "function", req.key().String(), "error", err)
	}
	return nil
}

// Info serves what comes as plain messages: the ends of jobs, and {From, Request}. As in OTP what else comes is ignored.
func (r *rex) Info(self *banyan.Self, m any) error {
	switch m := m.(type) {
	case banyan.Down:
		if j, ok := r.running[m.Monitor]; ok {
			delete(r.running, m.Monitor)
			r.finish(self, j, replyAtEnd(m.Reason))
		}
	case etf.Tuple:
		if len(m) != 2 {
			break
		}
		if from, ok := m[0].(banyan.PID); ok {
			r.serve(self, from, m[1])
		}
	}
	return nil
}

// replyAtEnd is the answer of a process that has ended, by itself or by an exit signal.
func replyAtEnd(reason error) any {
	if t, ok := reason.(*banyan.TermError); ok && t.Answer {
		return t.Term
	}
	return outcome{class: ClassExit, value: dist.ReasonTerm(reason)}.reply()
}

// serve serves {From, Request}.
func (r *rex) serve(self *banyan.Self, from banyan.PID, request any) {
	node := self.Node()
	tell := func(m any) {
		if err := banyan.Send(self, from, m); err != nil {
			node.Logger().Warn("rex cannot answer", "to", from.String(), "error", err)
		}
	}
	if request == etf.Atom("features_request") {
		tell(etf.Tuple{etf.Atom("features_reply"), node.Name(), etf.List{erpcAtom}})
		return
	}
	if op, req, ok := rexRequest(self, request); ok && op == "call" { // C nodes do
		req.Caller = from
		reply := func(v any) error { tell(etf.Tuple{rexName, v}); return nil }
		if r.full() {
			_ = reply(ofSystem(limitAtom).reply()) // tell has logged it
			return
		}
		r.add(self, job{req, false, reply})
		return
	}
	t, ok := request.(etf.Tuple)
	if !ok || len(t) != 3 {
		return
	}
	name, _ := t[1].(etf.Atom)
	to, found := node.Whereis(name)
	switch {
	case t[0] != etf.Atom("sbcast") && t[0] != etf.Atom("send"):
	case !found:
		tell(etf.Tuple{rexName, node.Name(), etf.Tuple{etf.Atom("nonexisting_name"), t[1]}})
	case t[0] == etf.Atom("send"):
		_ = banyan.Send(self, to, etf.Tuple{from, t[2]}) // whoever has that name is to answer
	default:
		_ = banyan.Send(self, to, t[2]) // as in OTP: the name was there, no more is said
		tell(etf.Tuple{rexName, node.Name(), node.Name()})
	}
}

// Terminate takes erpc's functions back.
func (r *rex) Terminate(self *banyan.Self, _ error) { r.s.ended(self.Node()) }

// rexRequest reads {Op, M, F, Args, GroupLeader}; the leader may be the name user.
func rexRequest(self *banyan.Self, request any) (op etf.Atom, req Request, ok bool) {
	t, ok := request.(etf.Tuple)
	if !ok || len(t) != 5 {
		return "", Request{}, false
	}
	op, ok = t[0].(etf.Atom)
	if !ok {
		return "", Request{}, false
	}
	req, ok = requestOf(self, t[1:4])
	if leader, isPID := t[4].(banyan.PID); isPID {
		req.GroupLeader = leader
	} else {
		req.GroupLeader, _ = self.Node().Whereis("user")
	}
	req.Caller = banyan.PID{}
	return op, req, ok
}
