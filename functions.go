// SPDX-License-Identifier: Apache-2.0

package banyan

import "sync"

// functionTable holds what Export made known. It only grows, by what the program exports.
type functionTable struct {
	mu sync.RWMutex
	m  map[functionKey]*exported
}

// exported is one of them.
type exported struct {
	run  func(*Self, []any) error
	pace Pace
}

type functionKey struct {
	module, function Atom
	arity            int
}

func (t *functionTable) find(module, function Atom, arity int) *exported {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.m[functionKey{module, function, arity}]
}

// Export makes a function known to other nodes by Erlang's words: they may spawn a process that runs it, by
// spawn(Node, Module, Function, Args) and the like, or RunAt. It runs in a plain process of its own, with the arguments as
// terms; what it returns is the exit reason. Nothing can be started here but what was exported. A function that is exported
// again replaces the former; nil takes it back.
//
// A function that another node asks for runs on the goroutine that reads from that node's link, as long as it is quick; one that
// waits by this package, or takes longer than about a millisecond, gets the goroutine for itself, and others like it have
// their own from the start, see Pace.
func (n *Node) Export(module, function Atom, arity int, f func(self *Self, args []any) error) { //lint:any terms
	k := functionKey{module, function, arity}
	t := &n.functions
	t.mu.Lock()
	defer t.mu.Unlock()
	if f == nil {
		delete(t.m, k)
		return
	}
	if t.m == nil {
		t.m = map[functionKey]*exported{}
	}
	t.m[k] = &exported{run: f}
}

// Exported reports whether Export has made a function known.
func (n *Node) Exported(module, function Atom, arity int) bool {
	return n.functions.find(module, function, arity) != nil
}

// Parent is the process that spawned this one, also from another node; zero if none did.
func (p *Self) Parent() PID {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext == nil {
		return PID{}
	}
	return p.ext.parent
}
