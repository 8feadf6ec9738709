// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan"
)

// DefaultMaxCalls is how many functions a node runs at a time if MaxCalls does not say otherwise.
const DefaultMaxCalls = 10_000

// Option changes a Server.
type Option interface{ set(*Server) }

type option func(*Server)

func (o option) set(s *Server) { o(s) }

// MaxCalls bounds how many functions run at a time, and how many calls wait to be blocked. One more call is answered with
// {erpc, system_limit}, and one more cast is dropped and logged.
func MaxCalls(n int) Option { return option(func(s *Server) { s.max = int64(n) }) }

// Server is the functions that a node answers. It serves one node: by Start, under a supervisor, or as an application.
type Server struct {
	max     int64
	running atomic.Int64
	refused atomic.Uint64

	mu        sync.RWMutex
	functions map[key]Function
	node      *banyan.Node
	pid       banyan.PID
}

// New makes a server without functions, which does not run yet.
func New(opts ...Option) *Server {
	s := &Server{max: DefaultMaxCalls, functions: map[key]Function{}}
	for _, o := range opts {
		o.set(s)
	}
	return s
}

// Start starts a server on a node, with these functions. It runs until it is stopped, or its node is.
func Start(n *banyan.Node, functions ...Function) (*Server, error) {
	s := New()
	if err := s.Register(functions...); err != nil {
		return nil, err
	}
	if err := s.Start(n); err != nil {
		return nil, err
	}
	return s, nil
}

// Register makes functions known; while the server runs they can be called at once. One that has the name of another takes
// its place. The error tells of those whose arguments or results cannot travel; then none is registered.
func (s *Server) Register(functions ...Function) error {
	var errs []error
	for _, f := range functions {
		errs = append(errs, f.check())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range functions {
		f.pace = new(banyan.Pace)
		s.functions[f.key] = f
	}
	return nil
}

// Unregister takes a function back; it reports whether it was there. Calls that run go on.
func (s *Server) Unregister(module, function banyan.Atom, arity int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{module, function, arity}
	_, ok := s.functions[k]
	delete(s.functions, k)
	return ok
}

// Functions lists what can be called, by name.
func (s *Server) Functions() []Function {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]Function, 0, len(s.functions))
	for _, f := range s.functions {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Function) int {
		return cmp.Or(cmp.Compare(a.key.module, b.key.module), cmp.Compare(a.key.function, b.key.function), cmp.Compare(a.key.arity, b.key.arity))
	})
	return list
}

func (s *Server) find(k key) (Function, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, ok := s.functions[k]
	return f, ok
}

// Running is how many functions run now.
func (s *Server) Running() int { return int(s.running.Load()) }

// Refused is how many calls and casts were refused because MaxCalls functions were running.
func (s *Server) Refused() uint64 { return s.refused.Load() }

// Start starts the server on a node, without a supervisor.
func (s *Server) Start(n *banyan.Node) error {
	_, err := s.launch(n, nil)
	return err
}

// Stop ends the server and waits for that; the functions cannot be called any more. Calls that run go on and are answered.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.RLock()
	n, pid := s.node, s.pid
	s.mu.RUnlock()
	if n == nil {
		return nil
	}
	var down banyan.Latch
	_, err := banyan.Go(n, func(self *banyan.Self) error {
		defer down.Open()
		self.Monitor(pid)
		if err := banyan.SendExit(self, pid, banyan.ErrShutdown); err != nil {
			return err
		}
		_, err := banyan.ReceiveOf[banyan.Down](self, self)
		return err
	})
	if errors.Is(err, banyan.ErrNodeStopped) {
		return nil
	}
	if err != nil {
		return err
	}
	return down.Wait(ctx)
}

// Name is rpc: a Server is an application.
func (s *Server) Name() string { return "rpc" }

// Launch starts it under a supervisor, or as an application.
func (s *Server) Launch(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
	return s.launch(parent, opts)
}

func (s *Server) launch(by banyan.Spawner, opts []banyan.SpawnOption) (banyan.PID, error) {
	start := func(_ context.Context, self *banyan.Self) (*rex, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := s.node; n != nil && n != self.Node() && !stopped(n) {
			return nil, fmt.Errorf("rpc: start on %s: the server serves %s; make one for each node", self.Node().Name(), n.Name())
		}
		s.node, s.pid = self.Node(), self.PID()
		s.export(s.node)
		return newRex(s), nil
	}
	ref, err := banyan.Spawn(by, start, append(slices.Clip(opts), banyan.Name(rexName))...)
	if err != nil {
		return banyan.PID{}, err
	}
	return ref.PID(), nil
}

func stopped(n *banyan.Node) bool {
	select {
	case <-n.Done():
		return true
	default:
		return false
	}
}

// ended is called when the server ends.
func (s *Server) ended(n *banyan.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries() {
		n.Export(erpcAtom, e.name, e.arity, nil)
	}
	s.node, s.pid = nil, banyan.PID{}
}

// export makes erpc's functions known, which other nodes start processes with. With mu held.
func (s *Server) export(n *banyan.Node) {
	for _, e := range s.entries() {
		n.Export(erpcAtom, e.name, e.arity, e.run)
	}
}

type entry struct {
	name  banyan.Atom
	arity int
	run   func(*banyan.Self, []any) error
}

func (s *Server) entries() []entry {
	return []entry{{"execute_call", 4, s.executeCall}, {"execute_cast", 3, s.executeCast}}
}
