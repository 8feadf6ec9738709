// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// executeCall is erpc:execute_call(Res, M, F, Args): the process answers by its end.
func (s *Server) executeCall(self *banyan.Self, args []any) error {
	req, ok := requestOf(self, args[1:])
	if !ok {
		return ofSystem(badargAtom).answer(args[0])
	}
	return s.run(req).answer(args[0])
}

// executeCast is erpc:execute_cast(M, F, Args). Nobody waits, so what goes wrong is logged.
func (s *Server) executeCast(self *banyan.Self, args []any) error {
	req, ok := requestOf(self, args)
	if !ok {
		self.Node().Logger().Warn("rpc cast is no module, function and list", "from", self.Parent().String())
		return nil
	}
	s.cast(req)
	return nil
}

func (s *Server) cast(req Request) {
	o := s.run(req)
	if o.class == returned {
		return
	}
	req.Self.Node().Logger().Error("rpc cast failed", "function", req.key().String(), "from", req.Caller.String(),
		"class", string(o.class), "reason", brief(o.value))
}

// requestOf reads [M, F, Args].
func requestOf(self *banyan.Self, mfa []any) (Request, bool) {
	m, ok1 := mfa[0].(etf.Atom)
	f, ok2 := mfa[1].(etf.Atom)
	args, ok3 := mfa[2].(etf.List)
	return Request{Self: self, Caller: self.Parent(), GroupLeader: self.GroupLeader(), Module: m, Function: f, Args: args}, ok1 && ok2 && ok3
}

func (r Request) key() key { return key{r.Module, r.Function, len(r.Args)} }

// run runs a registered function in the process of req, and nothing else.
func (s *Server) run(req Request) outcome {
	if s.running.Add(1) > s.max {
		s.running.Add(-1)
		s.refused.Add(1)
		return ofSystem(limitAtom)
	}
	defer s.running.Add(-1)
	f, ok := s.find(req.key())
	if !ok {
		return undefined(req.key(), req.Args)
	}
	req.Self.Paced(f.pace)
	return invoke(f, req)
}

// invoke calls the function; a panic in it is an error with the place where it happened.
func invoke(f Function, req Request) (o outcome) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		err, _ := v.(error)
		p := &banyan.PanicError{Value: fmt.Sprint(v), Stack: string(debug.Stack()), Err: err}
		req.Self.Node().Logger().Error("rpc function panicked", "function", f.String(), "from", req.Caller.String(),
			"panic", p.Value, "stack", p.Stack)
		o = outcomeOf(f.key, req.Args, nil, p)
		o.stack = etf.List{etf.Tuple{f.key.module, f.key.function, f.key.arity, panickedAt()}}
	}()
	v, err := f.invoke(&call{Self: req.Self, req: req})
	return outcomeOf(f.key, req.Args, v, err)
}

// panickedAt is Erlang's location of the line that panicked; called while the panic is on the stack.
func panickedAt() etf.List {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	inside := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			inside = true
		case inside && !strings.HasPrefix(f.Function, "runtime."):
			return etf.List{etf.Tuple{etf.Atom("file"), chars(filepath.Base(f.File))}, etf.Tuple{etf.Atom("line"), f.Line}}
		}
		if !more {
			return etf.List{}
		}
	}
}

// chars is an Erlang string.
func chars(s string) etf.List {
	list := make(etf.List, 0, len(s))
	for _, r := range s {
		list = append(list, int(r))
	}
	return list
}
